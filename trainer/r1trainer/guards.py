"""Guards: what in a training job's numbers means trouble, said early.

A guard looks at the numbers of each optimizer step, or of each rollout, and knows when they have been bad for long
enough. What happens then is its policy: ``warn`` writes a metrics line, ``stop`` ends the job as diverged, and so does
``roll-back``: going back is the controller's. A condition is told once, and again only after it has been gone for as
long as it has to hold.

Nothing here trains or reads files, so that recorded numbers can be replayed through it. What a guard remembers is part
of every checkpoint: a resumed job warns where the uninterrupted one would have. Numbers that are not finite are not
among the guards of this module: ``loop.py`` never lets them pass (``NAN``).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from r1trainer.errors import NAN, ConfigError
from r1trainer.job import Params

WARN, STOP, ROLL_BACK, OFF = "warn", "stop", "roll-back", "off"
_FULL_REWARD = 1.0  # no reward is higher
_BEYOND_CHANCE = 4.0  # standard errors: the best of many means is itself a lucky one


@dataclass(frozen=True)
class Alarm:
    """A guard's condition that has held for long enough.

    ``last_good_step`` is the newest step whose policy shows no trouble yet: a checkpoint of it or before is safe.
    """

    guard: str
    message: str
    values: dict[str, float]
    last_good_step: int
    stop: bool


@dataclass(frozen=True)
class Rollout:
    """What guards know of a rollout. Rewards are those truly earned."""

    responses: int
    varied: int  # questions whose responses do not all earn the same
    reward: float | None  # mean of the weighted sum; None where no response has any reward
    rewards: Mapping[str, Sequence[float]]  # by name, of the responses that it applies to and is known for
    tokens: float  # mean length of a response
    clipped: float  # share of responses cut at the limit


@dataclass
class _Watch:
    """How long a condition has held, and whether that was told already."""

    held: float = 0.0
    gone: float = 0.0
    told: bool = False
    good_step: int = 0  # the step before it began

    def note(self, bad: bool, *, before: int, need: float, stop: bool, weight: float = 1.0) -> bool:
        """Take an observation of some ``weight`` made after step ``before``; whether to speak now."""
        if not bad:
            self.held, self.gone = 0.0, self.gone + weight
            self.told = self.told and _less(self.gone, need)
            return False
        if self.held == 0:
            self.good_step = before
        self.held, self.gone = self.held + weight, 0.0
        if _less(self.held, need) or (self.told and not stop):
            return False
        self.told = True
        return True


def _less(held: float, need: float) -> bool:
    return held < need - 1e-9  # weights are shares, whose sum is not exact


class _Guard:
    """One guard. ``step`` and ``rollout`` are told the step before; ``remembered`` names what a checkpoint keeps."""

    name: ClassVar[str]
    remembered: ClassVar[tuple[str, ...]] = ()

    def __init__(self, params: Params, stop: bool) -> None:
        self.stop = stop
        self.watch = _Watch()
        self.read(params)

    def read(self, params: Params) -> None:
        """Read the thresholds."""
        raise NotImplementedError

    def step(self, before: int, values: Mapping[str, float | None]) -> Alarm | None:
        """Numbers of an optimizer step."""
        return None

    def rollout(self, before: int, setup: int, rollout: Rollout) -> Iterable[Alarm]:
        """Numbers of a rollout; ``setup`` is the step since which what is asked of the policy has been the same."""
        return ()

    def state(self) -> dict[str, Any]:
        return {"watch": asdict(self.watch), **{name: getattr(self, name) for name in self.remembered}}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.watch = _Watch(**state["watch"])
        for name in self.remembered:
            setattr(self, name, state[name])

    def alarm(self, message: str, good_step: int, **values: float) -> Alarm:
        return Alarm(self.name, message, values, good_step, self.stop)


class _ConstantReward(_Guard):
    """A reward that is the same for every response teaches nothing, and is most often a mistake.

    Not at its highest value: that is what success looks like. Where a reward does not apply it is neither constant nor
    not, so one of few domains takes as many responses as ``rollouts`` whole rollouts have.
    """

    name = "constant-reward"

    def read(self, params: Params) -> None:
        self.rollouts = params.integer("rollouts", minimum=1)
        self.components: dict[str, tuple[float, _Watch]] = {}  # by reward: its newest constant value

    def rollout(self, before: int, setup: int, rollout: Rollout) -> Iterable[Alarm]:
        for reward, scores in rollout.rewards.items():
            if not scores:
                continue
            value, watch = self.components.get(reward, (scores[0], _Watch()))
            constant = min(scores) == max(scores) < _FULL_REWARD
            if constant and scores[0] != value:
                watch.held = 0.0
            self.components[reward] = (scores[0], watch)
            weight = len(scores) / rollout.responses
            if watch.note(constant, before=before, need=self.rollouts, stop=self.stop, weight=weight):
                responses = round(watch.held * rollout.responses)
                yield self.alarm(
                    f"the reward {reward} is {scores[0]:g} for each of the last {responses} responses, and teaches "
                    f"nothing: compare an example response with what {reward} asks for",
                    watch.good_step,
                    **{reward: scores[0], "responses": responses},
                )

    def state(self) -> dict[str, Any]:
        return {name: {"value": value, "watch": asdict(watch)} for name, (value, watch) in self.components.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.components = {name: (of["value"], _Watch(**of["watch"])) for name, of in state.items()}


class _ZeroVariance(_Guard):
    """Where no question's responses differ in reward, every advantage is 0."""

    name = "zero-variance"

    def read(self, params: Params) -> None:
        self.rollouts = params.integer("rollouts", minimum=1)

    def rollout(self, before: int, setup: int, rollout: Rollout) -> Iterable[Alarm]:
        if self.watch.note(rollout.varied == 0, before=before, need=self.rollouts, stop=self.stop):
            known, earned = {}, "no response has a reward"
            if rollout.reward is not None:
                known, earned = {"reward": rollout.reward}, f"the mean reward is {rollout.reward:.4g}"
            yield self.alarm(
                f"for {self.watch.held:g} rollouts no question had responses of different reward, so there is nothing "
                f"to learn from ({earned}): the questions are too easy or too hard by now",
                self.watch.good_step,
                **known,
                rollouts=self.watch.held,
            )


