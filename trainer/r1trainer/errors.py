"""Failures with a class, and ``error.json``.

The classes are the controller's (docs/job-contract.md): ``program``, ``oom``,
``diverged``, ``config`` and ``infrastructure``. What is not one of ours is
classified by what it is.
"""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

NAN = "nan"  # the guard that every training job has


class TrainerError(Exception):
    """A failure whose class is known. Subclasses set ``failure_class``.

    One that users know by a stable ``name`` says what to do about it, in ``remedy``.
    """

    failure_class = "program"

    def __init__(self, message: str, *, name: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.name = name
        self.remedy = remedy


class ConfigError(TrainerError):
    """The job file, a parameter or an input cannot be used as it is."""

    failure_class = "config"


class Diverged(TrainerError):
    """Training left the rails: a guard stopped it.

    ``guard`` is the guard's name, ``last_good_step`` the newest step whose model shows no trouble yet, where known.
    """

    failure_class = "diverged"

    def __init__(self, message: str, guard: str = NAN, last_good_step: int | None = None) -> None:
        super().__init__(message)
        self.guard = guard
        self.last_good_step = last_good_step


class InfrastructureError(TrainerError):
    """Something around the trainer is down, such as the verifier service."""

    failure_class = "infrastructure"


class OutOfMemory(TrainerError):
    """Something does not fit into the memory of the device."""

    failure_class = "oom"


def classify(error: BaseException) -> str:
    """Return the failure class of any exception."""
    if isinstance(error, TrainerError):
        return error.failure_class
    if isinstance(error, MemoryError):
        return "oom"
    name, text = type(error).__name__, str(error)
    # torch.OutOfMemoryError by name, so that a config error can be reported without importing torch;
    # the CPU allocator raises a plain RuntimeError.
    if name == "OutOfMemoryError" or "out of memory" in text.lower() or "DefaultCPUAllocator: can't allocate" in text:
        return "oom"
    if isinstance(error, OSError) and not isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return "infrastructure"
    return "program"


def write_error(path: Path, error: BaseException) -> None:
    """Write ``error.json`` at ``path`` atomically."""
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    record: dict[str, object] = {
        "class": classify(error),
        "type": type(error).__name__,
        "message": str(error) or type(error).__name__,
        "traceback": trace,
    }
    if isinstance(error, TrainerError) and error.name and error.remedy:
        record["type"], record["remedy"] = error.name, error.remedy
    if isinstance(error, Diverged):
        record["type"] = error.guard
        if error.last_good_step is not None:
            record["last_good_step"] = error.last_good_step
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
