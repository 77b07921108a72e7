"""Checkpoints: complete or absent, never half.

A checkpoint is built in a hidden folder and renamed into place; its
``COMPLETE`` file, with sizes and digests of all others, is written last, by
rename. A kill at any point leaves a folder without ``COMPLETE``, which nobody
reads and the next save of that step replaces.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from r1trainer.errors import ConfigError

COMPLETE = "COMPLETE"


def save_checkpoint(root: Path, step: int, write: Callable[[Path], None]) -> Path:
    """Make ``root/step-N`` from the files that ``write`` puts into the folder it is given.

    Saving a step that is already complete does nothing: the state at a step is
    a function of the step.
    """
    target = root / f"step-{step}"
    if (target / COMPLETE).exists():
        return target
    building = root / f".step-{step}.building"
    for leftover in (building, target):
        shutil.rmtree(leftover, ignore_errors=True)
    building.mkdir(parents=True)
    write(building)
    files = [_entry(building, path) for path in sorted(building.rglob("*")) if path.is_file()]
    building.rename(target)
    temporary = target / f".{COMPLETE}.tmp"
    _write_synced(temporary, json.dumps({"step": step, "files": files}, indent=1).encode())
    os.replace(temporary, target / COMPLETE)
    _sync_folder(target)
    _sync_folder(root)
    return target


def verify_checkpoint(folder: Path) -> int:
    """Check a checkpoint against its ``COMPLETE`` file and return its step. Raises ConfigError with what is wrong."""
    try:
        marker = json.loads((folder / COMPLETE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"checkpoint {folder} is not complete: {error}") from error
    for entry in marker["files"]:
        path = folder / entry["path"]
        if not path.is_file() or path.stat().st_size != entry["size"] or sha256(path) != entry["sha256"]:
            raise ConfigError(f"checkpoint {folder}: {entry['path']} is missing or not what was saved")
    return int(marker["step"])


def sha256(path: Path) -> str:
    """The sha256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _entry(root: Path, path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return {"path": path.relative_to(root).as_posix(), "size": path.stat().st_size, "sha256": sha256(path)}


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
