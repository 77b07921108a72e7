"""Files of rows, as `r1ctl curate` and its stages write them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from r1trainer.errors import ConfigError
from r1trainer.rows import read_rows


def test_every_format_that_curate_writes_is_read(tmp_path: Path) -> None:
    rows = [
        {"prompt": "1", "gold": 0, "origin": {"line": 0, "file": ""}, "tags": ["x", None]},
        {"prompt": "2", "gold": "zwei   ä", "verdict": {"label": "correct"}, "tags": []},
    ]
    line = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
    (tmp_path / "data-00000-of-00004.jsonl").write_bytes(line[0])
    (tmp_path / "data-00001-of-00004.jsonl.gz").write_bytes(gzip.compress(line[1]))
    with pyarrow.CompressedOutputStream(str(tmp_path / "data-00002-of-00004.jsonl.zst"), "zstd") as file:
        file.write(line[0] + line[1])
    kept = pyarrow.schema(
        {
            "prompt": pyarrow.string(),
            "gold": pyarrow.json_(),
            "origin": pyarrow.struct({"line": pyarrow.int64(), "file": pyarrow.string()}),
            "verdict": pyarrow.struct({"label": pyarrow.string()}),
            "tags": pyarrow.list_(pyarrow.string()),
        }
    )
    columns = [dict(row, gold=json.dumps(row["gold"], ensure_ascii=False)) for row in rows]
    parquet.write_table(pyarrow.Table.from_pylist(columns, kept), tmp_path / "data-00003-of-00004.parquet")
    for name in ("dropped.jsonl.gz", "quarantine.jsonl.gz"):
        (tmp_path / name).write_bytes(gzip.compress(b'{"step": "malformed"}\n'))
    for name in ("shards.json", "sources.json", ".data.jsonl.part-00000"):
        (tmp_path / name).write_text("{}")
    assert read_rows(tmp_path, ("prompt",)) == [*rows, *rows, *rows]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.parquet"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x28\xb5\x2f\xfd damaged")
    with pytest.raises(ConfigError, match=rf"{name}: cannot be read"):
        read_rows(tmp_path)
