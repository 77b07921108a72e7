"""Kind `sample`: every prompt answered n times, verified, in order, and nothing twice after a stop."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from r1trainer.__main__ import main
from r1trainer.signals import EXIT_STOPPED

PARAMS = {
    "template": {"text": "Q: {prompt} A:", "prefill": "<think>"},
    "samples_per_prompt": 3,
    "temperature": 1.0,
    "top_p": 0.95,
    "max_tokens": 12,
    "batch_size": 7,  # two problems of three samples at a time
    "rewards": [{"name": "accuracy"}, {"name": "format", "style": "answer", "domains": ["arithmetic"]}],
}
PROBLEMS = [
    {
        "id": f"id{i}",
        "domain": ("arithmetic", "general")[i % 2],
        "prompt": f"{i}+1=?",
        "gold": str(i + 1),
        "verifier": ("integer", "none")[i % 2],
        "split": "train",
        "extra": i,
    }
    for i in range(11)
]


@pytest.fixture
def prompts(place: Any) -> Path:
    return place.dataset("prompts", PROBLEMS)


def job(place: Any, name: str, tiny_model: Path, prompts: Path, url: str | None, **fields: Any) -> Path:
    params = {**PARAMS, **fields.pop("params", {})}
    inputs = {"model": tiny_model, "prompts": prompts}
    outputs = {"samples": "dataset"}
    return place.write_job(name, "sample", inputs=inputs, outputs=outputs, params=params, reward_url=url, **fields)


def rows_of(place: Any, name: str) -> list[dict[str, Any]]:
    text = (place.output(name, "samples") / "samples.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def without_origin(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows as far as they do not name the job."""
    return [{key: value for key, value in row.items() if key != "origin"} for row in rows]


def test_every_prompt_is_answered_in_order_and_its_fields_are_kept(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any
) -> None:
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url))]) == 0
    rows = rows_of(place, "sample")
    assert [(row["id"], row["sample"]) for row in rows] == [(p["id"], n) for p in PROBLEMS for n in range(3)]
    assert [row["extra"] for row in rows[::3]] == list(range(11))
    assert len({row["response"] for row in rows}) > 20, "samples of a prompt are draws of their own"
    for row in rows:
        assert row["response"].startswith("<think>")
        assert row["finish"] in ("stop", "length")
        assert 1 <= row["tokens"] <= 12
        assert row["verdict"]["label"] == "correct"
        assert row["origin"]["stage"] == "sample"
        assert len(row["origin"]["model_sha256"]) == 64
    assert {p.name for p in place.output("sample", "samples").iterdir()} == {"samples.jsonl"}


def test_the_verifier_judges_the_response_with_its_prefill(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any
) -> None:
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url))]) == 0
    items = [item for request in verifier.requests for item in request["items"]]
    assert [item["response"] for item in items] == [row["response"] for row in rows_of(place, "sample")]
    assert {(item["domain"], item["verifier"]) for item in items} == {("arithmetic", "integer"), ("general", "none")}


def test_a_reward_counts_in_its_domains_only(place: Any, tiny_model: Path, prompts: Path, verifier: Any) -> None:
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url))]) == 0
    for row in rows_of(place, "sample"):
        assert (row["rewards"]["format"] is None) == (row["domain"] == "general")
        assert (row["rewards"]["accuracy"] is None) == (row["verifier"] == "none")


def test_progress_is_told_in_rows(place: Any, tiny_model: Path, prompts: Path, verifier: Any) -> None:
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url))]) == 0
    lines = place.lines("sample")
    assert (lines[0]["type"], lines[0]["step"], lines[0]["total"]) == ("start", 0, 33)
    assert [line["step"] for line in lines if line["type"] == "step"] == [6, 12, 18, 24, 30, 33]
    assert lines[-1]["type"] == "summary"
    assert {"accuracy", "format", "tokens", "clipped", "unverified"} <= set(lines[-1]["values"])


