"""Client of the verifier service (docs/job-contract.md, "Verifier service").

A fault of the service is never a wrong answer: what cannot be judged comes
back as unverified with null rewards, and is counted. When too much of a call
is lost, the job ends with class ``infrastructure`` instead of training on
nothing.
"""

from __future__ import annotations

import http.client
import json
import math
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1trainer.errors import ConfigError, InfrastructureError

UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Item:
    """One response to judge: the problem's fields and the response, prefill included."""

    domain: str
    prompt: str
    response: str
    gold: str | None = None
    verifier: str = "none"

    @staticmethod
    def of(problem: Mapping[str, Any], response: str) -> Item:
        """Make an item from a problem row."""
        gold = problem.get("gold")
        return Item(
            domain=str(problem.get("domain", "")),
            prompt=str(problem["prompt"]),
            response=response,
            gold=None if gold is None else str(gold),
            verifier=str(problem.get("verifier") or "none"),
        )


@dataclass(frozen=True)
class Score:
    """What the service said of one item. ``rewards`` has every name that was asked for; None is unverified."""

    verdict: dict[str, Any]
    rewards: dict[str, float | None] = field(default_factory=dict)
    lost: bool = False  # the service did not answer for this item

    @property
    def label(self) -> str:
        """``correct``, ``wrong`` or ``unverified``."""
        return str(self.verdict.get("label", UNVERIFIED))


class Verifier:
    """Scores responses over HTTP, in order, one score an item.

    ``rewards`` are the reward requests of the contract, such as ``{"name": "format", "style": "answer"}``.
    Connection errors, timeouts and 5xx are retried ``attempts`` times in all with doubling pauses; after that the items
    of that request are unverified. More than ``max_lost`` (a share) lost in one call raises InfrastructureError.
    A request the service calls malformed (4xx) raises ConfigError at once.
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
        max_request_bytes: int = 32 << 20,
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
        self._max_bytes = max_request_bytes
        self._sleep = sleep or time.sleep
        # Loopback or a site's own address: a proxy of the environment must not come between.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def score(self, items: Sequence[Item]) -> list[Score]:
        """Judge items; one request unless they are very large."""
        scores: list[Score] = []
        failure = ""
        for chunk in self._chunks(items):
            try:
                scores += self._post(chunk)
            except InfrastructureError as error:
                failure = str(error)
                scores += [self._lost("verifier-unreachable") for _ in chunk]
        lost = sum(score.lost for score in scores)
        if lost > self._max_lost * len(items):
            detail = failure or "its answers did not match the items that were sent"
            raise InfrastructureError(f"the verifier service gave no verdict on {lost} of {len(items)} items: {detail}")
        return scores

    def _chunks(self, items: Sequence[Item]) -> Iterator[list[dict[str, Any]]]:
        chunk: list[dict[str, Any]] = []
        size = 0
        for index, item in enumerate(items):
            record = {
                "id": str(index),
                "domain": item.domain,
                "verifier": item.verifier,
                "prompt": item.prompt,
                "response": item.response,
            }
            if item.gold is not None:
                record["gold"] = item.gold
            length = len(item.prompt) + len(item.response) + 200
            if chunk and size + length > self._max_bytes:
                yield chunk
                chunk, size = [], 0
            chunk.append(record)
            size += length
        if chunk:
            yield chunk

    def _post(self, chunk: list[dict[str, Any]]) -> list[Score]:
        body = json.dumps({"rewards": self._rewards, "items": chunk}).encode()
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
        return Score(dict(verdict), {name: _number(rewards.get(name)) for name in self._names})

    def _lost(self, reason: str) -> Score:
        verdict = {"label": UNVERIFIED, "reason": reason, "verifier": ""}
        return Score(verdict, dict.fromkeys(self._names), lost=True)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
