"""Kind ``sft``, and the training of ``distill``: supervised fine-tuning on responses, on TRL's ``SFTTrainer``.

The loss is on the response and the token that ends it, nothing else. Rows are rendered as they will be at inference:
context and prefill are one text, the rest of the response another. Rows that are too long are dropped and counted,
never cut. Steps take rows in an order that the seed gives, so a resume continues it exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from trl import SFTConfig, SFTTrainer

from r1trainer import guards, models
from r1trainer.errors import ConfigError
from r1trainer.guards import Guards
from r1trainer.job import Job
from r1trainer.loop import (
    DEFAULT_CHECKPOINT_STEPS,
    JobTrainer,
    Run,
    checkpoint_to_continue,
    mean,
    schedule,
    training_arguments,
)
from r1trainer.metrics import Metrics
from r1trainer.order import epochs_order
from r1trainer.rows import Row, read_rows
from r1trainer.signals import StopRequest
from r1trainer.templates import CHAT, Template

IGNORED = -100  # label of a token without loss


class Trainer(JobTrainer, SFTTrainer):
    """TRL's trainer under our contract."""

    rows_in_epoch: int

    def step_values(self, logs: dict[str, float]) -> dict[str, float | None]:
        own = {name: mean(values) for name, values in self._metrics["train"].items()}
        self._metrics["train"].clear()
        tokens, self._total_train_tokens = self._total_train_tokens, 0
        epoch = self.run.cursor(self.state.global_step) / self.rows_in_epoch
        return {
            "tokens": float(tokens),
            "epoch": epoch,
            "entropy": own.get("entropy"),
            "token_accuracy": own.get("mean_token_accuracy"),
        }


def run(job: Job) -> None:
    """Serve an ``sft`` job."""
    device = models.prepare(job)
    source = job.input("model")
    fine_tune(job, device, models.load_causal_lm(source, device, train=True), source)


def fine_tune(job: Job, device: torch.device, model: Any, source: Path) -> None:
    """Train ``model``, whose folder is ``source``, on input ``data``, and fill output ``model``."""
    disable_progress_bars()
    params = job.params
    tokenizer = models.load_tokenizer(source)
    template = Template.from_params(params, default=CHAT)
    rows = read_rows(job.input("data"), required=("prompt", "response"))
    most = params.integer("max_tokens", minimum=1)
    examples = [encode(tokenizer, template, row) for row in rows]
    kept = [example for example in examples if len(example["input_ids"]) <= most]
    if not kept:
        raise ConfigError(f"no row of {len(rows)} fits params.max_tokens {most}")

    lengths = [len(example["input_ids"]) for example in kept]
    batch = params.integer("batch_size", minimum=1)
    total = max(1, round(params.number("epochs") * len(kept)))
    steps = -(-total // batch)
    order = epochs_order(lengths, total, batch, job.seed)
    peak = params.number("learning_rate")
    final = params.number("final_learning_rate", peak / 10)
    arguments = SFTConfig(
        **training_arguments(job, device, learning_rate=peak, batch=batch, tokens=max(lengths)),
        max_steps=steps,
        max_length=None,  # nothing is left to cut
        packing=False,
        dataset_kwargs={"skip_prepare_dataset": True},
    )
    with Metrics(job.metrics) as metrics:
        trainer = Trainer(
            run=Run(
                job=job,
                metrics=metrics,
                stop=StopRequest(job.deadline).install(),
                to_step=steps,
                schedule=schedule(params, steps, "cosine", peak, final),
                rows=batch,
                checkpoint_steps=params.integer("checkpoint_steps", DEFAULT_CHECKPOINT_STEPS, minimum=1),
                guards=Guards.of(params, guards.SUPERVISED),
            ),
            model=model,
            args=arguments,
            train_dataset=Dataset.from_list(kept).select(order),
            processing_class=tokenizer,
        )
        trainer.rows_in_epoch = len(kept)
        trainer.train_job(checkpoint_to_continue(job))
        trainer.write_model(source)
        dropped = len(rows) - len(kept)
        metrics.summary(steps, {**trainer.totals(), "rows": len(kept), "rows_dropped_too_long": dropped})


def encode(tokenizer: Any, template: Template, row: Row) -> dict[str, list[int]]:
    """Token ids and labels of one row: IGNORED on the prompt, and on the prefill that the response starts with."""
    prompt, response = str(row["prompt"]), str(row["response"])
    context = template.context(tokenizer, prompt)
    if template.prefill and response.startswith(template.prefill):
        context, response = context + template.prefill, response[len(template.prefill) :]
    head = template.encode(tokenizer, context)
    tail = tokenizer(response, add_special_tokens=False)["input_ids"] + [models.end_of_turn(tokenizer)]
    return {"input_ids": head + tail, "labels": [IGNORED] * len(head) + tail}