def test_a_stopped_job_resumes_to_the_rows_of_an_undisturbed_one(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any
) -> None:
    assert main([str(job(place, "whole", tiny_model, prompts, verifier.url))]) == 0

    def terminate_at_the_third(request: dict[str, Any]) -> tuple[int, Any]:
        if len(verifier.requests) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return verifier.judge(request)

    verifier.requests.clear()
    verifier.answer = terminate_at_the_third
    assert main([str(job(place, "cut", tiny_model, prompts, verifier.url))]) == EXIT_STOPPED
    assert not (place.output("cut", "samples") / "samples.jsonl").exists()
    done = [line["step"] for line in place.lines("cut") if line["type"] == "step"][-1]
    assert 18 <= done < 33

    verifier.requests.clear()
    resume = place.resume("cut", done)
    assert main([str(job(place, "rest", tiny_model, prompts, verifier.url, resume=resume))]) == 0
    first = place.lines("rest")[0]
    assert (first["type"], first["step"], first["cursor"], first["total"]) == ("resume", done, done // 3, 33)
    judged = sum(len(request["items"]) for request in verifier.requests)
    assert judged == 33 - done, "finished rows are not generated again"
    assert without_origin(rows_of(place, "rest")) == without_origin(rows_of(place, "whole"))


def test_a_checkpoint_of_other_prompts_is_refused(place: Any, tiny_model: Path, prompts: Path, verifier: Any) -> None:
    assert main([str(job(place, "first", tiny_model, prompts, verifier.url))]) == 0
    fewer = place.dataset("fewer", PROBLEMS[:9])
    resume = place.resume("first", 12)
    assert main([str(job(place, "second", tiny_model, fewer, verifier.url, resume=resume))]) == 1
    assert place.error("second")["class"] == "config"


def test_a_faulty_verifier_makes_no_wrong_answers(place: Any, tiny_model: Path, prompts: Path, verifier: Any) -> None:
    def two_items_are_lost(request: dict[str, Any]) -> tuple[int, Any]:
        status, body = verifier.judge(request)
        for item in body["items"]:
            if item["id"] == "0" and len(verifier.requests) <= 2:
                item["verdict"] = {"label": "unverified", "reason": "verifier-fault", "verifier": "integer/1"}
                item["rewards"] = dict.fromkeys(item["rewards"])
        return status, body

    verifier.answer = two_items_are_lost
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url))]) == 0
    lost = [row for row in rows_of(place, "sample") if row["verdict"]["label"] == "unverified"]
    assert len(lost) == 2
    assert all(row["rewards"]["accuracy"] is None for row in lost)
    assert place.lines("sample")[-1]["values"]["unverified"] == 2


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"rewards": [{"name": "preference"}]}, "preference reward needs a kind that takes reward models"),
        ({"template": {"text": "no place"}}, "contains {prompt}"),
        ({"max_tokens": 300}, "do not fit the model's 256 positions"),
    ],
)
def test_params_that_cannot_work_are_refused(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any, params: dict[str, Any], complaint: str
) -> None:
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url, params=params))]) == 1
    assert place.error("sample")["class"] == "config"
    assert complaint in place.error("sample")["message"]


def test_a_sample_that_is_answered_again_stays_under_of(place: Any, tiny_model: Path, verifier: Any) -> None:
    before = {
        "sample": 4,
        "response": "<think>…</think> 7",
        "tokens": 5,
        "finish": "stop",
        "verdict": {"label": "wrong"},
    }
    candidates = place.dataset("candidates", [{**PROBLEMS[0], **before}])
    params = {"template": {"text": "Q: {prompt} A: {response} Is it {gold}?"}, "samples_per_prompt": 1}
    assert main([str(job(place, "judged", tiny_model, candidates, verifier.url, params=params))]) == 0
    [row] = rows_of(place, "judged")
    assert row["of"] == before
    assert (row["sample"], row["id"], row["extra"]) == (0, "id0", 0)
    assert row["response"] != before["response"]


def test_a_row_without_what_the_template_reads_is_named(
    place: Any, tiny_model: Path, prompts: Path, verifier: Any
) -> None:
    params = {"template": {"text": "{prompt} {hint}"}}
    assert main([str(job(place, "sample", tiny_model, prompts, verifier.url, params=params))]) != 0
    assert place.error("sample")["class"] == "config"
    assert "row 'id0' has no 'hint'" in place.error("sample")["message"]
    assert not verifier.requests
