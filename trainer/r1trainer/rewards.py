"""Rewards of responses: what the verifier service and the reward models say, by name."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from r1trainer.errors import ConfigError
from r1trainer.job import Job, Params
from r1trainer.rows import Row
from r1trainer.verifier import Item, Score, Verifier, verifier_of

if TYPE_CHECKING:
    from r1trainer.reward_model import RewardModel

ACCURACY, PREFERENCE = "accuracy", "preference"
# Which reward model judges which domain: input name by domain.
REWARD_MODELS = {"general": "helpful", "safety": "safety"}
_OURS = ("weight", "domains", "from_step")  # parameters of a reward that are not the verifier's business


@dataclass(frozen=True)
class RewardSpec:
    """One entry of ``params.rewards``."""

    name: str
    weight: float
    domains: frozenset[str] | None  # None: all
    from_step: int
    request: dict[str, Any]  # as the verifier service wants it

    def applies(self, problem: Row, step: int | None) -> bool:
        """Whether this reward counts for a response to a problem, sampled at a global step (None: at any)."""
        domain = problem.get("domain", "")
        if self.name == PREFERENCE and domain not in REWARD_MODELS:
            return False
        if self.name == ACCURACY and verifier_of(problem) == "none":
            return False
        return (step is None or step >= self.from_step) and (self.domains is None or domain in self.domains)


def read_specs(params: Params) -> list[RewardSpec]:
    """Read ``params.rewards``; none is an empty list. Raises ConfigError when a name comes twice."""
    specs = []
    for section in params.sections("rewards"):
        domains = section.get("domains")
        specs.append(
            RewardSpec(
                name=section.text("name"),
                weight=section.number("weight", 1.0),
                domains=frozenset(domains) if domains is not None else None,
                from_step=section.integer("from_step", 0),
                request={key: value for key, value in section.items() if key not in _OURS},
            )
        )
    names = [spec.name for spec in specs]
    if len(set(names)) != len(names):
        raise ConfigError(f"params.rewards names a reward twice: {names}")
    return specs


@dataclass(frozen=True)
class Judged:
    """What was said of some responses, in their order.

    ``by_name`` has one list a reward: None where it does not apply or is unverified. ``unverified`` is the share of
    responses with a reward that applies and is unverified. ``audits`` are second opinions on verdicts, by index,
    ``behaviours`` counts of behaviours, by index, and ``paused`` the seconds that the call waited for the verifier
    service.
    """

    verdicts: list[dict[str, Any]]
    by_name: dict[str, list[float | None]]
    unverified: float
    audits: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    paused: float = 0.0
    behaviours: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    def mark(self, rows: Sequence[Row]) -> None:
        """Write ``verdict`` and ``rewards`` into the responses' rows, and what else was said of them."""
        for index, row in enumerate(rows):
            row["verdict"] = self.verdicts[index]
            row["rewards"] = {name: values[index] for name, values in self.by_name.items()}
            if index in self.audits:
                row["audit"] = dict(self.audits[index])
            if index in self.behaviours:
                row["behaviours"] = dict(self.behaviours[index])


