"""What a model's responses to held-out problems say of it, as numbers: the paper's evaluation.

Kind `evaluate` and the evaluations inside `grpo` share it. An unverified response is neither right nor wrong: it leaves
the denominator, and is counted. The names are explained in docs/job-contract.md ("report").
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from r1trainer.rows import Row
from r1trainer.verifier import verifier_of

Values = dict[str, float | None]

# The words by which the paper counts reflection (figure 9a).
REFLECTIVE = ("wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check")
# What a metrics line says of each domain: enough for a table of stages.
DOMAIN_VALUES = (
    *("pass@1", "pass@1_low", "pass@1_high", "cons@k", "greedy"),
    *("tokens", "tokens_low", "tokens_high", "format", "preference"),
)

_RESAMPLES = 2000  # of the bootstrap
_DRAWS_AT_ONCE = 1 << 20
_REFLECTIVE = re.compile(rf"\b(?:{'|'.join(REFLECTIVE)})\b", re.IGNORECASE)


@dataclass(frozen=True)
class Report:
    """The numbers of a set of problems, and of each domain in it. What cannot be known is None."""

    values: Values
    domains: dict[str, Values]

    @staticmethod
    def of(rows: Sequence[Row], problems: Sequence[Row]) -> Report:
        """Measures sample rows. They are in the problems' order, and every problem starts with sample 0."""
        counts = Counter(_domain(problem) for problem in problems)
        by_domain: dict[str, list[Row]] = {domain: [] for domain in counts}
        for row in rows:
            by_domain[_domain(row)].append(row)
        domains = {domain: measure(of, counts[domain]) for domain, of in by_domain.items() if domain}
        return Report(measure(rows, len(problems)), domains)

    def json(self) -> str:
        """The content of metrics.json: what is known."""
        content = {"values": _known(self.values), "domains": {name: _known(of) for name, of in self.domains.items()}}
        return json.dumps(content, indent=1) + "\n"

    def line(self) -> Values:
        """One flat map for a metrics line: all values, and NAME_DOMAIN for the chief ones of each domain."""
        chief = {
            f"{name}_{domain}": values[name]
            for domain, values in self.domains.items()
            for name in DOMAIN_VALUES
            if name in values
        }
        return {**chief, **self.values}


def measure(rows: Sequence[Row], problems: int) -> Values:
    """The numbers of a report, from the sample rows of so many problems, as `Report.of` takes them.

    An interval (NAME_low, NAME_high) is the middle 95 % of the mean over resampled problems: the samples of one problem
    are no independent observations.
    """
    sampled = [row for row in rows if not row.get("greedy")]
    by_problem: list[list[Row]] = []
    for row in sampled:
        if row["sample"] == 0:
            by_problem.append([])
        by_problem[-1].append(row)
    judged = [group for group in ([row for row in of if _is_judged(row)] for of in by_problem) if group]
    right = [sum(_is_correct(row) for row in group) for group in judged]
    greedy = [float(_is_correct(row)) for row in rows if row.get("greedy") and _is_judged(row)]
    samples = max((row["sample"] for row in sampled), default=-1) + 1
    means = summarize(sampled)
    means.pop("accuracy", None)  # pass@1, weighted by samples instead of problems
    return {
        **_with_interval("pass@1", [correct / len(group) for correct, group in zip(right, judged, strict=True)]),
        **{
            f"pass@{n}": mean([_any_of(n, len(g), c) for c, g in zip(right, judged, strict=True) if n <= len(g)])
            for n in _powers_of_two(samples)
        },
        "pass@k": mean([float(correct > 0) for correct in right]),
        **_with_interval("cons@k", [_consensus(group) for group in judged if verifier_of(group[0]) != "code"]),
        **_with_interval("greedy", greedy),
        **means,
        **_with_interval("tokens", [mean([float(row["tokens"]) for row in group]) or 0.0 for group in by_problem]),
        "tokens_correct": _mean_tokens(sampled, _is_correct),
        "tokens_wrong": _mean_tokens(sampled, lambda row: _is_judged(row) and not _is_correct(row)),
        "reflective": mean([float(len(_REFLECTIVE.findall(row["response"]))) for row in sampled]),
        **_shown([row["behaviours"] for row in sampled if "behaviours" in row]),
        "k": float(samples),
        "problems": float(problems),
    }


