"""Dataset folders: files of rows as JSON lines (plain, gzip, zstd) or Parquet, one or several."""

from __future__ import annotations

import gzip
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

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
    for path in sorted(folder.glob("*")):
        if not _holds_rows(path.name):
            continue
        for number, row in _parquet(path) if path.suffix == ".parquet" else _lines(path):
            for name in required:
                if row.get(name) is None:
                    raise ConfigError(f"{path}:{number}: row has no {name!r}")
            yield row


ENDINGS = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
ACCOUNTS = ("dropped.jsonl", "quarantine.jsonl")  # of what is not in the dataset


def _holds_rows(name: str) -> bool:
    """Whether a file of a dataset holds rows of it, by its name."""
    return name.endswith(ENDINGS) and name.removesuffix(".gz") not in ACCOUNTS and not name.startswith(".")


def _open(path: Path) -> IO[bytes]:
    match path.suffix:
        case ".gz":
            return gzip.open(path)
        case ".zst":
            import pyarrow  # late: most datasets need none

            return pyarrow.input_stream(str(path), compression="zstd")
    return path.open("rb")


def _lines(path: Path) -> Iterator[tuple[int, Row]]:
    try:
        with _open(path) as file:
            for number, line in enumerate(io.TextIOWrapper(file, encoding="utf-8"), start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise ConfigError(f"{path}:{number}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise ConfigError(f"{path}:{number}: a row must be an object")
                yield number, row
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _parquet(path: Path) -> Iterator[tuple[int, Row]]:
    """Rows of a Parquet file. A null is a field that the row lacks, and JSON columns are what they hold."""
    import pyarrow
    from pyarrow import parquet

    try:
        number = 0
        with parquet.ParquetFile(path, arrow_extensions_enabled=True) as file:
            types = {field.name: field.type for field in file.schema_arrow}
            for batch in file.iter_batches(batch_size=1024):
                for values in batch.to_pylist():
                    number += 1
                    yield number, {name: _plain(v, types[name]) for name, v in values.items() if v is not None}
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _plain(value: Any, kind: Any) -> Any:
    """A value of a Parquet column as JSON has it."""
    from pyarrow import types

    if value is None:
        return None
    if str(kind) == "extension<arrow.json>":
        return json.loads(value)
    if types.is_struct(kind):
        return {field.name: _plain(value[field.name], field.type) for field in kind if value[field.name] is not None}
    if types.is_list(kind) or types.is_large_list(kind):
        return [_plain(element, kind.value_type) for element in value]
    return value


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
