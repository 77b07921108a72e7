"""Kind `evaluate`: what each number means, and what is left out of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1trainer.__main__ import main
from r1trainer.evaluate import measure


def row(label: str, answer: str = "", sample: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "sample": sample,
        "verifier": "integer",
        "verdict": {"label": label, "answer": answer},
        "rewards": {"accuracy": {"correct": 1.0, "wrong": 0.0}.get(label), "format": 1.0},
        "tokens": 10,
        "finish": "stop",
        **fields,
    }


def samples(*labels_and_answers: str) -> list[dict[str, Any]]:
    """A problem's rows: "c7" is a correct 7, "w3" a wrong 3, "u" unverified."""
    labels = {"c": "correct", "w": "wrong", "u": "unverified"}
    return [row(labels[text[0]], text[1:], number) for number, text in enumerate(labels_and_answers)]


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        pytest.param(
            [samples("c7", "w3", "w3", "c7"), samples("w1", "w1", "w2", "w3")],
            {"pass@1": 0.25, "pass@k": 0.5, "cons@k": 0.25, "unverified": 0.0},
            id="a tie of right and wrong is half a consensus",
        ),
        pytest.param(
            [samples("c7", "c7", "w3", "u")],
            {"pass@1": 2 / 3, "pass@k": 1.0, "cons@k": 1.0, "unverified": 1.0},
            id="unverified leaves the denominator and is counted",
        ),
        pytest.param(
            [samples("c7", "c7"), samples("u", "u")],
            {"pass@1": 1.0, "pass@k": 1.0, "cons@k": 1.0, "unverified": 2.0},
            id="a problem without any verdict is no problem failed",
        ),
        pytest.param(
            [samples("w", "w", "c7")],
            {"pass@1": 1 / 3, "cons@k": 1.0},
            id="no answer has no vote",
        ),
        pytest.param([samples("w", "w")], {"pass@1": 0.0, "pass@k": 0.0, "cons@k": 0.0}, id="no answer at all"),
        pytest.param([samples("u")], {"pass@1": None, "pass@1_low": None, "greedy": None}, id="nothing is known"),
    ],
)
def test_the_numbers(problems: list[list[dict[str, Any]]], expected: dict[str, float | None]) -> None:
    values = measure([row for rows in problems for row in rows], len(problems))
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_greedy_rows_are_a_number_of_their_own() -> None:
    rows = [*samples("w3", "c7"), row("correct", "7", 2, greedy=True, tokens=99)]
    values = measure(rows, 1)
    assert (values["greedy"], values["pass@1"], values["tokens"], values["k"]) == (1.0, 0.5, 10.0, 2.0)


def test_prompts_without_a_verifier_are_not_unverified() -> None:
    general = [row("unverified", sample=n, verifier="none") for n in range(2)]
    values = measure([*samples("c7", "c7"), *general], 2)
    assert (values["pass@1"], values["unverified"], values["format"]) == (1.0, 0.0, 1.0)


def test_the_interval_is_over_problems_and_narrows_with_them() -> None:
    def interval(n: int) -> tuple[float, float]:
        values = measure([r for i in range(n) for r in samples(*(["c7"] * 4 if i % 2 else ["w3"] * 4))], n)
        assert values["pass@1"] == 0.5
        return values["pass@1_low"], values["pass@1_high"]

    low, high = interval(100)
    # Four equal samples of a problem are one observation: the interval is that of 100, not of 400.
    assert (0.5 - low, high - 0.5) == pytest.approx((0.098, 0.098), abs=0.025)
    assert interval(100) == (low, high)
    wider_low, wider_high = interval(16)
    assert wider_high - wider_low > 2 * (high - low)


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
    assert [(r["sample"], r.get("greedy", False)) for r in rows[:5]] == [(n, n == 4) for n in range(5)]
    summary = place.lines("evaluate")[-1]
    assert summary["type"] == "summary"
    assert summary["values"]["pass@1_logic"] == 0.0
    assert len(rows) == 15
