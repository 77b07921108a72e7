"""Client of the verifier service (docs/verifiers.md).

A fault of the service is never a wrong answer: what cannot be judged comes back as unverified with null rewards, and is
counted. Where too much of a call is lost to an outage, the call waits for the service and asks again, so that a trainer
pauses instead of learning noise; when the service stays away the job ends with class ``infrastructure``.
"""

from __future__ import annotations

import http.client
import json
import logging
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1trainer.errors import ConfigError, InfrastructureError

UNVERIFIED = "unverified"
# Reasons of an outage: the item could be judged if the service, or a part of it, were well.
OUTAGES = frozenset(
    {
        *("verifier-unreachable", "verifier-answer-mismatch", "sandbox-fault"),
        *("verifier-unavailable", "verifier-crash", "cancelled", "endpoint-outage"),
    }
)
# Reasons that lie in the machine: waiting changes nothing.
ABSENT = frozenset({"sandbox-unavailable", "second-opinion-unavailable"})
_log = logging.getLogger(__name__)


# The verifier of a domain whose rows name none, as in internal/verify.
_BY_DOMAIN = {"math": "math", "code": "code", "choice": "choice", "science": "choice", "stem": "choice"}


def verifier_of(problem: Mapping[str, Any]) -> str:
    """The verifier that a row names, else that of its domain, else ``none``."""
    return str(problem.get("verifier") or _BY_DOMAIN.get(str(problem.get("domain", "")), "none"))


# Of a row: what an item has by itself, and what says nothing of the problem.
_NOT_SENT = frozenset(
    {
        *("id", "domain", "prompt", "response", "completion", "gold", "solution", "verifier"),
        *("verdict", "rewards", "origin", "sample", "finish", "thinking_tokens", "greedy", "split", "of"),
    }
)


@dataclass(frozen=True)
class Item:
    """One response to judge: the problem's fields and the response, prefill included.

    ``more`` are the problem's other fields: what verifiers and rewards read of them is theirs to know.
    """

    domain: str
    prompt: str
    response: str
    gold: str | None = None
    verifier: str = "none"
    more: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(problem: Mapping[str, Any], response: str, tokens: int | None = None) -> Item:
        """Make an item from a problem row; ``tokens`` is how many the response has, where that is known."""
        gold = problem.get("gold")
        counted = {} if tokens is None else {"tokens": tokens}
        return Item(
            domain=str(problem.get("domain", "")),
            prompt=str(problem["prompt"]),
            response=response,
            gold=None if gold is None else str(gold),
            verifier=verifier_of(problem),
            more={name: value for name, value in problem.items() if name not in _NOT_SENT} | counted,
        )


@dataclass(frozen=True)
class Score:
    """What the service said of one item. ``rewards`` has every name that was asked for; None is unverified."""

    verdict: dict[str, Any]
    rewards: dict[str, float | None] = field(default_factory=dict)
    lost: bool = False  # the service did not answer for this item
    audit: Mapping[str, Any] | None = None  # a second opinion on the verdict, where one was asked for
    behaviours: Mapping[str, int] | None = None  # how often it shows each, where that was asked for

    @property
    def label(self) -> str:
        """``correct``, ``wrong`` or ``unverified``."""
        return str(self.verdict.get("label", UNVERIFIED))

    @property
    def outage(self) -> bool:
        """Whether the item has no verdict because something is away that could come back."""
        return self.lost or (self.label == UNVERIFIED and self.verdict.get("reason") in OUTAGES)

    @property
    def absent(self) -> bool:
        """Whether the item has no verdict because this machine lacks what it takes."""
        return self.label == UNVERIFIED and self.verdict.get("reason") in ABSENT


