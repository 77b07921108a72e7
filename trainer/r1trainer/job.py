"""The job file, and which function serves which kind."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from r1trainer.errors import ConfigError

VERSION = 1

# Module and function of each kind; imported only when asked for, because
# torch and transformers cost seconds.
KINDS: dict[str, tuple[str, str]] = {
    "base": ("r1trainer.base", "run"),
    "grpo": ("r1trainer.grpo", "run"),
    "sample": ("r1trainer.sample", "run"),
    "sft": ("r1trainer.sft", "run"),
    "distill": ("r1trainer.distill", "run"),
    "reward-model": ("r1trainer.reward_model", "run"),
    "evaluate": ("r1trainer.evaluate", "run"),
}


class Params(Mapping[str, Any]):
    """A kind's parameters with typed access; every complaint names the parameter."""

    def __init__(self, values: Mapping[str, Any], where: str = "params") -> None:
        self._values = dict(values)
        self._where = where

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def _get(self, name: str, default: Any, required: bool) -> Any:
        value = self._values.get(name)
        if value is None:
            if required:
                raise ConfigError(f"{self._where}.{name} is missing")
            return default
        return value

    def integer(self, name: str, default: int | None = None, minimum: int = 0) -> int:
        """An integer of at least ``minimum``; required where there is no default."""
        value = self._get(name, default, default is None)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise ConfigError(f"{self._where}.{name} must be an integer of at least {minimum}, not {value!r}")
        return value

    def number(self, name: str, default: float | None = None, minimum: float = 0.0) -> float:
        """A finite number of at least ``minimum``; required where there is no default."""
        value = self._get(name, default, default is None)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not minimum <= value < float("inf"):
            raise ConfigError(f"{self._where}.{name} must be a number of at least {minimum}, not {value!r}")
        return float(value)

    def text(self, name: str, default: str | None = None, choices: tuple[str, ...] = ()) -> str:
        """A string, one of ``choices`` where given; required where there is no default."""
        value = self._get(name, default, default is None)
        if not isinstance(value, str) or (choices and value not in choices):
            want = "one of " + ", ".join(choices) if choices else "a string"
            raise ConfigError(f"{self._where}.{name} must be {want}, not {value!r}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A boolean."""
        value = self._get(name, default, False)
        if not isinstance(value, bool):
            raise ConfigError(f"{self._where}.{name} must be true or false, not {value!r}")
        return value

    def section(self, name: str) -> Params | None:
        """A nested map, or None where it is absent."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ConfigError(f"{self._where}.{name} must be a map, not {value!r}")
        return Params(value, f"{self._where}.{name}")

    def sections(self, name: str) -> list[Params]:
        """A list of maps; empty where it is absent."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise ConfigError(f"{self._where}.{name} must be a list of maps, not {value!r}")
        return [Params(item, f"{self._where}.{name}[{index}]") for index, item in enumerate(value)]


@dataclass(frozen=True)
class Folder:
    """An input or output artifact: a folder and its type (model, dataset, report, state)."""

    path: Path
    type: str


@dataclass(frozen=True)
class Resume:
    """The checkpoint to continue from."""

    path: Path
    step: int


@dataclass(frozen=True)
class Job:
    """``job.json`` with every path made absolute against the folder it lies in."""

    key: str
    kind: str
    params: Params
    seed: int
    from_step: int
    to_step: int
    inputs: dict[str, Folder]
    outputs: dict[str, Folder]
    checkpoints: Path
    metrics: Path
    error: Path
    resume: Resume | None = None
    reward_url: str | None = None
    deadline: datetime | None = None
    threads: int = 0
    directory: Path = field(default_factory=Path.cwd)

    def input(self, name: str) -> Path:
        """The folder of an input that must be there."""
        if name not in self.inputs:
            raise ConfigError(f"job {self.key}: kind {self.kind} needs input {name!r}; it has {sorted(self.inputs)}")
        return self.inputs[name].path

    def optional_input(self, name: str) -> Path | None:
        """The folder of an input, or None."""
        return self.inputs[name].path if name in self.inputs else None

    def output(self, name: str) -> Path:
        """The folder of an output, made if needed."""
        if name not in self.outputs:
            raise ConfigError(f"job {self.key}: kind {self.kind} needs output {name!r}; it has {sorted(self.outputs)}")
        path = self.outputs[name].path
        path.mkdir(parents=True, exist_ok=True)
        return path

    def origin(self, model: Path | None = None) -> dict[str, str]:
        """Where a row made by this job comes from: run, stage, job and the sha256 of the model's weights."""
        parts = [*self.key.split("/"), "", "", ""][:3]
        origin = dict(zip(("run", "stage", "job"), parts, strict=True))
        if model is not None:
            from r1trainer.models import weights_digest

            origin["model_sha256"] = weights_digest(model)
        return origin


def load_job(path: Path) -> Job:
    """Read ``job.json``. Raises ConfigError when it is not one this program can serve."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read job file {path}: {error}") from error
    if not isinstance(raw, dict) or raw.get("version") != VERSION:
        raise ConfigError(f"{path}: this trainer serves job files of version {VERSION}")
    directory = path.resolve().parent
    try:
        return _job_from(raw, directory)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: not a job file: {type(error).__name__}: {error}") from error


def _job_from(raw: Mapping[str, Any], directory: Path) -> Job:
    def folders(name: str) -> dict[str, Folder]:
        return {key: Folder(directory / value["path"], value["type"]) for key, value in (raw.get(name) or {}).items()}

    resume = raw.get("resume")
    deadline = raw.get("deadline")
    return Job(
        key=raw["key"],
        kind=raw["kind"],
        params=Params(raw.get("params") or {}),
        seed=int(raw.get("seed", 0)),
        from_step=int(raw.get("from_step", 0)),
        to_step=int(raw.get("to_step", 0)),
        inputs=folders("inputs"),
        outputs=folders("outputs"),
        checkpoints=directory / raw["checkpoints"],
        metrics=directory / raw["metrics"],
        error=directory / raw["error"],
        resume=Resume(directory / resume["path"], int(resume["step"])) if resume else None,
        reward_url=raw.get("reward_url") or None,
        deadline=datetime.fromisoformat(deadline) if deadline else None,
        threads=int(raw.get("threads") or 0),
        directory=directory,
    )


def function_for(kind: str) -> Callable[[Job], None]:
    """The function that serves a kind."""
    if kind not in KINDS:
        raise ConfigError(f"this trainer knows no kind {kind!r}; it knows {', '.join(sorted(KINDS))}")
    module, name = KINDS[kind]
    return getattr(importlib.import_module(module), name)
