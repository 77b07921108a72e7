"""Reinforcement learning: the contract, exact resume and phases, rewards and data order."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import FakeVerifier, Workplace
from safetensors.torch import load_file

from r1trainer.__main__ import main
from r1trainer.checkpoint import COMPLETE, sha256

PARAMS: dict[str, Any] = {
    "template": {"text": "User: {prompt}. Assistant:", "prefill": "<think>"},
    "learning_rate": 1e-3,
    "kl_beta": 0.001,
    "clip_epsilon": 10,
    "group_size": 4,
    "questions_per_step": 2,
    "rollout_outputs": 16,  # two optimizer steps a rollout: the second is off-policy
    "temperature": 1.0,
    "max_tokens": [{"until_step": 4, "tokens": 8}, {"tokens": 12}],
    "rewards": [{"name": "accuracy"}, {"name": "format", "style": "answer", "weight": 0.5}],
    "checkpoint_steps": 2,
}


@pytest.fixture
def prompts(place: Workplace) -> Path:
    rows = [
        {
            "id": str(i),
            "domain": "logic" if i % 4 == 0 else "arithmetic",
            "prompt": f"{i}+{i}=?",
            "gold": str(2 * i),
            "verifier": "integer",
        }
        for i in range(10)
    ]
    return place.dataset("prompts", rows)


@pytest.fixture
def grpo(place: Workplace, tiny_model: Path, prompts: Path, verifier: FakeVerifier) -> Any:
    """Runs a grpo job and returns its exit status."""

    def run(name: str, to_step: int = 6, **fields: Any) -> int:
        inputs = {"policy": tiny_model, "prompts": prompts, **fields.pop("inputs", {})}
        job = place.write_job(
            name,
            "grpo",
            inputs=inputs,
            to_step=to_step,
            reward_url=verifier.url,
            params={**PARAMS, **fields.pop("params", {})},
            outputs={"model": "model", "state": "state"},
            **fields,
        )
        return main([str(job)])

    return run


def weights(place: Workplace, name: str, output: str = "model") -> str:
    return sha256(place.output(name, output) / "model.safetensors")


def test_a_job_trains_reports_and_leaves_a_model_that_transformers_loads(
    grpo: Any, place: Workplace, tiny_model: Path, verifier: FakeVerifier
) -> None:
    assert grpo("whole") == 0

    lines = place.lines("whole")
    assert (lines[0]["type"], lines[0]["step"], lines[0]["total"]) == ("start", 0, 6)
    steps = [line for line in lines if line["type"] == "step"]
    assert [line["step"] for line in steps] == [1, 2, 3, 4, 5, 6]
    wanted = {"reward", "reward_std", "accuracy", "format", "tokens", "clipped", "kl", "entropy", "loss", "grad_norm"}
    wanted |= {"learning_rate", "zero_std", "unverified", "accuracy_arithmetic", "seconds"}
    assert all(wanted <= line["values"].keys() for line in steps)
    assert lines[-1]["type"] == "summary"
    text = next(line["text"] for line in lines if line["type"] == "text")
    assert text["response"].startswith("<think>"), "the prefill belongs to the response"

    assert len(verifier.requests) == 3, "one request a rollout"
    assert verifier.requests[0]["rewards"] == [{"name": "accuracy"}, {"name": "format", "style": "answer"}]
    assert weights(place, "whole") != sha256(tiny_model / "model.safetensors")

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(place.output("whole"))
    model = AutoModelForCausalLM.from_pretrained(place.output("whole"))
    assert tokenizer.chat_template
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert (place.output("whole") / "tokenizer.json").read_bytes() == (tiny_model / "tokenizer.json").read_bytes()


def test_training_goes_on_when_the_service_is_killed_and_started_again(
    grpo: Any, place: Workplace, verifier: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: wait(seconds / 50))
    lost = {"label": "unverified", "reason": "verifier-crash", "verifier": "math-verify"}
    asked: list[int] = []

    def answer(request: dict[str, Any]) -> tuple[int, Any]:
        asked.append(len(request["items"]))
        if len(asked) == 2:
            verifier.die(0.05)  # away for less than the retries
        if len(asked) == 4:
            verifier.die(1.0)  # for more than them: training pauses
        status, body = verifier.judge(request)
        if len(asked) == 3:
            for item in body["items"][:2]:
                item |= {"verdict": lost, "rewards": {"accuracy": None, "format": None}}
            truth.append([item["rewards"]["accuracy"] for item in body["items"][2:]])
        return status, body

    truth: list[list[float]] = []
    verifier.answer = answer
    assert grpo("killed") == 0

    assert asked == [16] * 5, "nothing is scored that was not answered, and nothing is judged twice"
    steps = [line["values"] for line in place.lines("killed") if line["type"] == "step"]
    assert [step["unverified"] for step in steps] == [0, 0, 2 / 16, 2 / 16, 0, 0]
    assert steps[2]["accuracy"] == pytest.approx(sum(truth[0]) / 14), "what has no verdict is no 0"
    assert "paused" not in steps[2]
    assert steps[4]["paused"] > 0


def test_the_token_limit_follows_the_global_step(grpo: Any, place: Workplace, verifier: FakeVerifier) -> None:
    assert grpo("limits") == 0
    tokens = {line["step"]: line["values"]["tokens"] for line in place.lines("limits") if line["type"] == "step"}
    assert max(tokens[step] for step in (1, 2, 3, 4)) <= 8
    assert tokens[5] > 8


def test_a_resumed_job_ends_with_the_same_bytes_as_one_that_was_never_stopped(grpo: Any, place: Workplace) -> None:
    assert grpo("whole") == 0
    assert grpo("again", resume=place.resume("whole", 2)) == 0
    first = place.lines("again")[0]
    assert (first["type"], first["step"], first["cursor"]) == ("resume", 2, 4)
    assert weights(place, "again") == weights(place, "whole")


def test_sigterm_saves_the_last_boundary_and_the_job_can_go_on(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    def terminate(request: dict[str, Any]) -> tuple[int, Any]:
        if len(verifier.requests) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return verifier.judge(request)

    assert grpo("whole") == 0
    verifier.requests.clear()
    verifier.answer = terminate
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert grpo("killed", params={"checkpoint_steps": 100}) == 143
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not (place.root / "killed" / "error.json").exists()
    assert [path.name for path in (place.root / "killed" / "checkpoints").glob("step-*")] == ["step-4"]
    assert grpo("again", resume=place.resume("killed", 4)) == 0
    assert weights(place, "again") == weights(place, "whole")


def test_phases_go_on_as_if_nothing_had_been_split(grpo: Any, place: Workplace, verifier: FakeVerifier) -> None:
    # Without the KL term the reference has no say, so two phases must equal one.
    no_kl = {"kl_beta": 0.0}
    assert grpo("whole", params=no_kl) == 0
    asked = [[item["prompt"] for item in request["items"]] for request in verifier.requests]
    verifier.requests.clear()
    assert grpo("one", to_step=4, params=no_kl) == 0
    phase = {"policy": place.output("one"), "state": place.output("one", "state")}
    assert grpo("two", from_step=4, inputs=phase, params=no_kl) == 0
    assert [[item["prompt"] for item in request["items"]] for request in verifier.requests] == asked
    assert (place.lines("two")[0]["type"], place.lines("two")[0]["step"]) == ("start", 4)
    assert weights(place, "two") == weights(place, "whole")


def test_a_phase_takes_its_policy_as_the_reference(grpo: Any, place: Workplace) -> None:
    assert grpo("one", to_step=4) == 0
    phase = {"policy": place.output("one"), "state": place.output("one", "state")}
    assert grpo("two", from_step=4, inputs=phase) == 0
    kl = {line["step"]: line["values"]["kl"] for line in place.lines("two") if line["type"] == "step"}
    assert kl[5] == pytest.approx(0, abs=1e-6), "the first step is made by the reference itself"
    assert kl[6] > 0

    assert grpo("resumed", from_step=4, to_step=8, inputs=phase, params={"checkpoint_steps": 2}) == 0
    assert grpo("again", from_step=4, to_step=8, inputs=phase, resume=place.resume("resumed", 6)) == 0
    assert weights(place, "again") == weights(place, "resumed"), "a resume keeps the phase's reference"


def test_checkpoints_lie_on_rollouts_and_are_complete(grpo: Any, place: Workplace) -> None:
    assert grpo("odd", params={"checkpoint_steps": 3}) == 0
    found = {path.name: path for path in (place.root / "odd" / "checkpoints").glob("step-*")}
    assert sorted(found) == ["step-4"], "step 3 is inside a rollout, and the last step is the output"
    marker = json.loads((found["step-4"] / COMPLETE).read_text())
    names = {entry["path"] for entry in marker["files"]}
    assert {"model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "cursor.json"} <= names


def test_unverified_responses_have_no_reward_and_are_counted(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    def answer(request: dict[str, Any]) -> tuple[int, Any]:
        status, body = verifier.judge(request)
        for item in body["items"][::2]:
            item["verdict"] = {"label": "unverified", "reason": "timeout", "verifier": "fake/1"}
            item["rewards"] = {"accuracy": None, "format": None}
        return status, body

    verifier.answer = answer
    assert grpo("half") == 0
    steps = [line["values"] for line in place.lines("half") if line["type"] == "step"]
    assert all(values["unverified"] == 0.5 for values in steps)
    assert all("accuracy" in values for values in steps)


def test_a_verifier_that_answers_nothing_is_infrastructure(
    grpo: Any, place: Workplace, verifier: FakeVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    verifier.answer = lambda request: (503, {"error": "down"})
    assert grpo("down") == 1
    assert place.error("down")["class"] == "infrastructure"


def test_rewards_start_at_their_step_and_in_their_domains(grpo: Any, place: Workplace) -> None:
    rewards = [{"name": "accuracy", "domains": ["logic"]}, {"name": "format", "from_step": 4}]
    shares = {"logic": 0.5, "arithmetic": 0.5}
    assert grpo("scoped", params={"rewards": rewards, "domains": shares}) == 0
    values = {line["step"]: line["values"] for line in place.lines("scoped") if line["type"] == "step"}
    assert "format" not in values[4]
    assert "format" in values[5]
    assert "accuracy_logic" in values[1]
    assert "accuracy_arithmetic" not in values[1]


def test_problems_nobody_can_verify_have_no_accuracy_and_are_not_unverified(
    grpo: Any, place: Workplace, tiny_model: Path
) -> None:
    rows = [{"domain": "general", "prompt": f"{i}?", "verifier": "none"} for i in range(4)]
    assert grpo("open", to_step=2, inputs={"prompts": place.dataset("open", rows)}) == 0
    values = place.lines("open")[-1]["values"]
    assert "accuracy" not in values
    assert values["unverified"] == 0


def test_a_job_that_no_phase_follows_leaves_no_state(
    place: Workplace, tiny_model: Path, prompts: Path, verifier: FakeVerifier
) -> None:
    inputs = {"policy": tiny_model, "prompts": prompts}
    job = place.write_job("last", "grpo", inputs=inputs, to_step=2, reward_url=verifier.url, params=PARAMS)
    assert main([str(job)]) == 0
    assert [path.name for path in (job.parent / "outputs").iterdir()] == ["model"]


def test_a_loss_that_is_no_number_is_diverged(grpo: Any, place: Workplace) -> None:
    assert grpo("wild", params={"learning_rate": 1e30, "max_grad_norm": 1e30}) == 1
    error = place.error("wild")
    assert (error["class"], error["type"], error["last_good_step"]) == ("diverged", "nan", 0)
    assert "of step 2 is" in error["message"]


def no_format(verifier: FakeVerifier, after: int = 0) -> None:
    """Has the verifier find no response well-formed, from the rollout after so many on."""

    def answer(request: dict[str, Any]) -> tuple[int, Any]:
        status, body = verifier.judge(request)
        for item in body["items"] if len(verifier.requests) > after else ():
            item["rewards"]["format"] = 0.0
        return status, body

    verifier.answer = answer


def test_a_guard_warns_wherever_the_job_was_resumed_and_changes_nothing(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    no_format(verifier)
    params = {"guards": {"nan": {"do": "stop"}, "constant-reward": {"do": "warn", "rollouts": 3}}, "kl_beta": 0.0}
    assert grpo("plain", params={"kl_beta": 0.0}) == 0
    assert grpo("whole", params=params) == 0
    assert grpo("again", params=params, resume=place.resume("whole", 4)) == 0
    assert grpo("one", to_step=4, params=params) == 0
    phase = {"policy": place.output("one"), "state": place.output("one", "state")}
    assert grpo("two", from_step=4, inputs=phase, params=params) == 0

    assert weights(place, "whole") == weights(place, "again") == weights(place, "two") == weights(place, "plain")
    for name in ("whole", "again", "two"):
        lines = place.lines(name)
        (warning,) = [line for line in lines if line["type"] == "warning"]
        assert (warning["guard"], warning["step"]) == ("constant-reward", 5), name
        assert "the reward format is 0 for each of the last 48 responses" in warning["message"]
        assert warning["values"] == {"format": 0.0, "responses": 48.0}
        before = lines[lines.index(warning) - 1]
        assert (before["type"], before["step"]) == ("step", 5), "the numbers come first"
    assert not [line for name in ("plain", "one") for line in place.lines(name) if line["type"] == "warning"]


def test_a_guard_that_stops_ends_the_job_before_its_next_checkpoint(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    no_format(verifier)
    params = {"guards": {"constant-reward": {"do": "stop", "rollouts": 2}}, "checkpoint_steps": 2}
    assert grpo("stuck", params=params) == 1
    error = place.error("stuck")
    assert (error["class"], error["type"], error["last_good_step"]) == ("diverged", "constant-reward", 0)
    assert "the reward format is 0 for each of the last 32 responses" in error["message"]
    assert place.lines("stuck")[-1]["step"] == 3
    assert [path.name for path in (place.root / "stuck" / "checkpoints").glob("step-*")] == ["step-2"]
    assert not list((place.root / "stuck" / "outputs").rglob("*.safetensors"))


def test_a_job_that_is_rolled_back_goes_on_with_the_parameters_it_is_given(
    grpo: Any, place: Workplace, verifier: FakeVerifier
) -> None:
    policy = {"do": "roll-back", "rollouts": 1, "most": 2, "change": {"learning_rate": {"times": 0.5}}}
    guarded = {"guards": {"constant-reward": policy}}
    no_format(verifier, after=2)
    assert grpo("first", params=guarded) == 1
    error = place.error("first")
    assert (error["class"], error["type"], error["last_good_step"]) == ("diverged", "constant-reward", 4)

    verifier.answer = verifier.judge
    resume = place.resume("first", 2)
    assert grpo("second", params={**guarded, "learning_rate": 5e-4, "kl_beta": 0.01}, resume=resume) == 0
    lines = place.lines("second")
    assert (lines[0]["type"], lines[0]["step"]) == ("resume", 2)
    assert [line["step"] for line in lines if line["type"] == "step"] == [3, 4, 5, 6]
    rates = [line["values"]["learning_rate"] for line in lines if line["type"] == "step"]
    assert rates == [5e-4] * 4, "not the 1e-3 that the checkpoint was written with"
    state = torch.load(place.output("second", "state") / "optimizer.pt", weights_only=True)
    assert {group["lr"] for group in state["param_groups"]} == {5e-4}
    assert {group["initial_lr"] for group in state["param_groups"]} == {5e-4}
    assert {int(moments["step"]) for moments in state["state"].values()} == {6}, "the moments go on"

    assert grpo("still", params={"learning_rate": 1e-15}, resume=resume) == 0
    before = load_file(Path(resume["path"]) / "model.safetensors")
    after = load_file(place.output("still") / "model.safetensors")
    assert all(torch.allclose(before[name], after[name], rtol=0, atol=1e-9) for name in after), "the rate is used"


@pytest.mark.parametrize(
    ("params", "fields", "message"),
    [
        ({"rollout_outputs": 12}, {}, "rollout_outputs"),
        ({"rewards": []}, {}, "rewards"),
        ({"domains": {"code": 1.0}}, {}, "code"),
        ({"loss": "ppo"}, {}, "loss"),
        ({"rewards": [{"name": "preference"}]}, {}, "helpful"),
        ({}, {"from_step": 2}, "state"),
        ({"guards": {"kl": {"do": "retreat", "max": 1, "steps": 10}}}, {}, "guards.kl.do"),
    ],
)
def test_what_cannot_work_is_a_config_error(
    grpo: Any, place: Workplace, params: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    assert grpo("bad", params=params, **fields) == 1
    error = place.error("bad")
    assert error["class"] == "config"
    assert message in error["message"]
