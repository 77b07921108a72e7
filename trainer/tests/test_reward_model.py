"""Reward models: both losses, what they judge, and that a policy's training uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import FakeVerifier, Workplace

from r1trainer.__main__ import main
from r1trainer.checkpoint import sha256
from r1trainer.reward_model import RewardModel, judged_text

PARAMS: dict[str, Any] = {"scope": "summary", "epochs": 10, "learning_rate": 5e-3, "batch_size": 4, "max_tokens": 64}
PAIRWISE = {**PARAMS, "loss": "pairwise"}
POINTWISE = {**PARAMS, "loss": "pointwise", "scope": "response"}


@pytest.fixture
def train(place: Workplace, tiny_model: Path) -> Any:
    pairs = [{"prompt": f"{i}?", "chosen": "<think>7</think>yes", "rejected": "<think>7</think>no"} for i in range(8)]
    marks = [
        {"prompt": f"{i}?", "response": "ok" if i % 2 else "<think>bad</think>ok", "safe": i % 2 == 1} for i in range(8)
    ]
    data = {"pairwise": place.dataset("pairs", pairs), "pointwise": place.dataset("marks", marks)}

    def run(name: str, params: dict[str, Any], **fields: Any) -> int:
        inputs = {"model": tiny_model, "data": data[params["loss"]]}
        return main([str(place.write_job(name, "reward-model", inputs=inputs, params=params, **fields))])

    return run


def test_pairs_teach_a_preference_for_summaries(train: Any, place: Workplace) -> None:
    assert train("pairs", PAIRWISE) == 0
    summary = place.lines("pairs")[-1]["values"]
    assert summary["accuracy"] == 1.0
    assert summary["margin"] > 0.5

    judge = RewardModel.load(place.output("pairs"), torch.device("cpu"))
    good, bad, same = judge.score([("3?", "<think>no</think>yes"), ("3?", "<think>yes</think>no"), ("3?", "yes")])
    assert 0 < bad < good < 1
    assert same == pytest.approx(good, abs=1e-5), "the thinking is not judged, and a batch does not change a score"


def test_labels_teach_safety_of_whole_responses(train: Any, place: Workplace) -> None:
    assert train("marks", POINTWISE) == 0
    judge = RewardModel.load(place.output("marks"), torch.device("cpu"))
    safe, unsafe = judge.score([("2?", "ok"), ("2?", "<think>bad</think>ok")])
    assert unsafe < 0.5 < safe


@pytest.mark.parametrize("params", [PAIRWISE, POINTWISE])
def test_a_resumed_job_ends_with_the_same_bytes(train: Any, place: Workplace, params: dict[str, Any]) -> None:
    params = {**params, "checkpoint_steps": 7}
    assert train("whole", params) == 0
    assert train("again", params, resume=place.resume("whole", 14)) == 0
    assert sha256(place.output("again") / "model.safetensors") == sha256(place.output("whole") / "model.safetensors")


def test_a_job_that_is_rolled_back_goes_on_at_the_rate_it_is_given(train: Any, place: Workplace) -> None:
    params = {**PAIRWISE, "checkpoint_steps": 7}
    assert train("whole", params) == 0
    assert train("again", {**params, "learning_rate": 2.5e-3}, resume=place.resume("whole", 14)) == 0
    rates = {line["values"]["learning_rate"] for line in place.lines("again") if line["type"] == "step"}
    assert rates == {2.5e-3}


def test_guards_watch_the_loss(train: Any, place: Workplace) -> None:
    assert train("stopped", {**PAIRWISE, "guards": {"loss": {"do": "stop", "rise": 1e-9, "steps": 1}}}) == 1
    assert place.error("stopped")["type"] == "loss"


@pytest.mark.parametrize(
    ("scope", "response", "judged"),
    [
        ("response", "<think>a</think>b", "<think>a</think>b"),
        ("summary", "<think>a</think> b", "b"),
        ("summary", "b", "b"),
        ("summary", "<think>a", ""),
    ],
)
def test_what_a_scope_covers(scope: str, response: str, judged: str) -> None:
    assert judged_text(scope, response) == judged


def test_training_a_policy_asks_the_model_of_the_domain(
    train: Any, place: Workplace, tiny_model: Path, verifier: FakeVerifier
) -> None:
    assert train("pairs", PAIRWISE) == 0
    prompts = place.dataset(
        "mixed",
        [
            {"prompt": f"{i}?", "domain": "general", "verifier": "none"}
            if i % 2
            else {"prompt": f"{i}?", "domain": "arithmetic", "verifier": "integer"}
            for i in range(4)
        ],
    )
    params = {
        "template": {"chat": True, "prefill": "<think>"},
        "learning_rate": 1e-4,
        "kl_beta": 0.001,
        "clip_epsilon": 0.2,
        "group_size": 2,
        "questions_per_step": 4,
        "max_tokens": 6,
        "rewards": [{"name": "accuracy", "domains": ["arithmetic"]}, {"name": "preference"}],
    }
    inputs = {"policy": tiny_model, "prompts": prompts, "helpful": place.output("pairs")}
    outputs = {"model": "model", "state": "state"}
    job = place.write_job(
        "rl", "grpo", inputs=inputs, outputs=outputs, params=params, to_step=2, reward_url=verifier.url
    )
    assert main([str(job)]) == 0
    values = place.lines("rl")[-1]["values"]
    assert 0 < values["preference"] < 1
    assert values["unverified"] == 0
    assert verifier.requests[0]["rewards"] == [{"name": "accuracy"}]
