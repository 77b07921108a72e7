"""Dataset folders: ``*.jsonl`` files, one row a line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from r1trainer.errors import ConfigError

Row = dict[str, Any]


def read_rows(folder: Path, required: tuple[str, ...] = ()) -> list[Row]:
    """All rows of a dataset, file by file in name order.

    Raises ConfigError when there is none, or a row is not an object, or lacks a required field.
    """
    rows = list(_rows(folder, required))
    if not rows:
        raise ConfigError(f"dataset {folder} has no rows")
    return rows


def _rows(folder: Path, required: tuple[str, ...]) -> Iterator[Row]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ConfigError(f"{path}:{number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise ConfigError(f"{path}:{number}: a row must be an object")
                for name in required:
                    if row.get(name) is None:
                        raise ConfigError(f"{path}:{number}: row has no {name!r}")
                yield row


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows to one file, atomically, and return how many."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name("." + path.name + ".tmp")
    count = 0
    with temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return count