class _RewardCollapse(_Guard):
    """The mean reward of the last ``rollouts`` rollouts lies more than ``drop`` of the best such mean below it.

    Rewards of small rollouts jump about, so the fall must also be beyond what such means do by chance. Where what is
    asked of the policy changes (rewards that join, domains, token limits) it starts again.
    """

    name = "reward-collapse"
    remembered = ("window", "best", "best_step", "setup")

    def read(self, params: Params) -> None:
        self.rollouts = params.integer("rollouts", minimum=2)
        self.drop = params.number("drop")
        self.window: list[float] = []
        self.best: float | None = None
        self.best_step = self.setup = 0

    def rollout(self, before: int, setup: int, rollout: Rollout) -> Iterable[Alarm]:
        if setup != self.setup:
            self.window, self.best, self.setup = [], None, setup
        if rollout.reward is None:
            return
        self.window = [*self.window, rollout.reward][-self.rollouts :]
        if len(self.window) < self.rollouts:
            return
        smooth = sum(self.window) / len(self.window)
        if self.best is None or smooth >= self.best:
            self.best, self.best_step = smooth, before
        fallen = 1 - smooth / self.best if self.best > 0 else 0.0
        noise = statistics.stdev(self.window) * math.sqrt(2 / self.rollouts)  # of the difference of two such means
        collapsed = fallen > self.drop and self.best - smooth > _BEYOND_CHANCE * noise
        if not collapsed and fallen > self.drop / 2:
            return  # neither come nor gone
        if self.watch.note(collapsed, before=self.best_step, need=1, stop=self.stop):
            yield self.alarm(
                f"the mean reward of the last {self.rollouts} rollouts is {smooth:.4g}, {fallen:.0%} below its best of "
                f"{self.best:.4g} at step {self.best_step}",
                self.best_step,
                reward=smooth,
                best=self.best,
                best_step=self.best_step,
            )


class _KL(_Guard):
    """The policy is far from its reference, step after step."""

    name = "kl"

    def read(self, params: Params) -> None:
        self.steps = params.integer("steps", minimum=1)
        self.max = params.number("max")

    def step(self, before: int, values: Mapping[str, float | None]) -> Alarm | None:
        kl = values.get("kl")
        if kl is None or not self.watch.note(kl > self.max, before=before, need=self.steps, stop=self.stop):
            return None
        return self.alarm(
            f"the KL to the reference has been above {self.max:g} for {self.watch.held:g} steps; now it is {kl:.4g}",
            self.watch.good_step,
            kl=kl,
            max=self.max,
            steps=self.watch.held,
        )


