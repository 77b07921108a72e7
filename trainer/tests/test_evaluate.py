"""Kind `evaluate`: a report of totals, domains and rows."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from r1trainer.__main__ import main
from r1trainer.models import load_tokenizer
from r1trainer.reward_model import RewardModel
from r1trainer.sampling import thinking_tokens
from r1trainer.signals import EXIT_STOPPED


def test_a_report_has_totals_domains_and_rows(place: Any, tiny_model: Path, verifier: Any) -> None:
    def even_is_right(request: dict[str, Any]) -> tuple[int, Any]:
        status, body = verifier.judge(request)
        for item, asked in zip(body["items"], request["items"], strict=True):
            label = "correct" if asked["domain"] == "arithmetic" else "wrong"
            item["verdict"] = {"label": label, "answer": "A", "verifier": "fake/1"}
        return status, body

    verifier.answer = even_is_right
    problems = [
        {"id": str(i), "domain": domain, "prompt": f"{i}+1=?", "gold": "1", "verifier": "integer", "split": "test"}
        for i, domain in enumerate(["arithmetic", "logic", "arithmetic"])
    ]
    path = place.write_job(
        "evaluate",
        "evaluate",
        inputs={"model": tiny_model, "problems": place.dataset("problems", problems)},
        outputs={"report": "report"},
        params={
            "template": {"chat": True},
            "samples_per_prompt": 4,
            "temperature": 0.6,
            "top_p": 0.95,
            "max_tokens": 8,
            "greedy": True,
            "rewards": [{"name": "accuracy"}, {"name": "format", "style": "boxed"}],
        },
        reward_url=verifier.url,
    )
    assert main([str(path)]) == 0
    report = place.output("evaluate", "report")
    metrics = json.loads((report / "metrics.json").read_text())
    assert metrics["values"]["pass@1"] == pytest.approx(2 / 3)
    assert metrics["values"]["greedy"] == pytest.approx(2 / 3)
    assert (metrics["values"]["k"], metrics["values"]["problems"]) == (4, 3)
    assert {domain: of["pass@1"] for domain, of in metrics["domains"].items()} == {"arithmetic": 1.0, "logic": 0.0}
    rows = [json.loads(line) for line in (report / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(0 <= r["thinking_tokens"] <= r["tokens"] for r in rows)
    assert [(r["sample"], r.get("greedy", False)) for r in rows[:5]] == [(n, n == 4) for n in range(5)]
    summary = place.lines("evaluate")[-1]
    assert summary["type"] == "summary"
    values = summary["values"]
    assert (values["pass@1_logic"], values["pass@1_low_arithmetic"], values["pass@1_high_arithmetic"]) == (0, 1, 1)
    assert {"pass@2", "pass@4", "cons@k_low", "greedy_high", "tokens_low", "reflective", "thinking_tokens"} <= set(
        values
    )
    assert {"tokens_arithmetic", "format_logic"} <= set(values)
    assert len(rows) == 15


def job(
    place: Any, model: Path, problems: list[dict[str, Any]], inputs: dict[str, Path], url: str, **params: Any
) -> Path:
    return place.write_job(
        "evaluate",
        "evaluate",
        inputs={"model": model, "problems": place.dataset("problems", problems), **inputs},
        outputs={"report": "report"},
        params={
            "template": {"text": "{prompt}", "prefill": "<think>"},
            "samples_per_prompt": 2,
            "max_tokens": 8,
            "rewards": [{"name": "accuracy"}, {"name": "preference"}],
            **params,
        },
        reward_url=url,
    )


def test_a_stopped_evaluation_resumes_to_the_same_numbers(place: Any, tiny_model: Path, verifier: Any) -> None:
    rows = [
        {"id": str(i), "domain": "arithmetic", "prompt": f"{i}+1=?", "gold": "1", "verifier": "integer"}
        for i in range(9)
    ]
    problems = place.dataset("problems", rows)

    def run(name: str, **fields: Any) -> int:
        params = {"template": {"chat": True}, "samples_per_prompt": 2, "max_tokens": 8, "batch_size": 4, "greedy": True}
        job = place.write_job(
            name,
            "evaluate",
            inputs={"model": tiny_model, "problems": problems},
            outputs={"report": "report"},
            params={**params, "rewards": [{"name": "accuracy"}]},
            reward_url=verifier.url,
            **fields,
        )
        return main([str(job)])

    def terminate_at_the_second(request: dict[str, Any]) -> tuple[int, Any]:
        if len(verifier.requests) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return verifier.judge(request)

    assert run("whole") == 0
    verifier.requests.clear()
    verifier.answer = terminate_at_the_second
    assert run("cut") == EXIT_STOPPED
    verifier.answer = verifier.judge
    done = [line["step"] for line in place.lines("cut") if line["type"] == "step"][-1]
    assert 0 < done < place.lines("whole")[0]["total"]
    assert run("rest", resume=place.resume("cut", done)) == 0
    assert (place.lines("rest")[0]["type"], place.lines("rest")[0]["step"]) == ("resume", done)
    whole, rest = (json.loads((place.output(n, "report") / "metrics.json").read_text()) for n in ("whole", "rest"))
    assert rest == whole


def test_reward_models_score_the_domains_they_judge(
    place: Any, tiny_model: Path, tiny_judge: Path, verifier: Any
) -> None:
    problems = [
        {"id": "0", "domain": "general", "prompt": "0?", "verifier": "none"},
        {"id": "1", "domain": "arithmetic", "prompt": "1+1=?", "gold": "2", "verifier": "integer"},
    ]
    assert main([str(job(place, tiny_model, problems, {"helpful": tiny_judge}, verifier.url))]) == 0
    assert verifier.requests[0]["rewards"] == [{"name": "accuracy"}], "the service knows no preference"

    report = json.loads((place.output("evaluate", "report") / "metrics.json").read_text())
    rows = [json.loads(line) for line in (place.output("evaluate", "report") / "samples.jsonl").open()]
    judge = RewardModel.load(tiny_judge, torch.device("cpu"))
    scores = judge.score([(row["prompt"], row["response"]) for row in rows if row["domain"] == "general"])
    assert report["domains"]["general"]["preference"] == pytest.approx(sum(scores) / 2)
    assert report["values"]["preference"] == report["domains"]["general"]["preference"]
    assert "preference" not in report["domains"]["arithmetic"]
    assert place.lines("evaluate")[-1]["values"]["preference_general"] == report["values"]["preference"]


def test_a_preference_without_a_reward_model_is_refused(place: Any, tiny_model: Path, verifier: Any) -> None:
    problems = [{"id": "0", "domain": "general", "prompt": "0?", "verifier": "none"}]
    assert main([str(job(place, tiny_model, problems, {}, verifier.url))]) == 1
    assert place.error("evaluate")["class"] == "config"
    assert "helpful" in place.error("evaluate")["message"]


def test_verdicts_are_asked_for_where_no_reward_needs_them(place: Any, tiny_model: Path, verifier: Any) -> None:
    problems = [{"id": "0", "domain": "arithmetic", "prompt": "1+1=?", "gold": "2", "verifier": "integer"}]
    assert main([str(job(place, tiny_model, problems, {}, verifier.url, rewards=[]))]) == 0
    assert verifier.requests[0]["rewards"] == []
    assert place.lines("evaluate")[-1]["values"]["pass@1"] == 1.0


@pytest.mark.parametrize(
    ("response", "thought"),
    [
        ("<think>ab</think>cd", "ab"),
        ("ab</think>cd", "ab"),
        ("<think>abcd", "abcd"),
        ("abcd", ""),
        ("no <think>ab</think>cd", "ab"),
    ],
)
def test_thinking_is_what_precedes_its_end(tiny_model: Path, response: str, thought: str) -> None:
    tokenizer = load_tokenizer(tiny_model)
    assert thinking_tokens(tokenizer, [response, "ab"]) == [len(thought), 0]
