"""Reinforcement learning under observation: held-out problems at set steps, and the control of permuted rewards."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeVerifier, Workplace

from r1trainer.__main__ import main
from r1trainer.checkpoint import sha256
from r1trainer.held_out import first_of_each_domain, is_judged
from r1trainer.job import Params
from r1trainer.rewards import RewardSpec, permuted, read_specs, reward_statistics

PARAMS: dict[str, Any] = {
    "template": {"text": "User: {prompt}. Assistant:", "prefill": "<think>"},
    "learning_rate": 1e-3,
    "kl_beta": 0.001,
    "clip_epsilon": 10,
    "group_size": 4,
    "questions_per_step": 2,
    "rollout_outputs": 16,  # two optimizer steps a rollout: odd steps are inside one
    "temperature": 1.0,
    "max_tokens": [{"until_step": 4, "tokens": 8}, {"tokens": 12}],
    "rewards": [{"name": "accuracy"}, {"name": "format", "style": "answer", "weight": 0.5, "from_step": 100}],
    "checkpoint_steps": 2,
}
EVALUATION = {"evaluate_steps": 3, "evaluate_samples": 2, "evaluate_problems": 4}
PROMPTS = [
    {"domain": "arithmetic", "prompt": f"{i}+{i}=?", "gold": str(2 * i), "verifier": "integer"} for i in range(9)
]
HELD_OUT = [
    {"domain": domain, "prompt": f"held out {i}?", "gold": "1", "verifier": "integer"}
    for i, domain in enumerate(["logic", "logic", "logic", "arithmetic", "arithmetic", "arithmetic"])
]


@pytest.fixture
def grpo(place: Workplace, tiny_model: Path, verifier: FakeVerifier) -> Any:
    """Runs a grpo job, with evaluations unless told otherwise, and returns its exit status."""
    prompts, problems = place.dataset("prompts", PROMPTS), place.dataset("problems", HELD_OUT)

    def run(name: str, to_step: int = 8, **fields: Any) -> int:
        verifier.requests.clear()
        inputs = {"policy": tiny_model, "prompts": prompts, "problems": problems, **fields.pop("inputs", {})}
        job = place.write_job(
            name,
            "grpo",
            inputs=inputs,
            to_step=to_step,
            reward_url=verifier.url,
            params={**PARAMS, **EVALUATION, **fields.pop("params", {})},
            outputs={"model": "model", "state": "state"},
            **fields,
        )
        return main([str(job)])

    return run


def evals(place: Workplace, name: str) -> dict[int, dict[str, float]]:
    """The values of the ``eval`` lines by step, as far as they are no measure of this machine."""
    lines = [line for line in place.lines(name) if line["type"] == "eval"]
    found = {line["step"]: {k: v for k, v in line["values"].items() if k != "seconds"} for line in lines}
    assert len(found) == len(lines), "a step is evaluated once"
    return found


def weights(place: Workplace, name: str) -> str:
    return sha256(place.output(name) / "model.safetensors")


def asked(verifier: FakeVerifier) -> list[list[str]]:
    """The held-out prompts of each request that had such."""
    prompts = [[item["prompt"] for item in request["items"]] for request in verifier.requests]
    return [request for request in prompts if request[0].startswith("held out")]


def test_the_same_problems_are_measured_before_during_and_after(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    assert grpo("whole") == 0
    lines = [(line["type"], line["step"]) for line in place.lines("whole") if line["type"] != "text"]
    assert lines[:2] == [("start", 0), ("eval", 0)], "start-up ends before the first evaluation"
    assert list(evals(place, "whole")) == [0, 3, 6, 8]
    assert lines.index(("eval", 3)) == lines.index(("step", 3)) + 1

    two_of_each = [f"held out {i}?" for i in (0, 1, 3, 4) for _ in range(2)]
    assert asked(verifier) == [two_of_each] * 4
    for step, values in evals(place, "whole").items():
        assert (values["problems"], values["k"], values["pass@1"]) == (4, 2, 1)
        assert {"pass@1_logic", "pass@1_low_arithmetic", "tokens", "clipped", "reflective", "cons@k"} <= set(values)
        assert values["tokens"] <= (8 if step < 4 else 12), "the limit is that of the step"
        assert "format" in values, "a reward is measured before it counts"
        assert 0 <= values["behaviour_verification"] <= 1
        assert values["behaviour_subgoals"] == 0
    for line in place.lines("whole"):
        shown = any(name.startswith("behaviour_") for name in line.get("values", {}))
        assert shown == (line["type"] == "eval"), "rollouts are not asked about"


def test_training_does_not_notice_that_it_is_measured(grpo: Any, place: Workplace) -> None:
    assert grpo("measured") == 0
    assert grpo("alone", params={"evaluate_steps": None}) == 0
    assert evals(place, "alone") == {}
    assert weights(place, "measured") == weights(place, "alone")

    def told(name: str) -> list[dict[str, float]]:
        lines = [line["values"] for line in place.lines(name) if line["type"] == "step"]
        return [{k: v for k, v in values.items() if k != "seconds"} for values in lines]

    assert told("measured") == told("alone")


def test_an_evaluation_is_a_function_of_seed_and_step(grpo: Any, place: Workplace) -> None:
    assert grpo("one") == 0
    assert grpo("two", params={"evaluate_steps": 8}) == 0
    first, second = evals(place, "one"), evals(place, "two")
    assert (first[0], first[8]) == (second[0], second[8]), "evaluations in between change nothing"
    assert grpo("other", seed=18, to_step=2) == 0
    assert evals(place, "other")[0] != first[0]


def test_a_resumed_job_does_not_repeat_the_evaluation_it_stands_at(grpo: Any, place: Workplace) -> None:
    params = {"evaluate_steps": 2}
    assert grpo("whole", params=params) == 0
    whole = evals(place, "whole")
    assert list(whole) == [0, 2, 4, 6, 8]
    assert grpo("again", params=params, resume=place.resume("whole", 4)) == 0
    assert evals(place, "again") == {step: whole[step] for step in (6, 8)}
    assert weights(place, "again") == weights(place, "whole")


def test_a_phase_does_not_repeat_the_evaluation_that_ended_the_one_before(grpo: Any, place: Workplace) -> None:
    assert grpo("one", to_step=6) == 0
    assert list(evals(place, "one")) == [0, 3, 6]
    phase = {"policy": place.output("one"), "state": place.output("one", "state")}
    assert grpo("two", from_step=6, inputs=phase) == 0
    assert list(evals(place, "two")) == [8]


def test_a_stop_does_not_wait_for_an_evaluation_and_whoever_continues_makes_it_up(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    params = {"evaluate_steps": 2, "checkpoint_steps": 100}
    assert grpo("whole", params=params) == 0

    def terminate_while_step_4_is_trained(request: dict[str, Any]) -> tuple[int, Any]:
        if len(verifier.requests) == 4:  # evaluations of 0 and 2, two rollouts
            os.kill(os.getpid(), signal.SIGTERM)
        return verifier.judge(request)

    verifier.answer = terminate_while_step_4_is_trained
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert grpo("killed", params=params) == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    verifier.answer = verifier.judge
    assert list(evals(place, "killed")) == [0, 2]
    assert grpo("again", params=params, resume=place.resume("killed", 4)) == 0
    assert evals(place, "again") == {step: evals(place, "whole")[step] for step in (4, 6, 8)}
    assert weights(place, "again") == weights(place, "whole")


def test_an_evaluation_gives_way_between_lots(grpo: Any, place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_row_at_once_and_asked_to_stop(*arguments: Any) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 1

    monkeypatch.setattr("r1trainer.held_out.rows_at_once", one_row_at_once_and_asked_to_stop)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert grpo("killed") == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [line["type"] for line in place.lines("killed")] == ["start"]
    assert not (place.root / "killed" / "error.json").exists()


@pytest.mark.parametrize("lost", ["problems", "verifier"])
def test_what_an_evaluation_lacks_is_named(grpo: Any, place: Workplace, tiny_model: Path, lost: str) -> None:
    inputs = {"policy": tiny_model, "prompts": place.dataset("prompts", PROMPTS)}
    url = None if lost == "verifier" else "http://127.0.0.1:9"
    if lost == "verifier":
        inputs["problems"] = place.dataset("problems", HELD_OUT)
    job = place.write_job(
        "bad",
        "grpo",
        inputs=inputs,
        to_step=2,
        reward_url=url,
        params={**PARAMS, **EVALUATION},
        outputs={"model": "model"},
    )
    assert main([str(job)]) == 1
    assert place.error("bad")["class"] == "config"
    assert ("problems" if lost == "problems" else "reward_url") in place.error("bad")["message"]


def test_held_out_problems_are_the_first_of_each_domain_in_file_order() -> None:
    problems = [{"domain": domain, "n": n} for n, domain in enumerate("aaaabcc")]
    assert [p["n"] for p in first_of_each_domain(problems, 5)] == [0, 1, 4, 5, 6], "as even as the domains allow"
    assert [p["n"] for p in first_of_each_domain(problems, 2)] == [0, 4]
    assert first_of_each_domain(problems, 99) == problems


def test_permuted_rewards_are_the_same_rewards_in_other_places() -> None:
    by_name = {"accuracy": [1.0, 0.0, None, 1.0, 0.0, 0.0], "format": [0.1, 0.2, 0.3, 0.4, None, 0.6]}
    given = permuted(by_name, random.Random(1))
    rows, moved = [list(zip(*rewards.values(), strict=True)) for rewards in (by_name, given)]
    assert sorted(rows, key=repr) == sorted(moved, key=repr), "a response's rewards stay together"
    assert rows != moved
    assert permuted(by_name, random.Random(1)) == given
    assert permuted(by_name, random.Random(2)) != given


def test_training_on_permuted_rewards_reports_what_was_earned(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    # One rollout, so that both jobs sample the same responses.
    params = {"evaluate_steps": None, "questions_per_step": 4, "rewards": [{"name": "accuracy"}, {"name": "format"}]}
    assert grpo("plain", to_step=1, params=params) == 0
    assert grpo("permuted", to_step=1, params={**params, "permute_rewards": True}) == 0
    plain, control = (
        next(line["values"] for line in place.lines(name) if line["type"] == "step") for name in ("plain", "permuted")
    )
    earned = {"reward", "reward_std", "zero_std", "accuracy", "accuracy_arithmetic", "format", "unverified", "tokens"}
    assert {name: control[name] for name in earned} == {name: plain[name] for name in earned}
    scores = [item["rewards"] for item in verifier.judge(verifier.requests[0])[1]["items"]]
    assert control["accuracy"] == pytest.approx(sum(score["accuracy"] for score in scores) / len(scores))
    assert weights(place, "permuted") != weights(place, "plain"), "the policy learns from other rewards"
    assert grpo("again", to_step=1, params={**params, "permute_rewards": True}) == 0
    assert weights(place, "again") == weights(place, "permuted"), "the permutation is the seed's"


@pytest.mark.parametrize(
    ("accuracy", "form", "expected"),
    [
        ([1.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0], (1.0, 0.4082483, 0.5)),
        ([1.0, None, 0.0, None], [None, None, 1.0, 1.0], (2 / 3, 0.2886751, 0.5)),
        ([None] * 4, [None] * 4, (None, None, 0.0)),
    ],
)
def test_reward_statistics(accuracy: list[float | None], form: list[float | None], expected: tuple[Any, ...]) -> None:
    values = reward_statistics({"accuracy": accuracy, "format": form}, {"accuracy": 1.0, "format": 0.5}, group=2)
    assert (values["reward"], values["reward_std"], values["zero_std"]) == pytest.approx(expected)


def test_a_problem_that_nothing_in_the_job_can_judge_is_not_measured() -> None:
    def specs(**reward: object) -> list[RewardSpec]:
        return read_specs(Params({"rewards": [{"name": "format"}, *([reward] if reward else [])]}))

    checked, free = {"domain": "arithmetic", "verifier": "integer"}, {"domain": "general", "verifier": "none"}
    assert is_judged(checked, specs())
    assert not is_judged(free, specs())
    assert is_judged(free, specs(name="preference", from_step=60))
    assert not is_judged(free, specs(name="preference", domains=["safety"]))
