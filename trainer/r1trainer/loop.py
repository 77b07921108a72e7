"""What every training kind shares: Hugging Face's ``Trainer`` under the job contract.

``JobTrainer`` is mixed into a trainer class (TRL's or Transformers' own). It writes our metrics lines and checkpoints
instead of theirs, stops on request, and ends a job whose guards say so or whose loss is not a number.
"""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import PrinterCallback, ProgressCallback, TrainerCallback

from r1trainer.checkpoint import save_checkpoint, verify_checkpoint
from r1trainer.errors import ConfigError, Diverged
from r1trainer.guards import Alarm, Guards
from r1trainer.job import Job, Params
from r1trainer.metrics import Metrics
from r1trainer.models import save_model, set_generation_config, stored_dtype
from r1trainer.signals import Stopped, StopRequest

CURSOR_FILE = "cursor.json"
DEFAULT_CHECKPOINT_STEPS = 50
SUMMARY_STEPS = 10  # the summary is over so many last steps


@dataclass
class Run:
    """One training job as its trainer sees it."""

    job: Job
    metrics: Metrics
    stop: StopRequest
    to_step: int
    schedule: Callable[[int], float]  # optimizer steps done -> factor on the learning rate
    rows: int  # rows (or questions) consumed from one boundary to the next
    boundary: int = 1  # steps between points where a checkpoint may lie
    checkpoint_steps: int = DEFAULT_CHECKPOINT_STEPS
    guards: Guards = field(default_factory=Guards)
    stopped: bool = field(default=False, init=False)

    def may_stop(self, step: int) -> bool:
        """Whether a checkpoint may lie at ``step``, so that the job can stop there and be continued."""
        return step % self.boundary == 0 and step < self.to_step

    def cursor(self, step: int) -> int:
        """Rows consumed when ``step`` optimizer steps are done; those of a rollout count when it is made."""
        return -(-step // self.boundary) * self.rows


class JobTrainer:
    """Mixin for a ``transformers.Trainer`` (or subclass); place it first among the bases and pass ``run``."""

    def __init__(self, *args: Any, run: Run, **kwargs: Any) -> None:
        self.run = run
        self.evaluated: int | None = None  # the step of the newest evaluation
        self._last_log = time.monotonic()
        self._recent: deque[dict[str, float | None]] = deque(maxlen=SUMMARY_STEPS)
        super().__init__(*args, **kwargs)
        for callback in (PrinterCallback, ProgressCallback):
            self.remove_callback(callback)
        self.add_callback(_Contract(self))

    # -- what a kind gives

    def step_values(self, logs: dict[str, float]) -> dict[str, float | None]:
        """Values of this optimizer step beyond loss, learning rate, gradient norm and seconds. Override."""
        return {}

    def alarms(self, step: int, values: Mapping[str, float | None]) -> list[Alarm]:
        """What the guards say of a step and its values."""
        return self.run.guards.step(step, values)

    def evaluation_due(self, step: int) -> bool:
        """Whether ``step`` is one to measure held-out problems at. Override together with ``held_out_values``."""
        return False

    def held_out_values(self, interrupted: Callable[[], bool]) -> Mapping[str, float | None] | None:
        """Numbers of held-out problems now; None when ``interrupted`` said so on the way."""
        raise NotImplementedError

    # -- what Trainer calls

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Write an ``eval`` line; its time is no step's.

        Asked to stop, it gives way where a checkpoint may lie: whoever continues there evaluates first.
        """
        step, began = self.state.global_step, time.monotonic()
        values = self.held_out_values(lambda: self.run.may_stop(step) and self.run.stop.requested)
        if values is None:
            self.stop_now()
        seconds = time.monotonic() - began
        self.run.metrics.eval(step, {**values, "seconds": seconds})
        self.evaluated = step
        self._last_log += seconds
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, {})
        return {}

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        if self.lr_scheduler is None:
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, self.run.schedule)
            self._created_lr_scheduler = True
        return self.lr_scheduler

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            step = self.state.global_step + 1
            raise Diverged(f"the loss of step {step} is {loss.item()}", last_good_step=self._good_before(step))
        return loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" not in logs:  # the epilogue of Trainer; the summary line is the kind's
            return
        if not math.isfinite(logs.get("grad_norm", 0.0)):
            step = self.state.global_step
            message = f"the gradient norm of step {step} is {logs['grad_norm']}"
            raise Diverged(message, last_good_step=self._good_before(step))
        now = time.monotonic()
        values = {
            "loss": logs["loss"],
            "grad_norm": logs.get("grad_norm"),
            "learning_rate": logs["learning_rate"],
            **self.step_values(logs),
            "seconds": now - self._last_log,
        }
        self._last_log = now
        self._recent.append(values)
        step = self.state.global_step
        self.run.metrics.step(step, values, total=self.run.to_step)
        for alarm in self.alarms(step, values):
            if alarm.stop:  # before the checkpoint of this step
                raise Diverged(alarm.message, alarm.guard, alarm.last_good_step)
            self.run.metrics.warning(step, alarm.guard, alarm.message, alarm.values)

    def _good_before(self, bad: int) -> int:
        # Step `bad` found the model of the step before it broken; the one before that had passed a whole step.
        return max(0, bad - 2)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Restore moments and the place in the schedule; the rate and the decay are the job's own.

        Whoever goes back to a checkpoint with other parameters would otherwise train with those it was written with.
        """
        asked = [(group["initial_lr"], group["weight_decay"]) for group in self.optimizer.param_groups]
        super()._load_optimizer_and_scheduler(checkpoint)
        scheduler = self.lr_scheduler
        for group, (rate, decay) in zip(self.optimizer.param_groups, asked, strict=True):
            group["initial_lr"], group["weight_decay"] = rate, decay
            group["lr"] = rate * self.run.schedule(scheduler.last_epoch)
        scheduler.base_lrs = [rate for rate, _ in asked]
        scheduler._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def _save_checkpoint(self, model: Any = None, trial: Any = None) -> None:
        save_checkpoint(self.run.job.checkpoints, self.state.global_step, self.write_state)

    # -- what kinds call

    def write_state(self, folder: Path) -> None:
        """Write all that is needed to continue: weights, optimizer, scheduler, RNG, step and cursor."""
        self.save_model(str(folder), _internal_call=True)
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle of paths; nothing reads it
        self._save_optimizer_and_scheduler(str(folder))
        self._save_rng_state(str(folder))
        self.state.save_to_json(str(folder / "trainer_state.json"))
        step = self.state.global_step
        record = {
            "step": step,
            "cursor": self.run.cursor(step),
            "evaluated": self.evaluated,
            "guards": self.run.guards.state(),
            **_identity(self.run),
        }
        (folder / CURSOR_FILE).write_text(json.dumps(record) + "\n", encoding="utf-8")

    def stop_now(self) -> NoReturn:
        """Save where we are, which must be a boundary, and end the process as stopped."""
        if self.state.global_step > self.started_at:
            self._save_checkpoint()
        raise Stopped

    def train_job(self, source: Path | None) -> None:
        """Train to ``run.to_step``, continuing from the checkpoint or state in ``source`` where there is one."""
        self.started_at = 0
        if source is not None:
            record = _read_cursor(source, self.run)
            self.started_at, self.evaluated = int(record["step"]), record.get("evaluated")
            self.run.guards.restore(record.get("guards") or {})
        self._last_log = time.monotonic()
        self.train(resume_from_checkpoint=None if source is None else str(source))
        if self.run.stopped:
            raise Stopped
        if self.state.global_step != self.run.to_step:
            raise RuntimeError(f"training ended at step {self.state.global_step} of {self.run.to_step}")

    def totals(self) -> dict[str, float | None]:
        """The job's final numbers: each value's mean over the last steps."""
        names = dict.fromkeys(name for values in self._recent for name in values)
        return {name: mean([values.get(name) for values in self._recent]) for name in names}

    def write_model(self, source: Path) -> None:
        """Fill output ``model``, stored as the model in ``source`` is."""
        set_generation_config(self.model, self.processing_class)
        save_model(self.model, source, self.run.job.output("model"), stored_dtype(source))


class _Contract(TrainerCallback):
    """Start and resume lines, evaluations at their steps, checkpoints on boundaries, stopping."""

    def __init__(self, trainer: JobTrainer) -> None:
        self._trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        run = self._trainer.run
        line = run.metrics.resume if run.job.resume else run.metrics.start
        line(state.global_step, total=run.to_step, cursor=run.cursor(state.global_step))
        if self._evaluation_due(state.global_step):
            self._trainer.evaluate()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        run, step = self._trainer.run, state.global_step
        if run.may_stop(step):
            due = step // run.checkpoint_steps > (step - run.boundary) // run.checkpoint_steps
            if run.stop.requested:
                run.stopped = control.should_training_stop = True
            control.should_save = due or run.stopped
        # Trainer evaluates before it saves, so a checkpoint knows of the evaluation.
        control.should_evaluate = not run.stopped and self._evaluation_due(step)

    def _evaluation_due(self, step: int) -> bool:
        return self._trainer.evaluation_due(step) and self._trainer.evaluated != step


def checkpoint_to_continue(job: Job) -> Path | None:
    """The checkpoint the controller chose, checked; None for a fresh attempt."""
    if job.resume is None:
        return None
    step = verify_checkpoint(job.resume.path)
    if step != job.resume.step:
        raise ConfigError(
            f"the checkpoint in {job.resume.path} is of step {step}, and the job resumes {job.resume.step}"
        )
    return job.resume.path


def training_arguments(
    job: Job, device: torch.device, *, learning_rate: float, batch: int, tokens: int
) -> dict[str, Any]:
    """Arguments every kind passes to its ``TrainingArguments``.

    ``batch`` is the rows of an optimizer step, ``tokens`` the longest row: together they decide how many rows go
    through the model at a time.
    """
    cuda = device.type == "cuda"
    micro = micro_batch(batch, tokens, 16_384 if cuda else 65_536)
    return {
        "output_dir": str(job.checkpoints),
        "seed": job.seed,
        "learning_rate": learning_rate,
        "weight_decay": job.params.number("weight_decay", 0.0),
        "max_grad_norm": job.params.number("max_grad_norm", 1.0),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": batch // micro,
        "use_cpu": not cuda,
        "bf16": cuda,
        "gradient_checkpointing": cuda,
        "train_sampling_strategy": "sequential",  # order.py is the shuffle
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": cuda,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }


def micro_batch(batch: int, tokens: int, budget: int) -> int:
    """The largest divisor of ``batch`` whose rows of ``tokens`` each fit a budget of tokens; at least 1."""
    most = max(1, min(batch, budget // max(1, tokens)))
    return next(size for size in range(most, 0, -1) if batch % size == 0)


def schedule(params: Params, total: int, default: str, peak: float, final: float) -> Callable[[int], float]:
    """The learning rate as a factor on ``peak``: linear over ``warmup_steps``, then ``schedule`` down to ``final``."""
    kind = params.text("schedule", default, choices=("constant", "linear", "cosine"))
    warmup = params.integer("warmup_steps", 0)
    floor = final / peak if peak > 0 else 0.0

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        if kind == "constant":
            return 1.0
        progress = min(1.0, (step - warmup) / max(1, total - warmup))
        left = 0.5 * (1 + math.cos(math.pi * progress)) if kind == "cosine" else 1.0 - progress
        return floor + (1.0 - floor) * left

    return factor


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are numbers; None when there is none."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _identity(run: Run) -> dict[str, int]:
    # What the cursor counts in. A state of another seed or batch would continue another order of the data.
    return {"seed": run.job.seed, "rows": run.rows, "boundary": run.boundary}


def _read_cursor(source: Path, run: Run) -> dict[str, Any]:
    try:
        record = json.loads((source / CURSOR_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{source} is not a training state: {error}") from error
    for name, value in _identity(run).items():
        if record.get(name) != value:
            raise ConfigError(f"{source} was made with {name} {record.get(name)}, and this job has {value}")
    return record
