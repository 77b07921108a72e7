"""Kind ``reward-model``: a model with one logit, from preference pairs or from labelled responses.

Two losses, one loop: ``pairwise`` is Bradley-Terry on (chosen, rejected), ``pointwise`` is logistic on safe or not.
TRL's ``RewardTrainer`` knows only the first, so this is a trainer of its own on Transformers (docs/trl-on-cpu.md).

What a reward model judges, and how it renders it, is stored in its config (``r1_scope``, ``r1_template``), so that
whoever asks it later renders alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from transformers import Trainer, TrainingArguments

from r1trainer import guards, models
from r1trainer.errors import ConfigError
from r1trainer.guards import Guards
from r1trainer.job import Job, Params
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

SCOPES = ("summary", "response")
# Pairs say nothing of where zero lies; this pulls their logits there, so that a sigmoid of them is of use.
_CENTER = 0.01


class RewardModel:
    """A trained reward model: scores in (0, 1), higher is better (or safer)."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._scope = getattr(model.config, "r1_scope", "response")
        stored = getattr(model.config, "r1_template", None)
        self._template = Template.from_params(Params({"template": stored} if stored else {}), default=CHAT)

    @staticmethod
    def load(path: Path, device: torch.device) -> RewardModel:
        """Load from a model folder."""
        return RewardModel(models.load_reward_model(path, device, train=False), models.load_tokenizer(path))

    @torch.no_grad()
    def score(self, pairs: Sequence[tuple[str, str]], batch_size: int = 64) -> list[float]:
        """Score (prompt, response) pairs: the sigmoid of the logit."""
        encoded = [encode(self._tokenizer, self._template, self._scope, *pair) for pair in pairs]
        order = sorted(range(len(encoded)), key=lambda index: len(encoded[index]))
        scores = [0.0] * len(encoded)
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = pad([encoded[row] for row in rows], self._tokenizer.pad_token_id)
            batch = {name: tensor.to(self._model.device) for name, tensor in batch.items()}
            logits = self._model(**batch).logits[:, 0].float()
            for row, score in zip(rows, logits.sigmoid().tolist(), strict=True):
                scores[row] = score
        return scores


def judged_text(scope: str, response: str) -> str:
    """The part of a response that a scope covers.

    ``summary`` is what follows ``</think>``; a response that never thought is all summary, and one that never stopped
    thinking has none.
    """
    if scope == "response":
        return response
    before, found, after = response.partition("</think>")
    if found:
        return after.strip()
    return "" if "<think>" in before else response


def encode(tokenizer: Any, template: Template, scope: str, prompt: str, response: str) -> list[int]:
    """Token ids of a prompt and the judged part of its response, ended as in training a policy."""
    context = template.encode(tokenizer, template.context(tokenizer, prompt))
    answer = tokenizer(judged_text(scope, response), add_special_tokens=False)["input_ids"]
    return context + answer + [models.end_of_turn(tokenizer)]


