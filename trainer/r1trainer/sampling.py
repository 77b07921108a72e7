"""What `sample` and `evaluate` share: responses to a list of problems, verified, in order, over any number of resumes.

Problems are taken in chunks of about a batch. Each chunk draws from a generator of its own, seeded by the job and the
chunk's number, so a resumed job writes the rows that an undisturbed one would have. While a chunk is generated, the one
before it is with the verifier.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from r1trainer.checkpoint import save_checkpoint, verify_checkpoint
from r1trainer.errors import ConfigError
from r1trainer.generate import Completion, generate
from r1trainer.job import Job, Params
from r1trainer.measure import summarize
from r1trainer.metrics import Metrics
from r1trainer.models import load_to_answer, load_tokenizer, prepare
from r1trainer.order import rng
from r1trainer.rewards import RewardSpec, Scorer, load_judges
from r1trainer.rows import Row
from r1trainer.signals import Stopped, StopRequest
from r1trainer.templates import Template
from r1trainer.verifier import Score
from r1trainer.vllm_generator import VllmGenerator, VllmSettings

AUDIT = 0.02  # share of the verdicts of mathematics that the verifier service gives a second opinion on
ROWS = "rows.jsonl"  # of a checkpoint
_PROGRESS = "progress.json"
_CHECKPOINTS = 10  # about so many over the whole job


@dataclass(frozen=True)
class Settings:
    """How to answer problems."""

    template: Template
    samples: int  # a problem
    temperature: float
    top_p: float
    max_tokens: int
    batch_size: int
    greedy: bool  # one greedy response a problem besides

    @staticmethod
    def from_params(params: Params, *, greedy: bool) -> Settings:
        """Reads and checks the params that both kinds have."""
        return Settings(
            template=Template.from_params(params),
            samples=params.integer("samples_per_prompt", 1, minimum=1),
            temperature=params.number("temperature", 1.0),
            top_p=params.number("top_p", 1.0),
            max_tokens=params.integer("max_tokens", minimum=1),
            batch_size=params.integer("batch_size", 128, minimum=1),
            greedy=greedy,
        )

    @property
    def per_problem(self) -> int:
        """How many rows a problem has."""
        return self.samples + self.greedy

    @property
    def at_once(self) -> int:
        """How many problems make about a batch."""
        return max(1, self.batch_size // self.per_problem)


# Answers prompts: so many completions of each, those of one prompt together; or one that is greedy.
Complete = Callable[[list[list[int]], int, bool], list[Completion]]


def by_transformers(model: Any, tokenizer: Any, settings: Settings, generator: torch.Generator) -> Complete:
    """Answers by `generate`; what is not greedy draws from a generator."""

    def complete(prompts: list[list[int]], samples: int, greedy: bool) -> list[Completion]:
        return generate(
            model,
            tokenizer,
            [ids for ids in prompts for _ in range(samples)],
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_tokens=settings.max_tokens,
            generator=generator,
            greedy=greedy,
            batch_size=settings.batch_size,
        )

    return complete


def answer(complete: Complete, tokenizer: Any, problems: Sequence[Row], settings: Settings) -> list[Row]:
    """The responses to problems, as rows without verdicts: each problem's fields with `sample`, `response`, `tokens`,
    `thinking_tokens` and `finish`; a greedy response comes after the samples and is marked `greedy`."""
    prompts = [settings.template.prompt_ids(tokenizer, problem) for problem in problems]
    sampled = complete(prompts, settings.samples, False)
    greedy = complete(prompts, 1, True) if settings.greedy else []
    rows = []
    for index, problem in enumerate(problems):
        own = sampled[index * settings.samples : (index + 1) * settings.samples]
        rows += [_row(problem, sample, completion, settings.template) for sample, completion in enumerate(own)]
        if greedy:
            rows.append({**_row(problem, settings.samples, greedy[index], settings.template), "greedy": True})
    for row, tokens in zip(rows, thinking_tokens(tokenizer, [row["response"] for row in rows]), strict=True):
        row["thinking_tokens"] = tokens
    return rows


def shard_of(params: Params, chunks: int) -> range:
    """The chunks that are a shard's: an even share of all, in order. Without `params.shard` all are.

    Chunks keep their numbers, and with them their seeds: rows are the same for any number of shards.
    """
    section = params.section("shard")
    if section is None:
        return range(chunks)
    index, of = section.integer("index"), section.integer("of", minimum=1)
    if index >= of:
        raise ConfigError(f"params.shard.index must be below {of}, not {index}")
    if of > chunks:
        raise ConfigError(
            f"params.shards: {of} shards of prompts that make {chunks} batches; at most {chunks} shards have something "
            "to do, or set batch_size lower"
        )
    return range(index * chunks // of, (index + 1) * chunks // of)


class Sampling:
    """One run over a list of problems. `rows_file` is where the rows end up, in the problems' order."""

    def __init__(
        self, job: Job, settings: Settings, specs: Sequence[RewardSpec], problems: Sequence[Row], rows_file: Path
    ) -> None:
        settings.template.check(problems)
        shard = shard_of(job.params, -(-len(problems) // settings.at_once))
        self._first_chunk = shard.start
        problems = problems[shard.start * settings.at_once : shard.stop * settings.at_once]
        self._job, self._settings, self._problems = job, settings, problems
        self._device = prepare(job)
        model = job.input("model")
        self._origin = job.origin(model)
        judges = load_judges(job, specs, self._device)  # first: vLLM counts what is in use against its share
        self._vllm: VllmGenerator | None = None
        if job.params.text("generator", "transformers", choices=("transformers", "vllm")) == "vllm":
            self._tokenizer = load_tokenizer(model)
            engine = VllmSettings.from_params(job.params)
            self._vllm = VllmGenerator(model, self._tokenizer, engine, device=self._device, seed=job.seed)
        else:
            self._model, self._tokenizer = load_to_answer(model, self._device)
        self._scorer = Scorer(job.reward_url, specs, judges, verdicts=True, audit=AUDIT)
        self._per_problem, self._per_chunk = settings.per_problem, settings.at_once
        self._rows_file = rows_file
        self._partial = rows_file.with_name(f".{rows_file.name}.partial")

    @property
    def total(self) -> int:
        """How many rows there will be."""
        return len(self._problems) * self._per_problem

    def run(self, metrics: Metrics) -> None:
        """Writes all rows, continuing from the job's checkpoint where it has one. Raises Stopped when asked to stop."""
        stop = StopRequest(self._job.deadline).install()
        first = self._restore(metrics)
        every = -(-self.total // _CHECKPOINTS)
        chunks = range(first, -(-len(self._problems) // self._per_chunk))
        with closing(self._scorer), self._partial.open("a", encoding="utf-8") as out:
            pending: tuple[int, list[Row], Future[list[Score]]] | None = None
            for number in [*chunks, None]:  # None: nothing to generate, the last chunk is still to be written
                current = None
                if number is not None and not stop.requested and (rows := self._generate(number, stop)) is not None:
                    current = (number, rows, self._scorer.submit(rows, [row["response"] for row in rows]))
                if pending is not None:
                    done = self._write(out, *pending, metrics)
                    before = pending[0] * self._per_chunk * self._per_problem
                    due = done // every > before // every
                    if done < self.total and (due or current is None):
                        self._save(pending[0] + 1, done)
                if current is None and number is not None:
                    raise Stopped
                pending = current
        os.replace(self._partial, self._rows_file)

    def _restore(self, metrics: Metrics) -> int:
        """Brings back the finished rows of a checkpoint and returns the first chunk that is missing."""
        resume = self._job.resume
        if resume is None:
            self._partial.write_bytes(b"")
            metrics.start(0, self.total)
            return 0
        step = verify_checkpoint(resume.path)
        progress = json.loads((resume.path / _PROGRESS).read_text(encoding="utf-8"))
        if progress["identity"] != self._identity():
            raise ConfigError(f"{resume.path} was made by a job with other problems or params: {progress['identity']}")
        shutil.copyfile(resume.path / ROWS, self._partial)
        metrics.resume(step, self.total, cursor=min(len(self._problems), progress["chunks"] * self._per_chunk))
        return int(progress["chunks"])

    def _save(self, chunks: int, rows: int) -> None:
        def write(folder: Path) -> None:
            shutil.copyfile(self._partial, folder / ROWS)
            progress = {"chunks": chunks, "identity": self._identity()}
            (folder / _PROGRESS).write_text(json.dumps(progress) + "\n", encoding="utf-8")

        save_checkpoint(self._job.checkpoints, rows, write)

    def _identity(self) -> dict[str, Any]:
        # What the rows of a chunk are a function of, as far as one process can mistake it.
        return {
            "seed": self._job.seed,
            "problems": len(self._problems),
            "per_problem": self._per_problem,
            "per_chunk": self._per_chunk,
            **({"first_chunk": self._first_chunk} if self._first_chunk else {}),
            "model": self._origin["model_sha256"],
        }

    def _generate(self, number: int, stop: StopRequest) -> list[Row] | None:
        """The rows of a chunk, or None where it was broken off to stop."""
        problems = self._problems[number * self._per_chunk : (number + 1) * self._per_chunk]
        seed = rng(self._job.seed, "sample", self._first_chunk + number).getrandbits(63)
        try:
            return answer(self._completing(seed, stop), self._tokenizer, problems, self._settings)
        except Stopped:
            return None

    def _completing(self, seed: int, stop: StopRequest) -> Complete:
        """How a chunk of this seed is answered. Only vLLM, whose batches are large, stops amid one."""
        settings, vllm = self._settings, self._vllm
        if vllm is None:
            generator = torch.Generator(self._device)
            generator.manual_seed(seed)
            return by_transformers(self._model, self._tokenizer, settings, generator)
        return lambda prompts, samples, greedy: vllm.complete(
            prompts,
            samples,
            temperature=settings.temperature,
            top_p=settings.top_p,
            max_tokens=settings.max_tokens,
            seed=seed,
            greedy=greedy,
            interrupted=lambda: stop.requested,
        )

    def _write(self, out: Any, number: int, rows: list[Row], verdicts: Future[list[Score]], metrics: Metrics) -> int:
        """Appends a chunk's rows with their verdicts; returns how many rows there are now."""
        self._scorer.collect(verdicts, rows, [row["response"] for row in rows], None).mark(rows)
        for row in rows:
            row["origin"] = self._origin
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        out.flush()
        done = number * self._per_chunk * self._per_problem + len(rows)
        metrics.step(done, summarize(rows), total=self.total)
        metrics.text(done, str(rows[0]["prompt"]), str(rows[0]["response"]))
        return done


def read_back(rows_file: Path) -> Iterator[Row]:
    """The rows of a finished run, one at a time."""
    with rows_file.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


# What a row has as a sample. Where a sample is itself the problem (to be judged, say) it stays, under `of`.
_SAMPLED = ("sample", "response", "tokens", "thinking_tokens", "finish", "verdict", "audit", "rewards", "origin")


def _problem(row: Row) -> Row:
    if row.get("response") is None:
        return row
    of = {name: row[name] for name in _SAMPLED if name in row}
    if "of" in row:
        of["of"] = row["of"]
    return {**{name: value for name, value in row.items() if name not in _SAMPLED}, "of": of}


def _row(problem: Row, sample: int, completion: Completion, template: Template) -> Row:
    return {
        **_problem(problem),
        "sample": sample,
        "response": template.response(completion.text),
        "tokens": len(completion.token_ids),
        "finish": completion.finish,
    }


def thinking_tokens(tokenizer: Any, responses: Sequence[str]) -> list[int]:
    """How many tokens each response thinks: up to `</think>`, or all of it where it began to think and never ended."""
    thinking = []
    for response in responses:
        before, end, _ = response.partition("</think>")
        _, begin, after = before.partition("<think>")
        thinking.append(after if begin else before if end else "")
    return [len(ids) for ids in tokenizer(thinking, add_special_tokens=False)["input_ids"]]
