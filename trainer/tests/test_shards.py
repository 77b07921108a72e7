"""Kind `sample` in shards: together they write what one job would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_sample import PROBLEMS, job, rows_of, without_origin

from r1trainer.__main__ import main


@pytest.fixture
def prompts(place: Any) -> Path:
    return place.dataset("prompts", PROBLEMS)


def test_rows_are_the_same_for_any_number_of_shards(place: Any, tiny_model: Path, prompts: Path, verifier: Any) -> None:
    assert main([str(job(place, "whole", tiny_model, prompts, verifier.url))]) == 0
    whole = without_origin(rows_of(place, "whole"))
    for of in (2, 5):  # of six chunks
        rows: list[dict[str, Any]] = []
        for index in range(of):
            name = f"shard-{index}-of-{of}"
            params = {"shard": {"index": index, "of": of}}
            assert main([str(job(place, name, tiny_model, prompts, verifier.url, params=params))]) == 0
            rows += without_origin(rows_of(place, name))
            lines = place.lines(name)
            assert lines[0]["total"] == lines[-1]["step"] == len(rows_of(place, name))
        assert rows == whole


def test_more_shards_than_there_is_work_for_are_refused(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any
) -> None:
    params = {"shard": {"index": 0, "of": 7}}
    assert main([str(job(place, "many", tiny_model, prompts, verifier.url, params=params))]) == 1
    assert place.error("many")["class"] == "config"
    assert "at most 6 shards" in place.error("many")["message"]
