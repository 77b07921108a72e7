"""Kind `evaluate`: how well a model does on held-out problems.

An unverified response is neither right nor wrong: it leaves the denominator, and is counted.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence

from r1trainer.job import Job
from r1trainer.metrics import Metrics
from r1trainer.rows import Row, read_rows
from r1trainer.sampling import Sampling, Settings, is_unverified, read_back, summarize

RESAMPLES = 2000  # of the bootstrap

Values = dict[str, float | None]


def run(job: Job) -> None:
    """Fills output `report` with metrics.json and samples.jsonl, from inputs `model` and `problems`."""
    settings = Settings.from_params(job.params, greedy=job.params.flag("greedy", False))
    problems = read_rows(job.input("problems"), ("prompt",))
    report = job.output("report")
    with Metrics(job.metrics) as metrics:
        sampling = Sampling(job, settings, problems, report / "samples.jsonl")
        sampling.run(metrics)
        rows = list(read_back(report / "samples.jsonl"))
        values = measure(rows, len(problems))
        domains = {domain: measure(of, n) for domain, of, n in _by_domain(rows, problems)}
        text = json.dumps({"values": _known(values), "domains": {d: _known(v) for d, v in domains.items()}}, indent=1)
        (report / "metrics.json").write_text(text + "\n", encoding="utf-8")
        by_domain = {f"pass@1_{domain}": of.get("pass@1") for domain, of in domains.items()}
        metrics.summary(sampling.total, {**values, **by_domain})


def measure(rows: Sequence[Row], problems: int) -> Values:
    """The numbers of a report, from its sample rows; what cannot be known is None.

    pass@1: the mean over problems of the share of correct samples, with a 95 % interval (pass@1_low, pass@1_high) from
    resampling problems. pass@k: the share of problems with a correct sample among the k. cons@k: the share whose most
    frequent answer is correct; answers that tie share it. greedy: the share of correct greedy responses. Then means of
    the rewards and tokens, the share `clipped` at the token limit, and counts: k, problems, unverified.
    """
    sampled = [row for row in rows if not row.get("greedy")]
    groups: dict[int, list[Row]] = {}
    position = -1
    for row in sampled:  # rows are in the problems' order, and every problem starts with sample 0
        position += row["sample"] == 0
        if row["verdict"].get("label") in ("correct", "wrong"):
            groups.setdefault(position, []).append(row)
    shares = [mean([float(_correct(row)) for row in group]) or 0.0 for group in groups.values()]
    low, high = _interval(shares)
    greedy = [row for row in rows if row.get("greedy") and not is_unverified(row) and row.get("verifier") != "none"]
    values: Values = {
        "pass@1": mean(shares),
        "pass@1_low": low,
        "pass@1_high": high,
        "pass@k": mean([float(share > 0) for share in shares]),
        "cons@k": mean([_consensus(group) for group in groups.values()]),
        "greedy": mean([float(_correct(row)) for row in greedy]),
        **summarize(sampled),
        "k": float(max((row["sample"] for row in sampled), default=-1) + 1),
        "problems": float(problems),
    }
    values.pop("accuracy", None)  # pass@1, weighted by samples instead of problems
    return values


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return sum(values) / len(values) if values else None


def _consensus(group: Sequence[Row]) -> float:
    answers = Counter(str(row["verdict"]["answer"]) for row in group if row["verdict"].get("answer"))
    if not answers:
        return 0.0
    most = max(answers.values())
    right = {str(row["verdict"].get("answer")) for row in group if _correct(row)}
    tied = [answer for answer, n in answers.items() if n == most]
    return sum(answer in right for answer in tied) / len(tied)


def _interval(shares: Sequence[float]) -> tuple[float | None, float | None]:
    """The 2.5 and 97.5 percentiles of the mean over resampled problems; a function of its input."""
    if not shares:
        return None, None
    draw = random.Random(0)
    n = len(shares)
    means = sorted(sum(draw.choices(shares, k=n)) / n for _ in range(RESAMPLES))
    return means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def _by_domain(rows: Sequence[Row], problems: Sequence[Row]) -> list[tuple[str, list[Row], int]]:
    counts = Counter(str(problem.get("domain", "")) for problem in problems)
    return [(d, [row for row in rows if str(row.get("domain", "")) == d], n) for d, n in counts.items() if d]


def _correct(row: Row) -> bool:
    return row["verdict"]["label"] == "correct"


def _known(values: Values) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