class Verifier:
    """Scores responses over HTTP, in order, one score an item.

    ``rewards`` are the reward requests of the contract, such as ``{"name": "format", "style": "answer"}``; ``audit`` is
    the share of verdicts that the service judges twice; ``behaviours`` asks which cognitive behaviours responses show.
    Connection errors, timeouts and 5xx are retried ``attempts`` times in all with doubling pauses; after that the items
    of that request are unverified. A request the service calls malformed (4xx) raises ConfigError at once.

    Where more than ``max_lost`` (a share) of ``rollouts`` calls in a row is lost to an outage, the last of them waits
    for the service, with doubling pauses of at most a minute, and asks again for what was lost, for at most
    ``patience`` seconds; then it raises InfrastructureError. A call of which nothing came back waits at once.

    With ``training``, as much as that without a verdict because the machine lacks what it takes raises ConfigError:
    the model would learn from what is left.
    """

    def __init__(
        self,
        url: str | None,
        rewards: Sequence[Mapping[str, Any]],
        *,
        attempts: int = 6,
        pause: float = 1.0,
        timeout: float = 300.0,
        max_lost: float = 0.25,
        rollouts: int = 3,
        patience: float = 1800.0,
        audit: float = 0.0,
        behaviours: bool = False,
        training: bool = False,
        max_request_bytes: int = 32 << 20,
        max_request_items: int = 512,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        if not url:
            raise ConfigError("the job has no reward_url, and its rewards need the verifier service")
        self._url = url.rstrip("/") + "/v1/score"
        self._rewards = [dict(reward) for reward in rewards]
        self._names = [str(reward["name"]) for reward in rewards]
        self._attempts = attempts
        self._pause = pause
        self._timeout = timeout
        self._max_lost = max_lost
        self._rollouts = rollouts
        self._patience = patience
        self._audit = audit
        self._behaviours = behaviours
        self._training = training
        self._bad = 0  # calls in a row that lost too much
        self._lacking = 0  # calls in a row for which this machine lacks too much
        self.paused = 0.0  # seconds waited for the service, in all
        self._max_bytes = max_request_bytes
        self._max_items = max_request_items
        self._sleep = sleep or time.sleep
        # Loopback or a site's own address: a proxy of the environment must not come between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def score(self, items: Sequence[Item]) -> list[Score]:
        """Judge items, those of one prompt in one request; a request takes no longer than a few hundred items do."""
        scores, failure = self._ask(items)
        self._check_machine(scores)
        if not self._outage(scores):
            self._bad = 0
            return scores
        self._bad += 1
        if self._bad < self._rollouts and not all(score.lost for score in scores):
            _log.warning("the verifier gave no verdict on %s; those responses teach nothing", _shares(scores))
            return scores
        return self._wait(items, scores, failure)

    def _check_machine(self, scores: Sequence[Score]) -> None:
        lacking = [score for score in scores if score.absent]
        if not self._training or len(lacking) <= self._max_lost * len(scores):
            self._lacking = 0
            return
        self._lacking += 1
        if self._lacking >= self._rollouts:
            reasons = sorted({str(score.verdict["reason"]) for score in lacking})
            raise ConfigError(
                f"{len(lacking)} of {len(scores)} responses, and as many in the rollouts before, cannot be judged on "
                f"this machine: {', '.join(reasons)}; r1ctl doctor says what it lacks"
            )

    def _outage(self, scores: Sequence[Score]) -> bool:
        return sum(score.outage for score in scores) > self._max_lost * len(scores)

    def _wait(self, items: Sequence[Item], scores: list[Score], failure: str) -> list[Score]:
        """Ask again for what an outage took, until little enough of it is left."""
        waited, pause = 0.0, max(self._pause, 0.001)
        while self._outage(scores):
            if waited >= self._patience:
                count = sum(score.outage for score in scores)
                reasons = sorted({str(score.verdict.get("reason")) for score in scores if score.outage})
                raise InfrastructureError(
                    f"the verifier service gave no verdict on {count} of {len(items)} items, and training paused for "
                    f"{waited:.0f} s: {failure or ', '.join(reasons)}"
                )
            _log.warning("paused: the verifier gave no verdict on %s; asking again in %.0f s", _shares(scores), pause)
            self._sleep(pause)
            waited, pause = waited + pause, min(2 * pause, 60.0)
            lost = {item.prompt for item, score in zip(items, scores, strict=True) if score.outage}
            missing = [index for index, item in enumerate(items) if item.prompt in lost]  # compared with each other
            again, failure = self._ask([items[index] for index in missing])
            for index, score in zip(missing, again, strict=True):
                scores[index] = score
        self._bad = 0
        self.paused += waited
        _log.warning("the verifier answers again after %.0f s", waited)
        return scores

    def _ask(self, items: Sequence[Item]) -> tuple[list[Score], str]:
        """One score an item, and what the last failure was."""
        scores: list[Score] = []
        failure = ""
        for chunk in self._chunks(items):
            try:
                scores += self._post(chunk)
            except InfrastructureError as error:
                failure = str(error)
                scores += [self._lost("verifier-unreachable") for _ in chunk]
        return scores, failure

    def _chunks(self, items: Sequence[Item]) -> Iterator[list[dict[str, Any]]]:
        chunk: list[dict[str, Any]] = []
        size = 0
        for index, item in enumerate(items):
            record: dict[str, Any] = {
                **item.more,
                "id": str(index),
                "domain": item.domain,
                "verifier": item.verifier,
                "prompt": item.prompt,
                "response": item.response,
            }
            if item.gold is not None:
                record["gold"] = item.gold
            length = len(item.prompt) + len(item.response) + 200
            length += sum(len(json.dumps(value)) for value in item.more.values() if isinstance(value, dict | list))
            # Responses to one prompt stay together: some rewards compare them.
            full = size + length > self._max_bytes or len(chunk) >= self._max_items
            if chunk and full and item.prompt != chunk[-1]["prompt"]:
                yield chunk
                chunk, size = [], 0
            chunk.append(record)
            size += length
        if chunk:
            yield chunk

    def _post(self, chunk: list[dict[str, Any]]) -> list[Score]:
        request_body: dict[str, Any] = {"rewards": self._rewards, "items": chunk}
        if self._audit:
            request_body["audit"] = self._audit
        if self._behaviours:
            request_body["behaviours"] = True
        body = json.dumps(request_body).encode()
        last = ""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(self._pause * 2 ** (attempt - 1))
            request = urllib.request.Request(self._url, data=body, headers={"Content-Type": "application/json"})
            try:
                with self._opener.open(request, timeout=self._timeout) as response:
                    results = json.loads(response.read())["items"]
                return self._match(chunk, results)
            except urllib.error.HTTPError as error:
                detail = error.read(2000).decode(errors="replace").strip()
                if error.code < 500 and error.code not in (408, 429):
                    raise ConfigError(f"the verifier service refused the request ({error.code}): {detail}") from error
                last = f"HTTP {error.code} {detail}"
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
                last = f"{type(error).__name__}: {error}"
        raise InfrastructureError(f"no usable answer from {self._url} in {self._attempts} attempts: {last}")

    def _match(self, chunk: list[dict[str, Any]], results: list[dict[str, Any]]) -> list[Score]:
        """Pair results with items by id: exactly one each, or the item is unverified."""
        found: dict[str, list[dict[str, Any]]] = {}
        for result in results:
            found.setdefault(str(result["id"]), []).append(result)
        scores = []
        for record in chunk:
            matches = found.get(record["id"], [])
            scores.append(self._score(matches[0]) if len(matches) == 1 else self._lost("verifier-answer-mismatch"))
        return scores

    def _score(self, result: dict[str, Any]) -> Score:
        verdict, rewards = result["verdict"], result.get("rewards") or {}
        return Score(
            dict(verdict),
            {name: _number(rewards.get(name)) for name in self._names},
            audit=result.get("audit"),
            behaviours=result.get("behaviours"),
        )

    def _lost(self, reason: str) -> Score:
        verdict = {"label": UNVERIFIED, "reason": reason, "verifier": ""}
        return Score(verdict, dict.fromkeys(self._names), lost=True)


def _shares(scores: Sequence[Score]) -> str:
    return f"{sum(score.outage for score in scores)} of {len(scores)} responses"


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
