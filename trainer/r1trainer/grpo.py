"""Kind ``grpo``: reinforcement learning from verifiable and model rewards, on TRL's ``GRPOTrainer``.

TRL has the loss, the advantages, the reference model and the optimizer. Ours are the sampler, the scoring, the order of
the questions, and the contract. Semantics (DeepSeek-R1, equations 1-3 and 11-13):

* a rollout of ``rollout_outputs`` responses makes several optimizer steps of ``questions_per_step * group_size`` each,
  ``inner_epochs`` times; the ratio is per token, against the policy that sampled;
* the k3 estimate of the KL to the reference is part of the loss, with ``kl_beta``;
* advantages are a group's rewards less their mean, over their standard deviation (``dr_grpo``: not divided); a group of
  equal rewards, and a response without any reward, have advantage 0.

All randomness of a rollout is a function of the seed and the global step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from r1trainer import guards, models
from r1trainer.errors import ConfigError
from r1trainer.generate import generate, rows_at_once
from r1trainer.guards import Alarm, Guards
from r1trainer.held_out import HeldOut
from r1trainer.job import Job, Params
from r1trainer.loop import (
    DEFAULT_CHECKPOINT_STEPS,
    JobTrainer,
    Run,
    checkpoint_to_continue,
    mean,
    schedule,
    training_arguments,
)
from r1trainer.metrics import Metrics
from r1trainer.order import Mix, question_order, rng
from r1trainer.rewards import Judged, RewardSpec, Scorer, load_judges, permuted, read_specs, reward_statistics
from r1trainer.rows import Row, read_rows
from r1trainer.signals import StopRequest
from r1trainer.templates import Template

TEXT_EVERY = 10  # steps between example responses in metrics.jsonl


class Trainer(JobTrainer, GRPOTrainer):
    """TRL's trainer with our rollouts, rewards and contract."""

    def __init__(
        self,
        *,
        problems: list[Row],
        template: Template,
        specs: list[RewardSpec],
        scorer: Scorer,
        held_out: HeldOut | None,
        permute_rewards: bool,
        limit: Callable[[int], int],
        **kwargs: Any,
    ) -> None:
        self._problems = problems
        self._template = template
        self._weights = {spec.name: spec.weight for spec in specs}
        self._scorer = scorer
        self._held_out = held_out
        self._permute_rewards = permute_rewards
        self._limit = limit
        self._pending: Future[Any] | None = None
        self._rollout: tuple[list[Row], list[str], int] = ([], [], 0)
        self._rewards: Mapping[str, list[float | None]] | None = None
        self._rollout_values: dict[str, float | None] = {}
        self._for_guards: guards.Rollout | None = None  # of the rollout in progress
        self._last_text = -TEXT_EVERY
        super().__init__(rollout_func=_roll_out, **kwargs)

    def roll_out(self, prompts: list[str]) -> dict[str, Any]:
        """Sample one response for each prompt (TRL passes a question ``group_size`` times) and start scoring them.

        ``prompts`` are problem numbers as text. Returns TRL's ``prompt_ids`` and ``completion_ids``.
        """
        step = self.state.global_step
        problems = [self._problems[int(number)] for number in prompts]
        rendered: dict[str, list[int]] = {}
        for problem in problems:
            if problem["prompt"] not in rendered:
                rendered[problem["prompt"]] = self._template.prompt_ids(self.processing_class, problem["prompt"])
        prompt_ids = [rendered[problem["prompt"]] for problem in problems]
        self.max_completion_length = self._limit(step)

        device = self.accelerator.device
        torch.manual_seed(rng(self.args.seed, "torch", step).getrandbits(63))  # TRL shuffles the rollout with it
        generator = torch.Generator(device).manual_seed(rng(self.args.seed, "sample", step).getrandbits(63))
        rows = rows_at_once(self.model, max(map(len, prompt_ids)) + self.max_completion_length, device)
        completions = []
        for start in range(0, len(prompt_ids), rows):
            if self.run.stop.requested:
                self.stop_now()
            with models.autocast(device):
                completions += generate(
                    self.accelerator.unwrap_model(self.model),
                    self.processing_class,
                    prompt_ids[start : start + rows],
                    temperature=self.args.temperature,
                    top_p=self.args.top_p,
                    max_tokens=self.max_completion_length,
                    generator=generator,
                    batch_size=rows,
                )
        responses = [self._template.response(completion.text) for completion in completions]
        self._rollout = (problems, responses, step)
        lengths = [len(completion.token_ids) for completion in completions]
        self._pending = self._scorer.submit(problems, responses, lengths)
        self._rewards = None
        self._rollout_values = {
            "tokens": sum(lengths) / len(lengths),
            "clipped": sum(completion.finish == "length" for completion in completions) / len(completions),
        }
        return {
            "prompt_ids": prompt_ids,
            "completion_ids": [completion.token_ids for completion in completions],
            "logprobs": None,  # TRL recomputes them with the training forward, which is what the ratio needs
        }

    def rewards_of(self, name: str) -> list[float | None]:
        """Rewards of one name for the rollout in progress, waiting for the verifier on first call."""
        if self._rewards is None:
            assert self._pending is not None
            problems, responses, step = self._rollout
            while not wait([self._pending], timeout=0.5).done:  # it may pause for long: a stop does not wait for it
                if self.run.stop.requested:
                    self.stop_now()
            judged = self._scorer.collect(self._pending, problems, responses, step)
            self._note_rollout(judged, problems, responses, step)
            self._rewards = judged.by_name
            if self._permute_rewards:
                self._rewards = permuted(judged.by_name, rng(self.args.seed, "permute", step))
        return self._rewards[name]

    def step_values(self, logs: dict[str, float]) -> dict[str, float | None]:
        own = {name: mean(values) for name, values in self._metrics["train"].items()}
        self._metrics["train"].clear()
        step = {"kl": own.get("kl"), "entropy": own.get("entropy"), "clip_ratio": own.get("clip_ratio/region_mean")}
        return {**self._rollout_values, **step}

    def alarms(self, step: int, values: Mapping[str, float | None]) -> list[Alarm]:
        alarms = super().alarms(step, values)
        if (step - 1) % self.run.boundary == 0 and self._for_guards is not None:
            alarms += self.run.guards.rollout(step, self._for_guards)
        return alarms

    def evaluation_due(self, step: int) -> bool:
        return self._held_out is not None and (step % self._held_out.every == 0 or step == self.run.to_step)

    def held_out_values(self, interrupted: Callable[[], bool]) -> Mapping[str, float | None] | None:
        assert self._held_out is not None
        model, step = self.accelerator.unwrap_model(self.model), self.state.global_step
        report = self._held_out.measure(model, self.processing_class, step, self._limit(step), interrupted)
        return None if report is None else report.line()

    def _note_rollout(self, rewards: Judged, problems: list[Row], responses: list[str], step: int) -> None:
        """What the responses earned, permuted or not; it holds for all the steps made of the rollout."""
        values = self._rollout_values
        values["unverified"] = rewards.unverified
        if rewards.paused:
            values["paused"] = rewards.paused  # seconds that training waited for the verifier
        values |= reward_statistics(rewards.by_name, self._weights, self.num_generations)
        for name, scores in rewards.by_name.items():
            values[name] = mean(scores)
        if "accuracy" in rewards.by_name:
            by_domain: dict[str, list[float | None]] = {}
            for problem, score in zip(problems, rewards.by_name["accuracy"], strict=True):
                by_domain.setdefault(str(problem.get("domain", "")), []).append(score)
            values |= {f"accuracy_{domain}": mean(scores) for domain, scores in by_domain.items() if domain}
        self._for_guards = guards.Rollout(
            responses=len(responses),
            varied=varied_questions(rewards.by_name, self._weights, self.num_generations),
            reward=values["reward"],
            rewards={
                name: [score for score in scores if score is not None] for name, scores in rewards.by_name.items()
            },
            tokens=values["tokens"] or 0.0,
            clipped=values["clipped"] or 0.0,
        )
        if step - self._last_text >= TEXT_EVERY:
            self._last_text = step
            pick = rng(self.args.seed, "text", step).randrange(len(responses))
            self.run.metrics.text(step, problems[pick]["prompt"], responses[pick])


