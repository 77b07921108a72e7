"""Batched sampling from a Hugging Face causal language model.

One loop serves GRPO rollouts, `sample` and `evaluate`. Unlike `model.generate` it drops rows that have ended from the
batch, gives the log-probabilities, is a function of one generator, and decodes tiny models without the stock overhead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from r1trainer.errors import ConfigError
from r1trainer.tiny_decode import TinyLlama, TinyLlamaDecoder, decodes

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from r1trainer.tiny_tokenizer import TinyTokenizer

    Model = PreTrainedModel | TinyLlama
    AnyTokenizer = PreTrainedTokenizerBase | TinyTokenizer

# Rows that ended are dropped from the batch once they are this share of it: dropping copies the cache.
_DROP_SHARE = 0.25


@dataclass(frozen=True)
class Completion:
    """One sampled response.

    token_ids: the sampled tokens, with the end token when `finish` is "stop".
    text: the tokens decoded without special tokens.
    finish: "stop" (the model ended) or "length" (cut at max_tokens).
    logprobs: natural log-probability of each sampled token, at the sampling temperature and before top-p.
    """

    token_ids: list[int]
    text: str
    finish: str
    logprobs: list[float]


def stop_token_ids(model: Model, tokenizer: AnyTokenizer) -> list[int]:
    """The tokens that end a response: the tokenizer's EOS and those of the generation config."""
    ids: set[int] = set()
    config = getattr(model, "generation_config", None)
    for source in (tokenizer.eos_token_id, getattr(config, "eos_token_id", None)):
        if isinstance(source, Iterable):
            ids.update(int(i) for i in source)
        elif source is not None:
            ids.add(int(source))
    if not ids:
        raise ConfigError("neither the tokenizer nor the generation config names an end-of-sequence token")
    return sorted(ids)