def pad(rows: Sequence[Sequence[int]], token: int) -> dict[str, torch.Tensor]:
    """Right-pad rows of ids to ``input_ids`` and ``attention_mask``, both (rows, longest)."""
    width = max(map(len, rows))
    ids = torch.tensor([[*row, *[token] * (width - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


class _Trainer(JobTrainer, Trainer):
    """Both losses; a batch with ``labels`` is pointwise, else its first half is chosen and its second rejected."""

    values: dict[str, list[float]]

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        labels = inputs.pop("safe", None)
        logits = model(**inputs).logits[:, 0].float()
        if labels is None:
            chosen, rejected = logits.chunk(2)
            margin = chosen - rejected
            loss = -functional.logsigmoid(margin).mean() + _CENTER * (chosen + rejected).square().mean()
            self._note(accuracy=(margin > 0).float().mean(), margin=margin.mean())
        else:
            loss = functional.binary_cross_entropy_with_logits(logits, labels)
            self._note(accuracy=((logits > 0) == (labels > 0.5)).float().mean())
            if 0 < labels.sum() < len(labels):
                self._note(margin=logits[labels > 0.5].mean() - logits[labels < 0.5].mean())
        return loss

    def step_values(self, logs: dict[str, float]) -> dict[str, float | None]:
        values = {name: mean(numbers) for name, numbers in self.values.items()}
        self.values.clear()
        return values

    def _note(self, **values: torch.Tensor) -> None:
        for name, value in values.items():
            self.values.setdefault(name, []).append(value.item())


def run(job: Job) -> None:
    """Serve a ``reward-model`` job."""
    device = models.prepare(job)
    params = job.params
    loss = params.text("loss", choices=("pairwise", "pointwise"))
    scope = params.text("scope", choices=SCOPES)
    template = Template.from_params(params, default=CHAT)
    source = job.input("model")
    tokenizer = models.load_tokenizer(source)
    fields = ("prompt", "chosen", "rejected") if loss == "pairwise" else ("prompt", "response", "safe")
    rows = read_rows(job.input("data"), required=fields)
    most = params.integer("max_tokens", minimum=1)
    examples = [_example(tokenizer, template, scope, loss, row) for row in rows]
    lengths = [max(map(len, example["ids"])) for example in examples]
    kept = [index for index, length in enumerate(lengths) if length <= most]
    if not kept:
        raise ConfigError(f"no row of {len(rows)} fits params.max_tokens {most}")

    batch = params.integer("batch_size", minimum=1)
    total = max(1, round(params.number("epochs") * len(kept)))
    steps = -(-total // batch)
    order = epochs_order([lengths[index] for index in kept], total, batch, job.seed)
    peak = params.number("learning_rate")
    longest = max(lengths[index] for index in kept)
    arguments = TrainingArguments(
        **training_arguments(job, device, learning_rate=peak, batch=batch, tokens=2 * longest),
        max_steps=steps,
        remove_unused_columns=False,
    )
    model = models.load_reward_model(source, device, train=True, from_causal_lm=True)
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.r1_scope = scope
    model.config.r1_template = {"text": template.text} if template.text else {"chat": True}

    with Metrics(job.metrics) as metrics:
        trainer = _Trainer(
            run=Run(
                job=job,
                metrics=metrics,
                stop=StopRequest(job.deadline).install(),
                to_step=steps,
                schedule=schedule(params, steps, "constant", peak, peak),
                rows=batch,
                checkpoint_steps=params.integer("checkpoint_steps", DEFAULT_CHECKPOINT_STEPS, minimum=1),
                guards=Guards.of(params, guards.SUPERVISED),
            ),
            model=model,
            args=arguments,
            train_dataset=[examples[kept[number]] for number in order],
            data_collator=lambda part: _collate(part, tokenizer.pad_token_id),
            processing_class=tokenizer,
        )
        trainer.values = {}
        trainer.train_job(checkpoint_to_continue(job))
        trainer.write_model(source)
        dropped = len(rows) - len(kept)
        metrics.summary(steps, {**trainer.totals(), "rows": len(kept), "rows_dropped_too_long": dropped})


def _example(tokenizer: Any, template: Template, scope: str, loss: str, row: Row) -> dict[str, Any]:
    names = ("chosen", "rejected") if loss == "pairwise" else ("response",)
    example = {"ids": [encode(tokenizer, template, scope, row["prompt"], row[name]) for name in names]}
    if loss == "pointwise":
        example["safe"] = float(bool(row["safe"]))
    return example


def _collate(examples: list[dict[str, Any]], token: int) -> dict[str, torch.Tensor]:
    sides = len(examples[0]["ids"])
    batch = pad([example["ids"][side] for side in range(sides) for example in examples], token)
    if "safe" in examples[0]:
        batch["safe"] = torch.tensor([example["safe"] for example in examples])
    return batch