class _Length(_Guard):
    """Responses are many times as long as at the beginning, or most of them are cut.

    The beginning is the mean of the first ``rollouts`` rollouts, and again where what is asked of the policy changes.
    """

    name = "length"
    remembered = ("start", "started", "setup")

    def read(self, params: Params) -> None:
        self.rollouts = params.integer("rollouts", minimum=1)
        self.growth = params.number("growth")
        self.clipped = params.number("clipped")
        self.cut = _Watch()
        self.start = 0.0  # mean of the rollouts it counts so far
        self.started = self.setup = 0

    def rollout(self, before: int, setup: int, rollout: Rollout) -> Iterable[Alarm]:
        if setup != self.setup:
            self.start, self.started, self.setup = 0.0, 0, setup
        if self.started < self.rollouts:
            self.started += 1
            self.start += (rollout.tokens - self.start) / self.started
        elif self.watch.note(
            rollout.tokens > self.growth * self.start, before=before, need=self.rollouts, stop=self.stop
        ):
            yield self.alarm(
                f"for {self.watch.held:g} rollouts responses have been more than {self.growth:g} times as long as at "
                f"the beginning: {rollout.tokens:.4g} tokens, and {self.start:.4g} then",
                self.watch.good_step,
                tokens=rollout.tokens,
                start=self.start,
                rollouts=self.watch.held,
            )
        if self.cut.note(rollout.clipped > self.clipped, before=before, need=self.rollouts, stop=self.stop):
            yield self.alarm(
                f"for {self.cut.held:g} rollouts more than {self.clipped:.0%} of the responses have been cut at "
                f"max_tokens; now {rollout.clipped:.0%}",
                self.cut.good_step,
                clipped=rollout.clipped,
                max=self.clipped,
                rollouts=self.cut.held,
            )

    def state(self) -> dict[str, Any]:
        return {**super().state(), "cut": asdict(self.cut)}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.cut = _Watch(**state["cut"])


class _Loss(_Guard):
    """The loss is well above that of the first ``steps`` steps: training has undone more than it did."""

    name = "loss"
    remembered = ("start", "started")

    def read(self, params: Params) -> None:
        self.steps = params.integer("steps", minimum=1)
        self.rise = params.number("rise")
        self.start = 0.0  # mean of the steps it counts so far
        self.started = 0

    def step(self, before: int, values: Mapping[str, float | None]) -> Alarm | None:
        loss = values.get("loss")
        if loss is None:
            return None
        if self.started < self.steps:
            self.started += 1
            self.start += (loss - self.start) / self.started
            return None
        if not self.watch.note(loss > self.rise * self.start, before=before, need=self.steps, stop=self.stop):
            return None
        return self.alarm(
            f"for {self.watch.held:g} steps the loss has been above {self.rise:g} times that of the first "
            f"{self.steps} steps: {loss:.4g}, and {self.start:.4g} then",
            self.watch.good_step,
            loss=loss,
            start=self.start,
            steps=self.watch.held,
        )


# The guards of kinds, besides NAN, which every kind has.
GRPO: tuple[type[_Guard], ...] = (_ConstantReward, _ZeroVariance, _RewardCollapse, _KL, _Length)
SUPERVISED: tuple[type[_Guard], ...] = (_Loss,)


class Guards:
    """The guards of a job. Without any it never speaks."""

    def __init__(self, guards: Iterable[_Guard] = (), changes: Iterable[int] = ()) -> None:
        self._guards = list(guards)
        self._changes = sorted(changes)

    @staticmethod
    def of(params: Params, kinds: Sequence[type[_Guard]], changes: Iterable[int] = ()) -> Guards:
        """Those that ``params.guards`` has; one that it lacks is off.

        ``changes`` are the global steps at which what is asked of the policy changes.
        """
        section = params.section("guards") or Params({})
        known = {NAN: (STOP, ROLL_BACK), **{kind.name: (WARN, STOP, ROLL_BACK, OFF) for kind in kinds}}
        policies = {}
        for name in section:
            if name not in known:
                raise ConfigError(f"params.guards.{name} is no guard of this kind; it has {', '.join(sorted(known))}")
            of = section.section(name)
            if of is not None:
                policies[name] = of.text("do", choices=known[name])
        return Guards(
            (
                kind(section.section(kind.name) or Params({}), policies[kind.name] in (STOP, ROLL_BACK))
                for kind in kinds
                if policies.get(kind.name, OFF) != OFF
            ),
            changes,
        )

    def step(self, step: int, values: Mapping[str, float | None]) -> list[Alarm]:
        """Take the numbers of optimizer step ``step``, named as in its metrics line."""
        return [alarm for guard in self._guards if (alarm := guard.step(step - 1, values)) is not None]

    def rollout(self, step: int, rollout: Rollout) -> list[Alarm]:
        """Take the numbers of the rollout whose first optimizer step is ``step``."""
        before = step - 1
        setup = max((change for change in self._changes if change <= before), default=0)
        return [alarm for guard in self._guards for alarm in guard.rollout(before, setup, rollout)]

    def state(self) -> dict[str, Any]:
        """What the guards remember, for a checkpoint."""
        return {guard.name: guard.state() for guard in self._guards}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` gave; a guard that was off then begins now."""
        for guard in self._guards:
            if guard.name in state:
                guard.restore(state[guard.name])