def summarize(rows: Iterable[Row]) -> Values:
    """Numbers over sample rows: the mean of each reward where it is known, mean tokens, the share cut at the limit, and
    how many rows with a verifier are unverified. Where verdicts were audited: how many, and how many of them differ."""
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    unverified = 0
    audits = [0, 0]  # that disagree, and that agree
    for row in rows:
        agrees = (row.get("audit") or {}).get("agrees")
        if agrees is not None:
            audits[bool(agrees)] += 1
        unverified += verifier_of(row) != "none" and not _is_judged(row)
        numbers = {**row["rewards"], "clipped": row["finish"] == "length", "tokens": row["tokens"]}
        if row.get("thinking_tokens") is not None:
            numbers["thinking_tokens"] = row["thinking_tokens"]
        for name, value in numbers.items():
            counts[name] += value is not None
            sums[name] += value or 0
    means = {name: sums[name] / n if n else None for name, n in counts.items()}
    audited = {"audited": float(sum(audits)), "audit_disagrees": float(audits[0])} if any(audits) else {}
    return {**means, **audited, "unverified": float(unverified)}


def _shown(counts: Sequence[Mapping[str, int]]) -> Values:
    """The share of responses that show each behaviour, of those in which they were counted."""
    names = sorted({name for of in counts for name in of})
    return {f"behaviour_{name}": mean([float(of.get(name, 0) > 0) for of in counts]) for name in names}


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def _domain(row: Row) -> str:
    return str(row.get("domain", ""))


def _is_judged(row: Row) -> bool:
    return row["verdict"].get("label") in ("correct", "wrong")


def _is_correct(row: Row) -> bool:
    return row["verdict"].get("label") == "correct"


def _powers_of_two(most: int) -> list[int]:
    return [1 << exponent for exponent in range(1, most.bit_length()) if 1 << exponent <= most]


def _any_of(n: int, samples: int, correct: int) -> float:
    """The chance that n of the samples, drawn without putting back, have a correct one among them."""
    return 1 - math.comb(samples - correct, n) / math.comb(samples, n)


def _consensus(group: Sequence[Row]) -> float:
    """Whether the most frequent answer is correct; answers that tie share it."""
    answers = Counter(str(row["verdict"]["answer"]) for row in group if row["verdict"].get("answer"))
    if not answers:
        return 0.0
    most = max(answers.values())
    right = {str(row["verdict"].get("answer")) for row in group if _is_correct(row)}
    tied = [answer for answer, n in answers.items() if n == most]
    return sum(answer in right for answer in tied) / len(tied)


def _mean_tokens(rows: Sequence[Row], which: Callable[[Row], bool]) -> float | None:
    return mean([float(row["tokens"]) for row in rows if which(row)])


def _with_interval(name: str, of_problems: Sequence[float]) -> Values:
    """The mean over problems, and the 2.5 and 97.5 percentiles of the means over resampled problems."""
    low = high = None
    if of_problems:
        means = np.sort(_resampled_means(np.asarray(of_problems)))
        low, high = (float(means[round(share * (_RESAMPLES - 1))]) for share in (0.025, 0.975))
    return {name: mean(of_problems), f"{name}_low": low, f"{name}_high": high}


def _resampled_means(values: np.ndarray) -> np.ndarray:
    draw = np.random.RandomState(0)  # its stream is the same in every version of numpy
    n = len(values)
    at_once = max(1, _DRAWS_AT_ONCE // n)
    blocks = [min(at_once, _RESAMPLES - done) for done in range(0, _RESAMPLES, at_once)]
    return np.concatenate([values[draw.randint(0, n, (block, n))].mean(axis=1) for block in blocks])


def _known(values: Values) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