def rows_at_once(model: Model, tokens: int, device: torch.device) -> int:
    """How many responses to sample at once: as their key-value cache, of so many tokens a row, fits a third of the
    device's memory."""
    if device.type != "cuda":
        return 256
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * 2 * config.num_hidden_layers * heads * size * tokens  # keys and values in bfloat16
    memory = torch.cuda.get_device_properties(device).total_memory
    return max(1, min(512, memory // 3 // cache))


def check_request(
    prompts: list[list[int]], positions: int | None, temperature: float, top_p: float, max_tokens: int, greedy: bool
) -> None:
    """Raises ConfigError for what no generator can answer, given how many positions the model has, where known."""
    if not greedy and temperature <= 0:
        raise ConfigError(f"temperature must be above 0 (use greedy for the most probable token), got {temperature}")
    if not 0 < top_p <= 1:
        raise ConfigError(f"top_p must be in (0, 1], got {top_p}")
    if max_tokens < 1:
        raise ConfigError(f"max_tokens must be at least 1, got {max_tokens}")
    if any(not ids for ids in prompts):
        raise ConfigError("a prompt has no tokens")
    longest = max((len(ids) for ids in prompts), default=0)
    if positions and longest + max_tokens > positions:
        raise ConfigError(
            f"a prompt of {longest} tokens and max_tokens {max_tokens} do not fit the model's {positions} positions"
        )


def generate(
    model: Model,
    tokenizer: AnyTokenizer,
    prompt_ids: list[list[int]],
    *,
    temperature: float,
    top_p: float,
    max_tokens: int,
    generator: torch.Generator | None = None,
    greedy: bool = False,
    batch_size: int = 128,
) -> list[Completion]:
    """Samples one completion for each prompt, in order; repeat a prompt for several samples.

    With a seeded `generator` the result is a function of the arguments; without one torch's global state is used.
    `greedy` takes the most probable token and ignores temperature and top_p. Raises ConfigError for an empty prompt, a
    temperature or top_p out of range, or a prompt that does not leave max_tokens in the model's positions.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    check_request(prompt_ids, positions, temperature, top_p, max_tokens, greedy)
    if batch_size < 1:
        raise ConfigError(f"batch_size must be at least 1, got {batch_size}")

    stops = stop_token_ids(model, tokenizer)
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else stops[0]
    with _not_training(model):
        done: list[Completion] = []
        for start in range(0, len(prompt_ids), batch_size):
            batch = prompt_ids[start : start + batch_size]
            tokens, logprobs, lengths = _generate_batch(
                model, batch, pad, stops, temperature, top_p, max_tokens, generator, greedy
            )
            done.extend(_completions(tokenizer, stops, tokens, logprobs, lengths))
        return done


@contextlib.contextmanager
def _not_training(model: Model) -> Iterator[None]:
    if isinstance(model, TinyLlama):  # which cannot be trained
        yield
        return
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@torch.no_grad()
def _generate_batch(
    model: Model,
    prompts: list[list[int]],
    pad: int,
    stops: list[int],
    temperature: float,
    top_p: float,
    max_tokens: int,
    generator: torch.Generator | None,
    greedy: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns tokens and log-probabilities, both (prompts, max_tokens), and how many of each row count."""
    device = model.device
    n, width = len(prompts), max(len(ids) for ids in prompts)
    ids = torch.tensor([[pad] * (width - len(p)) + p for p in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)

    tokens = torch.full((n, max_tokens), pad, dtype=torch.long, device=device)
    logprobs = torch.zeros((n, max_tokens), device=device)
    lengths = torch.full((n,), max_tokens, dtype=torch.long, device=device)
    live = torch.arange(n, device=device)  # which prompt each row of the batch belongs to
    ended = torch.zeros(n, dtype=torch.bool, device=device)
    stop_ids = torch.tensor(stops, device=device)

    decoder: Any
    if decodes(model):
        llama = model if isinstance(model, TinyLlama) else TinyLlama.of(model)
        decoder = TinyLlamaDecoder(llama, mask, positions, ids, max_tokens)
    else:
        decoder = _Decoder(model, mask, positions, ids, max_tokens)
    logits, positions = decoder.logits, positions[:, -1]
    for step in range(max_tokens):
        chosen, logprob = _choose(logits, temperature, top_p, generator, greedy)
        tokens[live, step] = chosen
        logprobs[live, step] = logprob
        stopped = torch.isin(chosen, stop_ids) & ~ended
        if stopped.any():
            lengths[live[stopped]] = step + 1
            ended |= stopped
            over = int(ended.sum())
            if over == len(ended):
                break
            if over >= _DROP_SHARE * len(ended):
                keep = (~ended).nonzero().squeeze(1)
                decoder.keep(keep)
                live, positions, chosen, ended = live[keep], positions[keep], chosen[keep], ended[keep]
        if step + 1 < max_tokens:
            positions = positions + 1
            logits = decoder.step(chosen, positions)

    # A row that ended and was not yet dropped went on being written to.
    beyond = torch.arange(max_tokens, device=device) >= lengths.unsqueeze(1)
    return tokens.masked_fill(beyond, pad), logprobs.masked_fill(beyond, 0.0), lengths


class _Decoder:
    """Continues a batch of left-padded prompts with any causal model; see TinyLlamaDecoder for the methods."""

    def __init__(
        self, model: PreTrainedModel, mask: torch.Tensor, positions: torch.Tensor, ids: torch.Tensor, room: int
    ) -> None:
        from transformers import DynamicCache

        self._model = model
        self._cache = DynamicCache(config=model.config)
        self._length = mask.shape[1]
        self._mask = F.pad(mask, (0, room), value=1)
        self.logits = self._forward(ids, positions)

    def step(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        self._length += 1
        return self._forward(ids.unsqueeze(1), positions.unsqueeze(1))

    def keep(self, rows: torch.Tensor) -> None:
        self._cache.batch_select_indices(rows)
        self._mask = self._mask[rows]

    def _forward(self, ids: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        return self._model(
            input_ids=ids,
            attention_mask=self._mask[:, : self._length],
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]


def _choose(
    logits: torch.Tensor, temperature: float, top_p: float, generator: torch.Generator | None, greedy: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Picks a token for each row of logits (rows, vocabulary); returns ids and log-probabilities, both (rows,)."""
    logits = logits.float()
    if greedy:
        logprobs = logits.log_softmax(-1)
        chosen = logprobs.argmax(-1)
    else:
        logprobs = (logits / temperature).log_softmax(-1)
        weights = logprobs.exp()
        if top_p < 1:
            weights = _nucleus(weights, top_p)
        # Inverse of the distribution function, in double precision so that a large vocabulary's tail keeps its weight.
        # One number a row, in (0, 1], drawn where the generator lives: a CPU generator draws alike for any device.
        where = generator.device if generator is not None else weights.device
        draw = 1 - torch.rand((len(weights), 1), dtype=torch.float64, device=where, generator=generator)
        rising = weights.double().cumsum(-1)
        chosen = (rising < draw.to(weights.device) * rising[:, -1:]).sum(-1)
    return chosen, logprobs.gather(1, chosen.unsqueeze(1)).squeeze(1)


def _nucleus(weights: torch.Tensor, top_p: float) -> torch.Tensor:
    """Zeroes all but the smallest set of tokens whose probability reaches top_p."""
    ordered, index = weights.sort(dim=-1, descending=True)
    before = ordered.cumsum(-1) - ordered
    return torch.zeros_like(weights).scatter(-1, index, ordered.masked_fill(before >= top_p, 0.0))


def _completions(
    tokenizer: AnyTokenizer,
    stops: list[int],
    tokens: torch.Tensor,
    logprobs: torch.Tensor,
    lengths: torch.Tensor,
) -> list[Completion]:
    rows = []
    for ids, logps, length in zip(tokens.tolist(), logprobs.tolist(), lengths.tolist(), strict=True):
        rows.append((ids[:length], logps[:length]))
    texts = tokenizer.batch_decode(
        [ids for ids, _ in rows], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return [
        Completion(ids, text, "stop" if ids[-1] in stops else "length", logps)
        for (ids, logps), text in zip(rows, texts, strict=True)
    ]
