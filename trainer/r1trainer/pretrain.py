"""Pre-training of a small model on text, with a tokenizer made from it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

from r1trainer.base import architecture, describe
from r1trainer.checkpoint import save_checkpoint, verify_checkpoint
from r1trainer.errors import ConfigError, Diverged
from r1trainer.job import Job, Params
from r1trainer.metrics import Metrics
from r1trainer.models import autocast, parameter_count, prepare, set_generation_config
from r1trainer.rows import read_rows
from r1trainer.signals import Stopped, StopRequest
from r1trainer.tiny_tokenizer import build_tokenizer

POSITIONS = 1024  # tokens the model is built for; RoPE costs nothing

_FINAL_SHARE = 0.1  # of the learning rate, at the end of the cosine
_MICRO_BATCHES = 4  # texts of like length together, so that little is padding


def pretrain(job: Job, params: Params) -> None:
    """Trains from random weights on input `corpus` (rows with `text`) and fills output `model`.

    Params: architecture, steps, batch_size (texts), learning_rate, max_tokens (of a text; longer ones are cut), and
    checkpoint_steps (500). Every step is a function of seed and step, so a resumed run goes the same way.
    """
    steps = params.integer("steps", minimum=1)
    batch_size = params.integer("batch_size", minimum=1)
    rate = params.number("learning_rate")
    max_tokens = params.integer("max_tokens", minimum=2)
    checkpoint_steps = params.integer("checkpoint_steps", 500, minimum=1)
    shape = params.section("architecture")
    if shape is None:
        raise ConfigError("params.pretrain.architecture is missing")

    device = prepare(job)
    stop = StopRequest(job.deadline).install()
    texts = [str(row["text"]) for row in read_rows(job.input("corpus"), ("text",))]
    tokenizer = build_tokenizer(texts)
    eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
    rows = [[*ids[: max_tokens - 1], eos] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    model = LlamaForCausalLM(architecture(shape, len(tokenizer), eos, pad, POSITIONS)).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.01)

    order = Order(len(rows), batch_size, job.seed)

    step = 0
    with Metrics(job.metrics) as metrics:
        if job.resume is not None:
            step = verify_checkpoint(job.resume.path)
            state = torch.load(job.resume.path / "state.pt", map_location=device, weights_only=True)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            metrics.resume(step, steps, cursor=step * batch_size)
        else:
            metrics.start(0, steps)

        def save() -> None:
            if step < steps:
                save_checkpoint(job.checkpoints, step, lambda folder: _save_state(folder, model, optimizer))

        loss = math.nan
        while step < steps:
            if stop.requested:
                save()
                raise Stopped
            for group in optimizer.param_groups:
                group["lr"] = rate * _schedule(step, steps)
            batch = [rows[i] for i in order.batch(step)]
            loss = _update(model, optimizer, batch, pad, device)
            step += 1
            metrics.step(step, {"loss": loss, "learning_rate": optimizer.param_groups[0]["lr"]}, total=steps)
            if step % checkpoint_steps == 0:
                save()

        target = job.output("model")
        set_generation_config(model, tokenizer)
        model.save_pretrained(target)
        tokenizer.save_pretrained(target)
        metrics.summary(step, {"loss": loss, "parameters": parameter_count(model.parameters()), **describe(target)})


class Order:
    """The order in which rows are read: epoch after epoch, each shuffled by seed and epoch, cut into batches."""

    def __init__(self, rows: int, batch_size: int, seed: int) -> None:
        self._rows, self._batch_size, self._seed = rows, batch_size, seed
        self._epoch, self._shuffled = -1, []

    def batch(self, step: int) -> list[int]:
        """The rows of a step; a batch may reach into the next epoch."""
        first = step * self._batch_size
        return [self._row(position) for position in range(first, first + self._batch_size)]

    def _row(self, position: int) -> int:
        epoch, offset = divmod(position, self._rows)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self._seed << 16) + epoch)
            self._epoch, self._shuffled = epoch, torch.randperm(self._rows, generator=generator).tolist()
        return self._shuffled[offset]


def _schedule(step: int, steps: int) -> float:
    """Share of the learning rate: a short linear start, then a cosine."""
    start = max(1, min(50, steps // 10))
    if step < start:
        return (step + 1) / start
    done = (step - start) / max(1, steps - start)
    return _FINAL_SHARE + (1 - _FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * done))


def _update(
    model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, batch: list[list[int]], pad: int, device: torch.device
) -> float:
    """One optimizer step on the mean loss over the batch's tokens; returns that loss."""
    batch = sorted(batch, key=len)
    tokens = sum(len(ids) - 1 for ids in batch)
    size = -(-len(batch) // _MICRO_BATCHES)
    total = 0.0
    for start in range(0, len(batch), size):
        part = batch[start : start + size]
        width = max(map(len, part))
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in part], device=device)
        targets = torch.tensor([row[1:] + [-100] * (width - len(row)) for row in part], device=device)
        with autocast(device):
            # Padding is on the right, so a causal model needs no mask to ignore it.
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=-100, reduction="sum")
        loss = loss / tokens
        loss.backward()
        total += loss.item()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    if not math.isfinite(total) or not torch.isfinite(norm):
        raise Diverged(f"the pre-training loss is {total} and its gradient norm {norm.item()}")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def _save_state(folder: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer) -> None:
    state: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, folder / "state.pt")