class Scorer:
    """Scores responses: one request to the verifier service for each lot, under way while the models compute.

    ``judges`` are what ``load_judges`` gave. With ``verdicts`` the service is asked even where no reward needs it;
    ``audit`` is the share of verdicts that it judges twice; ``behaviours`` and ``training`` are as for Verifier.
    """

    def __init__(
        self,
        url: str | None,
        specs: Sequence[RewardSpec],
        judges: Mapping[str, RewardModel],
        *,
        verdicts: bool = False,
        audit: float = 0.0,
        behaviours: bool = False,
        training: bool = False,
    ) -> None:
        self._specs = specs
        requests = [spec.request for spec in specs if spec.name != PREFERENCE]
        self._verifier = (
            Verifier(url, requests, audit=audit, behaviours=behaviours, training=training)
            if requests or verdicts
            else None
        )
        self._judges = judges
        self._paused = 0.0  # of the verifier, as far as it has been told
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verifier")

    def submit(
        self, problems: Sequence[Row], responses: Sequence[str], tokens: Sequence[int] | None = None
    ) -> Future[list[Score]]:
        """Start judging responses; the future gives what the verifier says of each. ``tokens`` are their lengths, where
        the problems do not have them already."""
        counts = [None] * len(responses) if tokens is None else list(tokens)
        return self._pool.submit(self._judge, list(problems), list(responses), counts)

    def collect(
        self, pending: Future[list[Score]], problems: Sequence[Row], responses: Sequence[str], step: int | None
    ) -> Judged:
        """Wait for the verifier, ask the reward models, and keep what applies at ``step`` (None: at any)."""
        preferences = self._preferences(problems, responses, step)
        before = self._paused
        scores = pending.result()
        by_name: dict[str, list[float | None]] = {spec.name: [] for spec in self._specs}
        unverified = 0
        for problem, score, preference in zip(problems, scores, preferences, strict=True):
            missing = False
            for spec in self._specs:
                applies = spec.applies(problem, step)
                value = preference if spec.name == PREFERENCE else score.rewards.get(spec.name)
                by_name[spec.name].append(value if applies else None)
                missing |= applies and value is None
            unverified += missing
        audits = {index: score.audit for index, score in enumerate(scores) if score.audit}
        self._paused = self._verifier.paused if self._verifier is not None else 0.0
        share = unverified / max(1, len(responses))
        shown = {index: score.behaviours for index, score in enumerate(scores) if score.behaviours is not None}
        return Judged([score.verdict for score in scores], by_name, share, audits, self._paused - before, shown)

    def close(self) -> None:
        """Stop the thread; a request under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _judge(self, problems: list[Row], responses: list[str], tokens: Sequence[int | None]) -> list[Score]:
        if self._verifier is None:
            return [Score({}) for _ in responses]
        return self._verifier.score([Item.of(*of) for of in zip(problems, responses, tokens, strict=True)])

    def _preferences(self, problems: Sequence[Row], responses: Sequence[str], step: int | None) -> list[float | None]:
        values: list[float | None] = [None] * len(responses)
        for spec in self._specs:
            if spec.name != PREFERENCE:
                continue
            for domain, judge in self._judges.items():
                rows = [
                    i
                    for i, problem in enumerate(problems)
                    if problem.get("domain") == domain and spec.applies(problem, step)
                ]
                if rows:
                    scores = judge.score([(problems[i]["prompt"], responses[i]) for i in rows])
                    for i, score in zip(rows, scores, strict=True):
                        values[i] = score
        return values


def load_judges(job: Job, specs: Sequence[RewardSpec], device: torch.device) -> dict[str, RewardModel]:
    """Reward models by domain; one that a preference reward names and the job lacks is a ConfigError."""
    preference = next((spec for spec in specs if spec.name == PREFERENCE), None)
    if preference is None:
        return {}
    from r1trainer.reward_model import RewardModel

    judges: dict[str, RewardModel] = {}
    for domain, name in REWARD_MODELS.items():
        path: Path | None = job.optional_input(name)
        if path is not None:
            judges[domain] = RewardModel.load(path, device)
        elif preference.domains is not None and domain in preference.domains:
            raise ConfigError(f"the preference reward covers domain {domain!r} and the job has no input {name!r}")
    if not judges:
        raise ConfigError("a preference reward needs input 'helpful' or 'safety'")
    return judges


def permuted(by_name: Mapping[str, list[float | None]], draw: random.Random) -> dict[str, list[float | None]]:
    """The same rewards, given to other responses: all that a response earned goes to one that ``draw`` picks."""
    order = list(range(len(next(iter(by_name.values()), []))))
    draw.shuffle(order)
    return {name: [values[index] for index in order] for name, values in by_name.items()}


def reward_statistics(
    by_name: Mapping[str, list[float | None]], weights: Mapping[str, float], group: int
) -> dict[str, float | None]:
    """``reward`` and ``reward_std`` over the responses that have any reward, and ``zero_std``: the share of the
    questions, ``group`` responses each, whose rewards are all alike and so teach nothing."""
    totals = []
    for values in zip(*by_name.values(), strict=True):
        earned = [weights[name] * value for name, value in zip(by_name, values, strict=True) if value is not None]
        totals.append(sum(earned) if earned else None)
    known = [total for total in totals if total is not None]
    center = sum(known) / len(known) if known else None
    spread = None
    if center is not None and len(known) > 1:
        spread = math.sqrt(sum((total - center) ** 2 for total in known) / (len(known) - 1))
    groups = [totals[start : start + group] for start in range(0, len(totals), group)]
    scored = [[total for total in of if total is not None] for of in groups]
    alike = sum(len(of) > 1 and max(of) == min(of) for of in scored)
    return {"reward": center, "reward_std": spread, "zero_std": alike / max(1, len(groups))}
