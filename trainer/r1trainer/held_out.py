"""Held-out problems, measured while a policy trains: the same ones at every step, as `evaluate` would measure them.

Training must not notice: responses are drawn from a generator of their own, seeded by the job's seed and the step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from r1trainer import models
from r1trainer.errors import ConfigError
from r1trainer.generate import rows_at_once
from r1trainer.job import Job
from r1trainer.measure import Report
from r1trainer.order import rng
from r1trainer.rewards import PREFERENCE, RewardSpec, Scorer
from r1trainer.rows import Row, read_rows
from r1trainer.sampling import Settings, answer, by_transformers
from r1trainer.templates import Template
from r1trainer.verifier import verifier_of


@dataclass(frozen=True)
class HeldOut:
    """What to measure, how, and how often. `scorer` must give verdicts."""

    problems: list[Row]
    settings: Settings  # max_tokens and batch_size are of the moment
    every: int  # steps
    seed: int
    longest: int  # tokens of a prompt
    scorer: Scorer

    @staticmethod
    def of(
        job: Job, tokenizer: Any, template: Template, specs: Sequence[RewardSpec], scorer: Callable[[], Scorer]
    ) -> HeldOut | None:
        """Reads the params `evaluate_*` and input `problems`; None without `evaluate_steps`.

        `specs` are the job's rewards: problems that nothing in the job can judge are left out.
        """
        params = job.params
        if params.get("evaluate_steps") is None:
            return None
        if job.optional_input("problems") is None:
            raise ConfigError("params.evaluate_steps needs input 'problems', the held-out problems to measure by")
        problems = read_rows(job.input("problems"), required=("prompt",))
        judged = [problem for problem in problems if is_judged(problem, specs)]
        chosen = first_of_each_domain(judged or problems, params.integer("evaluate_problems", 64, minimum=1))
        settings = Settings(
            template=template,
            samples=params.integer("evaluate_samples", 4, minimum=1),
            temperature=params.number("evaluate_temperature", 0.6),
            top_p=params.number("evaluate_top_p", 0.95),
            max_tokens=1,
            batch_size=1,
            greedy=False,
        )
        return HeldOut(
            problems=chosen,
            settings=settings,
            every=params.integer("evaluate_steps", minimum=1),
            seed=job.seed,
            longest=max(len(template.prompt_ids(tokenizer, problem)) for problem in chosen),
            scorer=scorer(),
        )

    def measure(
        self, model: Any, tokenizer: Any, step: int, max_tokens: int, interrupted: Callable[[], bool]
    ) -> Report | None:
        """Samples, verifies and measures; None when `interrupted` said so on the way."""
        device = model.device
        batch_size = rows_at_once(model, self.longest + max_tokens, device)
        settings = replace(self.settings, max_tokens=max_tokens, batch_size=batch_size)
        generator = torch.Generator(device).manual_seed(rng(self.seed, "evaluate", step).getrandbits(63))
        complete = by_transformers(model, tokenizer, settings, generator)
        lots = []
        for start in range(0, len(self.problems), settings.at_once):
            if interrupted():
                return None
            with models.autocast(device):
                rows = answer(complete, tokenizer, self.problems[start : start + settings.at_once], settings)
            responses = [row["response"] for row in rows]
            lots.append((rows, responses, self.scorer.submit(rows, responses)))
        for rows, responses, pending in lots:
            self.scorer.collect(pending, rows, responses, None).mark(rows)
        return Report.of([row for rows, _, _ in lots for row in rows], self.problems)


def is_judged(problem: Row, specs: Sequence[RewardSpec]) -> bool:
    """Whether a verifier has a word on responses to a problem, or a reward model of the job does."""
    if verifier_of(problem) != "none":
        return True
    return any(spec.name == PREFERENCE and spec.applies(problem, spec.from_step) for spec in specs)


def first_of_each_domain(problems: Sequence[Row], count: int) -> list[Row]:
    """At most `count` problems, evenly over the domains: the first ones of each, in their order."""
    seen: Counter[str] = Counter()
    ranks = []
    for index, problem in enumerate(problems):
        domain = str(problem.get("domain", ""))
        ranks.append((seen[domain], index))
        seen[domain] += 1
    return [problems[index] for index in sorted(index for _, index in sorted(ranks)[:count])]
