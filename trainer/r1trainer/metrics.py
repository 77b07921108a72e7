"""``metrics.jsonl``: one JSON object a line, flushed at once.

The controller reads progress, and the proof of a resume, from these lines, so
their shape is part of the contract (docs/job-contract.md). The same lines go to
standard output in a form for people, who read them with ``r1ctl logs``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType


class Metrics:
    """Appends lines to the job's metrics file. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Metrics:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def start(self, step: int, total: int, cursor: int = 0) -> None:
        """First line of a fresh attempt. ``total`` is the step (or row count) the job will reach."""
        self._write("start", step, total=total, cursor=cursor)

    def resume(self, step: int, total: int, cursor: int) -> None:
        """First line after a resume: the step and data cursor that were restored."""
        self._write("resume", step, total=total, cursor=cursor)

    def step(self, step: int, values: Mapping[str, float | None], total: int = 0) -> None:
        """Numbers of one optimizer step, or of the rows done so far. None and non-finite values are left out."""
        self._write("step", step, values=_numbers(values), total=total)

    def eval(self, step: int, values: Mapping[str, float | None]) -> None:
        """Numbers of held-out problems at a step, named as in a report. None and non-finite values are left out."""
        self._write("eval", step, values=_numbers(values))

    def text(self, step: int, prompt: str, response: str) -> None:
        """An example response, for people."""
        self._write("text", step, text={"prompt": prompt, "response": response})

    def warning(self, step: int, guard: str, message: str, values: Mapping[str, float]) -> None:
        """What a guard has to say at a step, with the numbers it goes by."""
        self._write("warning", step, guard=guard, message=message, values=_numbers(values))

    def summary(self, step: int, values: Mapping[str, float | None]) -> None:
        """Last line: the job's final numbers, which go into its commit."""
        self._write("summary", step, values=_numbers(values))

    def _write(self, kind: str, step: int, **fields: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = {"type": kind, "time": now, "step": step, **{k: v for k, v in fields.items() if v or k == "cursor"}}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()
        print(_readable(now, kind, step, fields), flush=True)


def _readable(now: str, kind: str, step: int, fields: Mapping[str, object]) -> str:
    parts = [now, kind, f"{step}/{total}" if (total := fields.get("total")) else str(step)]
    if guard := fields.get("guard"):
        return " ".join([*parts, f"{guard}: {fields['message']}"])
    values = fields.get("values")
    if isinstance(values, Mapping):
        parts += [f"{name}={value:.4g}" for name, value in values.items()]
    text = fields.get("text")
    if isinstance(text, Mapping):
        parts += [f"{name}={value!r}" for name, value in text.items()]
    return " ".join(parts)


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    # JSON has no NaN: a value that is not a number is absent, never 0.
    return {name: float(value) for name, value in values.items() if value is not None and math.isfinite(value)}
