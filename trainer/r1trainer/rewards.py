"""Rewards of a rollout: what the verifier service and the reward models say, by name."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from r1trainer.errors import ConfigError
from r1trainer.job import Job, Params
from r1trainer.rows import Row
from r1trainer.verifier import Item, Verifier

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

    def applies(self, problem: Row, step: int) -> bool:
        """Whether this reward counts for a response to a problem, sampled at a global step."""
        domain = problem.get("domain", "")
        if self.name == PREFERENCE and domain not in REWARD_MODELS:
            return False
        if self.name == ACCURACY and (problem.get("verifier") or "none") == "none":
            return False
        return step >= self.from_step and (self.domains is None or domain in self.domains)


def read_specs(params: Params) -> list[RewardSpec]:
    """Read ``params.rewards``. Raises ConfigError when there is none, or a name comes twice."""
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
    if not specs:
        raise ConfigError("params.rewards names no reward")
    if len(set(names)) != len(names):
        raise ConfigError(f"params.rewards names a reward twice: {names}")
    return specs


@dataclass(frozen=True)
class RolloutRewards:
    """Rewards of a rollout, aligned with its responses.

    ``by_name`` has one list a reward: None where it does not apply or is unverified. ``unverified`` is the share of
    responses with a reward that applies and is unverified.
    """

    by_name: dict[str, list[float | None]]
    unverified: float


class Scorer:
    """Scores rollouts: one request to the verifier service each, under way while the models compute."""

    def __init__(self, job: Job, specs: Sequence[RewardSpec], device: torch.device) -> None:
        self._specs = specs
        requests = [spec.request for spec in specs if spec.name != PREFERENCE]
        self._verifier = Verifier(job.reward_url, requests) if requests else None
        self._judges = _load_judges(job, specs, device)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="verifier")

    def submit(self, problems: Sequence[Row], responses: Sequence[str]) -> Future[list[dict[str, float | None]]]:
        """Start judging responses; the future gives the verifier's rewards of each."""
        return self._pool.submit(self._judge, list(problems), list(responses))

    def collect(
        self,
        pending: Future[list[dict[str, float | None]]],
        problems: Sequence[Row],
        responses: Sequence[str],
        step: int,
    ) -> RolloutRewards:
        """Wait for the verifier, ask the reward models, and keep what applies at ``step``."""
        preferences = self._preferences(problems, responses, step)
        verified = pending.result()
        by_name: dict[str, list[float | None]] = {spec.name: [] for spec in self._specs}
        unverified = 0
        for problem, scores, preference in zip(problems, verified, preferences, strict=True):
            missing = False
            for spec in self._specs:
                applies = spec.applies(problem, step)
                value = preference if spec.name == PREFERENCE else scores.get(spec.name)
                by_name[spec.name].append(value if applies else None)
                missing |= applies and value is None
            unverified += missing
        return RolloutRewards(by_name, unverified / max(1, len(responses)))

    def close(self) -> None:
        """Stop the thread; a request under way is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _judge(self, problems: list[Row], responses: list[str]) -> list[dict[str, float | None]]:
        if self._verifier is None:
            return [{} for _ in responses]
        items = [Item.of(problem, response) for problem, response in zip(problems, responses, strict=True)]
        return [score.rewards for score in self._verifier.score(items)]

    def _preferences(self, problems: Sequence[Row], responses: Sequence[str], step: int) -> list[float | None]:
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


def _load_judges(job: Job, specs: Sequence[RewardSpec], device: torch.device) -> dict[str, Any]:
    """Reward models by domain; one that a preference reward names and the job lacks is a ConfigError."""
    from r1trainer.reward_model import RewardModel

    judges: dict[str, Any] = {}
    for spec in specs:
        if spec.name != PREFERENCE:
            continue
        for domain, name in REWARD_MODELS.items():
            path: Path | None = job.optional_input(name)
            if path is not None:
                judges[domain] = RewardModel.load(path, device)
            elif spec.domains is not None and domain in spec.domains:
                raise ConfigError(f"the preference reward covers domain {domain!r} and the job has no input {name!r}")
    if any(spec.name == PREFERENCE for spec in specs) and not judges:
        raise ConfigError("a preference reward needs input 'helpful' or 'safety'")
    return judges
