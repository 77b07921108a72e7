"""The order of the data, as a function of the seed alone.

An order is the whole list of row numbers that training will meet, from step 0
of the stage. Steps take consecutive slices of it, so a resume or a later phase
continues at ``step * rows_per_step`` and meets what an unsplit run would have.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from r1trainer.errors import ConfigError

# How many batches are sorted by length together: enough to save padding, few enough to stay a shuffle.
_WINDOW = 8


def rng(seed: int, *names: object) -> random.Random:
    """A random stream of its own for a seed and a purpose; equal in every process and Python version."""
    return random.Random(":".join(str(part) for part in (seed, *names)))


def epochs_order(lengths: Sequence[int], total: int, batch_size: int, seed: int) -> list[int]:
    """``total`` row numbers: epoch after epoch, each a permutation, with rows of like length in one batch.

    ``lengths`` are the rows' lengths in tokens.
    """
    order: list[int] = []
    epoch = 0
    while len(order) < total:
        rows = list(range(len(lengths)))
        shuffle = rng(seed, "rows", epoch)
        shuffle.shuffle(rows)
        window = batch_size * _WINDOW
        for start in range(0, len(rows), window):
            part = sorted(rows[start : start + window], key=lambda row: lengths[row])
            batches = [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
            short = batches.pop() if len(batches[-1]) < batch_size else []
            shuffle.shuffle(batches)
            order.extend(row for batch in [*batches, short] for row in batch)
        epoch += 1
    return order[:total]


# Shares of the domains, and the number of the question before which they end (None: never).
Mix = tuple[int | None, Mapping[str, float]]


def question_order(domains: Sequence[str], total: int, seed: int, mixes: Sequence[Mix] = ()) -> list[int]:
    """``total`` prompt numbers, where ``domains`` is the domain of each prompt.

    Without ``mixes`` the prompts come as one shuffled pool, epoch after epoch. With them, each domain is a pool of its
    own, and at every point of a mix each domain has had its share of the mix's questions, to within one.
    """
    if not mixes:
        return _cycle(list(range(len(domains))), total, seed, "all")
    picks: list[str] = []
    for until, shares in mixes:
        end = total if until is None else min(until, total)
        picks += _picks(shares, end - len(picks))
    picks += _picks(mixes[-1][1], total - len(picks))
    counts = Counter(picks)
    queues = {}
    for name, count in counts.items():
        pool = [number for number, domain in enumerate(domains) if domain == name]
        if not pool:
            raise ConfigError(f"params.domains asks for {name!r}, and the prompts have only {sorted(set(domains))}")
        queues[name] = iter(_cycle(pool, count, seed, name))
    return [next(queues[name]) for name in picks]


def _picks(shares: Mapping[str, float], total: int) -> list[str]:
    """The domain of each of ``total`` questions: always the one furthest behind its share."""
    scale = sum(shares.values())
    if scale <= 0:
        raise ConfigError("params.domains gives no domain a share above 0")
    counts = dict.fromkeys(shares, 0)
    picks = []
    for position in range(1, total + 1):
        name = max(shares, key=lambda domain: shares[domain] / scale * position - counts[domain])
        counts[name] += 1
        picks.append(name)
    return picks


def _cycle(pool: list[int], total: int, seed: int, name: str) -> list[int]:
    order: list[int] = []
    epoch = 0
    while len(order) < total:
        part = list(pool)
        rng(seed, "questions", name, epoch).shuffle(part)
        order.extend(part)
        epoch += 1
    return order[:total]