class _Reward:
    """A reward function in TRL's shape: it looks up what ``Trainer`` collected."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.trainer: Trainer | None = None

    def __call__(self, **kwargs: Any) -> list[float | None]:
        assert self.trainer is not None
        return self.trainer.rewards_of(self.__name__)


def run(job: Job) -> None:
    """Serve a ``grpo`` job."""
    os.environ.setdefault(
        "TRL_EXPERIMENTAL_SILENCE", "1"
    )  # rollout_func is TRL's hook for a sampler; the lock pins TRL
    device = models.prepare(job)
    params = job.params
    policy = job.input("policy")
    tokenizer = models.load_tokenizer(policy)
    template = Template.from_params(params)
    problems = read_rows(job.input("prompts"), required=("prompt",))
    specs = read_specs(params)
    if not specs:
        raise ConfigError("params.rewards names no reward")
    group = params.integer("group_size", minimum=2)
    questions = params.integer("questions_per_step", minimum=1)
    batch = questions * group
    outputs = params.integer("rollout_outputs", batch, minimum=1)
    if outputs % batch:
        raise ConfigError(f"params.rollout_outputs {outputs} is not a multiple of a step's responses, {batch}")
    inner = params.integer("inner_epochs", 1, minimum=1)
    updates = outputs // batch * inner  # optimizer steps of one rollout
    if job.from_step % updates or job.to_step <= job.from_step:
        raise ConfigError(
            f"steps {job.from_step} to {job.to_step} do not start on a rollout, one every {updates} steps"
        )
    limit, most = token_limit(params)
    peak = params.number("learning_rate")
    loss = params.text("loss", "grpo", choices=("grpo", "dapo", "dr_grpo"))
    order = question_order(
        [str(problem.get("domain", "")) for problem in problems],
        -(-job.to_step // updates) * (outputs // group),
        job.seed,
        domain_mixes(params, lambda step: -(-step // updates) * (outputs // group)),
    )
    longest = max(len(template.prompt_ids(tokenizer, problems[number]["prompt"])) for number in set(order))

    common = training_arguments(job, device, learning_rate=peak, batch=batch, tokens=longest + most)
    arguments = GRPOConfig(
        **common,
        max_steps=job.to_step,
        num_generations=group,
        steps_per_generation=outputs // common["per_device_train_batch_size"],
        num_iterations=inner,
        max_completion_length=most,
        temperature=params.number("temperature", 1.0),
        top_p=params.number("top_p", 1.0),
        beta=params.number("kl_beta"),
        epsilon=params.number("clip_epsilon"),
        loss_type=loss,
        scale_rewards="none" if loss == "dr_grpo" else "group",
        shuffle_dataset=False,
        remove_unused_columns=False,
    )
    rewards = [_Reward(spec.name) for spec in specs]
    arguments.reward_weights = [spec.weight for spec in specs]
    judges = load_judges(job, specs, device)

    def measuring() -> Scorer:
        return Scorer(job.reward_url, specs, judges, verdicts=True, behaviours=True)

    held_out = HeldOut.of(job, tokenizer, template, specs, measuring)
    scorer = Scorer(job.reward_url, specs, judges, training=True)
    with Metrics(job.metrics) as metrics:
        trainer = Trainer(
            run=Run(
                job=job,
                metrics=metrics,
                stop=StopRequest(job.deadline).install(),
                to_step=job.to_step,
                schedule=schedule(params, job.to_step, "constant", peak, peak),
                rows=outputs // group,
                boundary=updates,
                checkpoint_steps=params.integer("checkpoint_steps", DEFAULT_CHECKPOINT_STEPS, minimum=1),
                guards=Guards.of(params, guards.GRPO, setup_changes(params, specs)),
            ),
            problems=problems,
            template=template,
            specs=specs,
            scorer=scorer,
            held_out=held_out,
            permute_rewards=params.flag("permute_rewards", False),
            limit=limit,
            model=str(policy),
            reward_funcs=rewards,
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": [str(number) for number in order]}),
            processing_class=tokenizer,
        )
        for reward in rewards:
            reward.trainer = trainer
        try:
            trainer.train_job(continue_from(job))
        finally:
            scorer.close()
            if held_out is not None:
                held_out.scorer.close()
        trainer.write_model(policy)
        if "state" in job.outputs:  # the last phase has nobody to hand it to
            trainer.write_state(job.output("state"))
        metrics.summary(job.to_step, trainer.totals())


def _roll_out(prompts: list[str], trainer: Trainer) -> dict[str, Any]:
    return trainer.roll_out(prompts)


def varied_questions(by_name: Mapping[str, list[float | None]], weights: Mapping[str, float], group: int) -> int:
    """How many questions, ``group`` responses each, have responses whose weighted sums of rewards differ."""
    totals = [
        {name: score for name, score in zip(by_name, scores, strict=True) if score is not None}
        for scores in zip(*by_name.values(), strict=True)
    ]
    sums = [sum(weights[name] * score for name, score in earned.items()) if earned else None for earned in totals]
    return sum(len(set(sums[start : start + group]) - {None}) > 1 for start in range(0, len(sums), group))


def setup_changes(params: Params, specs: list[RewardSpec]) -> list[int]:
    """The global steps at which what is asked of the policy changes: rewards that join, domains, token limits."""
    changes = [spec.from_step for spec in specs]
    for name in ("domains", "max_tokens"):
        if isinstance(params.get(name), list):
            changes += [entry.integer("until_step") for entry in params.sections(name) if "until_step" in entry]
    return changes


def continue_from(job: Job) -> Path | None:
    """Where training continues: the checkpoint of this phase, else the state of the phase before."""
    checkpoint = checkpoint_to_continue(job)
    if checkpoint is not None:
        return checkpoint
    state = job.optional_input("state")
    if (state is None) != (job.from_step == 0):
        need = "needs" if state is None else "takes no"
        raise ConfigError(f"a grpo job from step {job.from_step} {need} input 'state'")
    return state


def token_limit(params: Params) -> tuple[Callable[[int], int], int]:
    """``params.max_tokens``: a number, or a list of ``{until_step, tokens}`` whose last entry may lack ``until_step``.

    Returns the limit as a function of the global step, and the largest limit.
    """
    if not isinstance(params.get("max_tokens"), list):
        tokens = params.integer("max_tokens", minimum=1)
        return (lambda step: tokens), tokens
    entries = [(s.get("until_step"), s.integer("tokens", minimum=1)) for s in params.sections("max_tokens")]
    if not entries or any(until is None for until, _ in entries[:-1]):
        raise ConfigError("params.max_tokens needs an until_step in every entry but the last")

    def limit(step: int) -> int:
        return next((tokens for until, tokens in entries if until is None or step < until), entries[-1][1])

    return limit, max(tokens for _, tokens in entries)


def domain_mixes(params: Params, questions_before: Callable[[int], int]) -> list[Mix]:
    """``params.domains``: ``{name: share}``, or a list of ``{until_step, shares}`` whose last entry lasts to the end.

    ``questions_before`` says how many questions the rollouts that begin before a global step take.
    """
    if not isinstance(params.get("domains"), list):
        shares = params.section("domains")
        return [] if shares is None else [(None, {name: shares.number(name) for name in shares})]
    mixes: list[Mix] = []
    entries = params.sections("domains")
    for index, entry in enumerate(entries):
        shares = entry.section("shares")
        last = index == len(entries) - 1
        if shares is None or (not last and entry.get("until_step") is None):
            raise ConfigError("params.domains needs shares in every entry, and until_step in every one but the last")
        until = None if last else questions_before(entry.integer("until_step"))
        mixes.append((until, {name: shares.number(name) for name in shares}))
    return mixes
