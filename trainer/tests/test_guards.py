"""Guards: when they speak, when they stay silent, and what they remember. Recorded runs are replayed through them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from r1trainer import guards
from r1trainer.errors import ConfigError
from r1trainer.guards import Alarm, Guards, Rollout
from r1trainer.job import Params

HERE = Path(__file__).parent
RECORDED: dict[str, Any] = json.loads((HERE / "testdata" / "recorded.json").read_text())
DEFAULTS: dict[str, Any] = json.loads((HERE.parents[1] / "recipes" / "testdata" / "guards.json").read_text())


def rl(changes: Iterable[int] = (), **policies: dict[str, Any]) -> Guards:
    return Guards.of(Params({"guards": policies}), guards.GRPO, changes)


def rollout(rewards: dict[str, list[float]] | None = None, **fields: Any) -> Rollout:
    """A rollout of 8 responses without anything to complain of."""
    whole = {"responses": 8, "varied": 2, "reward": 0.5, "tokens": 20.0, "clipped": 0.0, **fields}
    return Rollout(rewards={"accuracy": [0.0, 1.0] * 4} if rewards is None else rewards, **whole)


def spoken(guarded: Guards, rollouts: Iterable[Rollout], first: int = 1) -> list[tuple[int, str]]:
    """Step and guard of all that is said; one optimizer step a rollout."""
    return [(step, alarm.guard) for step, of in enumerate(rollouts, first) for alarm in guarded.rollout(step, of)]


# -- recorded runs


def replay(stage: dict[str, Any], resume: bool = False) -> list[tuple[int, Alarm]]:
    """The recorded numbers of an RL stage through the default guards, with a resume after each step where asked."""

    def make() -> Guards:
        return Guards.of(Params({"guards": DEFAULTS["grpo"]}), guards.GRPO, stage["changes"])

    guarded, said, values = make(), [], stage["values"]
    count = stage["responses"]
    for index in range(len(values["reward"])):
        line = {name: column[index] for name, column in values.items()}
        means = {name: line[name] for name in stage["rewards"] if line[name] is not None}
        now = Rollout(
            responses=count,
            varied=round((1 - line["zero_std"]) * count / stage["group"]),
            reward=line["reward"],
            # Rewards lie in 0..1: a mean of 0 or 1 is that of equal ones.
            rewards={name: [mean] * count if mean in (0, 1) else [0.0, 1.0] for name, mean in means.items()},
            tokens=line["tokens"],
            clipped=line["clipped"],
        )
        step = index + 1
        said += [(step, alarm) for alarm in guarded.step(step, line) + guarded.rollout(step, now)]
        if resume:
            state = json.loads(json.dumps(guarded.state()))
            guarded = make()
            guarded.restore(state)
    return said


@pytest.mark.parametrize("resume", [False, True], ids=["at a stretch", "resumed at each step"])
@pytest.mark.parametrize(
    ("stage", "wanted"),
    [
        ("zero", []),
        ("dev2", []),
        ("r1", []),
        # It answers without thinking: its format can never be right.
        ("direct", [(10, "constant-reward", 0)]),
        # Rewards that say nothing: what was learnt before is lost bit by bit.
        ("permuted", [(118, "reward-collapse", 40)]),
    ],
)
def test_recorded_stages(stage: str, wanted: list[tuple[int, str, int]], resume: bool) -> None:
    recorded = next(of for of in RECORDED["rl"] if of["stage"] == stage)
    said = replay(recorded, resume)
    assert [(step, alarm.guard, alarm.last_good_step) for step, alarm in said] == wanted
    assert not any(alarm.stop for _, alarm in said)


@pytest.mark.parametrize("job", RECORDED["tuning"])
def test_recorded_tuning_is_silent(job: str) -> None:
    guarded = Guards.of(Params({"guards": DEFAULTS["sft"]}), guards.SUPERVISED)
    losses = RECORDED["tuning"][job]
    assert len(losses) > 30
    assert [alarm for step, loss in enumerate(losses, 1) for alarm in guarded.step(step, {"loss": loss})] == []


# -- constant-reward

CONSTANT = {"constant-reward": {"do": "warn", "rollouts": 3}}
ZERO, MIXED, FULL = [0.0] * 8, [0.0, 1.0] * 4, [1.0] * 8


@pytest.mark.parametrize(
    ("case", "formats", "wanted"),
    [
        ("stuck at 0", [ZERO] * 9, [3]),
        ("success", [FULL] * 9, []),
        ("one response in between", [ZERO, ZERO, [0.0] * 7 + [1.0], ZERO, ZERO], []),
        ("another value each time", [[0.1] * 8, [0.2] * 8, [0.3] * 8, [0.4] * 8], []),
        ("of few questions: as many responses", [[0.0] * 2] * 12, [12]),
        ("of few questions: not so many", [[0.0] * 2] * 11, []),
        ("absent for long", [ZERO, [], [], [], [], ZERO], []),
        ("absent, and then enough", [ZERO, [], ZERO, [], ZERO], [5]),
        ("gone for a moment", [ZERO] * 3 + [MIXED] * 2 + [ZERO] * 3, [3]),
        ("gone and come back", [ZERO] * 3 + [MIXED] * 3 + [ZERO] * 3, [3, 9]),
    ],
)
def test_a_reward_that_is_constant(case: str, formats: list[list[float]], wanted: list[int]) -> None:
    said = spoken(rl(**CONSTANT), [rollout({"accuracy": MIXED, "format": scores}) for scores in formats])
    assert said == [(step, "constant-reward") for step in wanted]


def test_the_constant_reward_is_named_and_so_is_the_last_good_step() -> None:
    guarded = rl(**CONSTANT)
    rollouts = [rollout({"accuracy": MIXED, "format": scores}) for scores in (MIXED, MIXED, ZERO, ZERO, ZERO)]
    alarms = [alarm for step, of in enumerate(rollouts) for alarm in guarded.rollout(16 * step + 1, of)]
    assert len(alarms) == 1
    assert "the reward format is 0 for each of the last 24 responses" in alarms[0].message
    assert alarms[0].values == {"format": 0.0, "responses": 24}
    assert alarms[0].last_good_step == 32


# -- the others


def test_rollouts_of_which_nothing_can_be_learnt() -> None:
    policy = {"zero-variance": {"do": "warn", "rollouts": 3}}
    dull, lively = rollout(varied=0, reward=2.0), rollout(varied=1)
    assert spoken(rl(**policy), [dull, dull, lively, dull, dull, dull, dull]) == [(6, "zero-variance")]
    assert spoken(rl(**policy), [rollout({}, varied=0, reward=None)] * 3) == [(3, "zero-variance")]


COLLAPSE = {"reward-collapse": {"do": "warn", "rollouts": 4, "drop": 0.2}}


@pytest.mark.parametrize(
    ("case", "rewards", "wanted"),
    [
        ("a fall", [1.0, 1.02] * 4 + [0.5, 0.52] * 2, [12]),
        ("a small one", [1.0, 1.02] * 4 + [0.9, 0.92] * 4, []),
        ("chance", [0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1], []),
        ("nothing to fall from", [0.0] * 20, []),
        ("told once", [1.0, 1.02] * 4 + [0.5, 0.52] * 8, [12]),
        (
            "and again after it was well",
            [1.0, 1.02] * 4 + [0.5, 0.52] * 2 + [1.0, 1.02] * 2 + [0.5, 0.52] * 2,
            [12, 20],
        ),
        ("between two rollouts nothing is known", [1.0, 1.02, None] * 4 + [0.5, 0.52, None] * 2, [17]),
    ],
)
def test_a_reward_that_collapses(case: str, rewards: list[float | None], wanted: list[int]) -> None:
    said = spoken(rl(**COLLAPSE), [rollout(reward=reward) for reward in rewards])
    assert said == [(step, "reward-collapse") for step in wanted]


def test_a_change_of_what_is_asked_is_no_collapse() -> None:
    rewards = [rollout(reward=reward) for reward in [2.0, 2.02] * 4 + [1.0, 1.02] * 4]
    assert spoken(rl(**COLLAPSE), rewards) == [(12, "reward-collapse")]
    assert spoken(rl(changes=[0, 8, 40], **COLLAPSE), rewards) == []


def test_kl_above_its_bound_for_some_steps() -> None:
    guarded = rl(kl={"do": "warn", "max": 0.5, "steps": 2})
    numbers = [0.1, 0.6, 0.4, 0.7, 0.9, 2.0, None, 0.1, 0.1, 0.8, 0.8]
    said = [(step, alarm) for step, kl in enumerate(numbers, 1) for alarm in guarded.step(step, {"kl": kl})]
    assert [(step, alarm.last_good_step) for step, alarm in said] == [(5, 3), (11, 9)]
    assert said[0][1].values == {"kl": 0.9, "max": 0.5, "steps": 2}
    assert guarded.step(1, {"loss": 1.0}) == [], "without a reference there is no KL"


LENGTH = {"length": {"do": "warn", "rollouts": 2, "growth": 3, "clipped": 0.5}}


@pytest.mark.parametrize(
    ("case", "make", "numbers", "changes", "wanted"),
    [
        ("grows slowly", lambda n: rollout(tokens=n), [10, 10, 20, 29, 30], [], []),
        ("explodes", lambda n: rollout(tokens=n), [10, 10, 20, 31, 31], [], [5]),
        ("may be longer by now", lambda n: rollout(tokens=n), [10, 10, 20, 31, 31], [3], []),
        ("is cut", lambda n: rollout(clipped=n), [0.1, 0.5, 0.6, 0.7, 0.8], [], [4]),
        ("is cut from the first", lambda n: rollout(clipped=n), [1.0, 1.0], [], [2]),
    ],
)
def test_responses_that_grow_too_long(
    case: str, make: Callable[[float], Rollout], numbers: list[float], changes: list[int], wanted: list[int]
) -> None:
    said = spoken(rl(changes=changes, **LENGTH), map(make, numbers))
    assert said == [(step, "length") for step in wanted]


def test_a_loss_that_rises_above_its_beginning() -> None:
    policy = {"guards": {"loss": {"do": "warn", "rise": 2, "steps": 2}}}
    guarded = Guards.of(Params(policy), guards.SUPERVISED)
    losses = [1.0, 0.8, 0.5, 2.0, 0.3, 1.9, 1.9, 5.0]
    said = [(step, alarm) for step, loss in enumerate(losses, 1) for alarm in guarded.step(step, {"loss": loss})]
    assert [(step, alarm.last_good_step) for step, alarm in said] == [(7, 5)]


# -- policies and memory


def test_stop_is_said_even_where_the_warning_was() -> None:
    kl = {"max": 0.5, "steps": 2}
    warned = rl(kl={"do": "warn", **kl})
    assert [bool(warned.step(step, {"kl": 1.0})) for step in (1, 2, 3)] == [False, True, False]
    strict = rl(kl={"do": "stop", **kl})
    strict.restore(warned.state())
    (alarm,) = strict.step(4, {"kl": 1.0})
    assert alarm.stop
    assert alarm.last_good_step == 0


def test_a_guard_that_rolls_back_stops_the_trainer() -> None:
    policy = {"do": "roll-back", "most": 2, "change": {"learning_rate": {"times": 0.5}}, "max": 0.5, "steps": 1}
    (alarm,) = rl(kl=policy).step(4, {"kl": 1.0})
    assert (alarm.stop, alarm.last_good_step) == (True, 3)


def test_a_guard_that_is_off_or_not_there_is_silent() -> None:
    assert spoken(rl(**{"constant-reward": {"do": "off", "rollouts": 1}}), [rollout({"format": ZERO})] * 3) == []
    assert spoken(Guards.of(Params({}), guards.GRPO), [rollout({"format": ZERO}, varied=0)] * 99) == []


def test_a_guard_that_was_off_begins_when_it_is_turned_on() -> None:
    before = rl(kl={"do": "warn", "max": 0.5, "steps": 2})
    now = rl(kl={"do": "warn", "max": 0.5, "steps": 2}, **CONSTANT)
    now.restore(before.state())
    assert spoken(now, [rollout({"format": ZERO})] * 3, first=7) == [(9, "constant-reward")]


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({"kll": {"do": "warn"}}, "params.guards.kll"),
        ({"loss": {"do": "warn", "rise": 2, "steps": 2}}, "params.guards.loss"),
        ({"kl": {"do": "retreat", "max": 1, "steps": 2}}, "params.guards.kl.do"),
        ({"nan": {"do": "warn"}}, "params.guards.nan.do"),
        ({"kl": {"do": "warn", "steps": 2}}, "params.guards.kl.max is missing"),
        ({"length": {"do": "stop", "growth": 3, "clipped": 0.5, "rollouts": 0}}, "params.guards.length.rollouts"),
    ],
)
def test_what_no_guard_understands_is_a_config_error(policies: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rl(**policies)
