"""What each number of a report means, and what is left out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from r1trainer.measure import Report, measure, summarize


def row(label: str, answer: str = "", sample: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "sample": sample,
        "verifier": "integer",
        "verdict": {"label": label, "answer": answer},
        "rewards": {"accuracy": {"correct": 1.0, "wrong": 0.0}.get(label), "format": 1.0},
        "response": "so it is",
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
        pytest.param(
            [samples("c7", "w3", "w3", "w3"), samples("w", "w", "w", "w")],
            # One correct of four is among two of them as often as not, among four always.
            {"pass@1": 0.125, "pass@2": 0.25, "pass@4": 0.5, "pass@k": 0.5},
            id="the curve is the mean over all choices of n samples",
        ),
        pytest.param(
            [samples("c7", "w3", "u", "u"), samples("c7", "c7", "w3", "w3")],
            {"pass@2": (1 + 5 / 6) / 2, "pass@4": 1.0},
            id="a problem with fewer than n verdicts is not on the curve at n",
        ),
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


def test_the_curve_has_the_powers_of_two_up_to_k() -> None:
    curve = [name for name in measure(samples(*["c7"] * 6), 1) if name.startswith("pass@") and name[5:].isdigit()]
    assert curve == ["pass@1", "pass@2", "pass@4"]


def test_an_interval_is_of_every_mean_over_problems() -> None:
    rows = []
    for problem in range(40):
        label = "c7" if problem % 4 else "w3"
        rows += [{**r, "tokens": 10 + problem} for r in samples(label, label)]
        rows.append(row("correct" if problem % 2 else "wrong", "7", 2, greedy=True))
    values = measure(rows, 40)
    for name, center in {"pass@1": 0.75, "cons@k": 0.75, "greedy": 0.5, "tokens": 29.5}.items():
        assert values[name] == pytest.approx(center)
        assert values[f"{name}_low"] < center < values[f"{name}_high"]
    assert measure(rows, 40) == values, "a function of the rows"


def test_many_problems_are_resampled_in_parts() -> None:
    values = measure([r for n in range(3000) for r in samples("c7" if n % 2 else "w3")], 3000)
    assert (values["pass@1_low"], values["pass@1_high"]) == pytest.approx((0.482, 0.518), abs=0.003)


def test_lengths_are_told_apart_by_verdict() -> None:
    rows = samples("c7", "w3", "w3", "u")
    for tokens, r in zip((10, 20, 40, 800), rows, strict=True):
        r["tokens"] = tokens
        r["thinking_tokens"] = tokens // 2
    rows[3]["finish"] = "length"
    values = measure(rows, 1)
    assert (values["tokens"], values["tokens_correct"], values["tokens_wrong"]) == (217.5, 10.0, 30.0)
    assert (values["thinking_tokens"], values["clipped"]) == (108.75, 0.25)


@pytest.mark.parametrize(
    ("response", "words"),
    [
        ("Wait, that is WRONG; wait", 3),
        ("waiting for errors to be rechecked, butter", 0),
        ("verify check error retry evaluate mistake however but wait wrong", 10),
        ("7", 0),
    ],
)
def test_reflective_words_are_whole_words_in_any_case(response: str, words: int) -> None:
    rows = [row("correct", "7", 0, response=response), row("correct", "7", 1, response="7")]
    assert measure(rows, 1)["reflective"] == words / 2


def test_behaviours_are_shares_of_the_responses_in_which_they_were_counted() -> None:
    rows = samples("c7", "w3", "w3", "u")
    assert not any(name.startswith("behaviour_") for name in measure(rows, 1)), "nobody counted"
    rows[0]["behaviours"] = {"verification": 3, "backtracking": 0}
    rows[2]["behaviours"] = {"verification": 0, "backtracking": 0}
    values = measure(rows, 1)
    assert (values["behaviour_verification"], values["behaviour_backtracking"]) == (0.5, 0.0)


def test_a_report_tells_domains_apart() -> None:
    problems = [{"domain": "arithmetic"}, {"domain": "general"}, {"domain": "arithmetic"}]
    general = row("unverified", verifier="none", domain="general")
    general["rewards"] = {"accuracy": None, "format": 0.0, "preference": 0.25}
    rows = [row("correct", "7", domain="arithmetic"), general, row("wrong", "3", domain="arithmetic")]
    report = Report.of(rows, problems)
    assert (report.values["pass@1"], report.values["problems"]) == (0.5, 3.0)
    assert (report.domains["arithmetic"]["pass@1"], report.domains["arithmetic"]["problems"]) == (0.5, 2.0)
    assert report.domains["general"]["pass@1"] is None
    assert report.domains["general"]["preference"] == 0.25

    stored = json.loads(report.json())
    assert stored["domains"]["arithmetic"]["pass@1"] == 0.5
    assert "pass@1" not in stored["domains"]["general"], "what is not known is absent"

    line = report.line()
    assert line["pass@1"] == 0.5
    assert {name: line[name] for name in ("pass@1_arithmetic", "tokens_general", "preference_general")} == {
        "pass@1_arithmetic": 0.5,
        "tokens_general": 10.0,
        "preference_general": 0.25,
    }
    assert line["pass@1_low_arithmetic"] <= 0.5 <= line["pass@1_high_arithmetic"]


def test_a_summary_leaves_out_what_does_not_apply() -> None:
    rows = [*samples("c7", "u"), row("unverified", sample=2, verifier="none")]
    assert summarize(rows) == {"accuracy": 1.0, "format": 1.0, "clipped": 0.0, "tokens": 10.0, "unverified": 1.0}


def test_programs_have_no_consensus() -> None:
    """Equal programs look different, so their texts say nothing of agreement; pass@1 counts them."""
    programs = [row("correct", sample=n, verifier="code") for n in range(2)]
    both = measure([*programs, *samples("w7", "w7")], 2)
    assert both["cons@k"] == 0.0, "of the other problem alone"
    assert both["pass@1"] == 0.5
    assert measure(programs, 1)["cons@k"] is None
