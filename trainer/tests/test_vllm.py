"""The vLLM generator against a fake `vllm`, which keeps the part of the API that is used and makes tokens up: what it
is asked, what becomes of its answers and errors, and how it ends. test_vllm_real.py asks a real one."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from r1trainer import vllm_generator
from r1trainer.__main__ import main
from r1trainer.errors import ConfigError, OutOfMemory, classify
from r1trainer.job import Params
from r1trainer.models import load_tokenizer
from r1trainer.signals import EXIT_STOPPED
from r1trainer.vllm_generator import VllmGenerator, VllmSettings

PROBLEMS = [
    {"id": f"id{i}", "domain": "arithmetic", "prompt": f"{i}+1=?", "gold": str(i + 1), "verifier": "integer"}
    for i in range(11)
]


class FakeLLM:
    """Answers every request in the engine step whose number is that of its tokens, the last asked first."""

    def __init__(self, fake: FakeVllm, arguments: dict[str, Any]) -> None:
        fake.engines.append(self)
        self.arguments = arguments
        self.llm_engine = self
        self._fake = fake
        self._waiting: dict[int, tuple[list[int], Any]] = {}
        self._asked = 0
        if fake.refusal is not None:
            raise fake.refusal
        fake.on_start()

    def reset_prefix_cache(self) -> bool:
        self._fake.calls.append("reset")
        return True

    def enqueue(self, prompts: list[dict[str, Any]], params: list[Any], use_tqdm: bool) -> list[str]:
        assert not use_tqdm
        self._fake.calls.append("enqueue")
        for prompt, asked in zip(prompts, params, strict=True):
            self._waiting[self._asked] = (prompt["prompt_token_ids"], asked)
            self._fake.asked.append((prompt["prompt_token_ids"], asked))
            self._asked += 1
        return [str(n) for n in self._waiting]

    def has_unfinished_requests(self) -> bool:
        return bool(self._waiting)

    def step(self) -> list[Any]:
        self._fake.on_step()
        number = max(self._waiting)
        prompt, asked = self._waiting.pop(number)
        outputs = [self._output(prompt, asked, index) for index in range(asked.n)]
        return [SimpleNamespace(request_id=str(number), finished=True, outputs=outputs[::-1])]

    def _output(self, prompt: list[int], asked: Any, index: int) -> Any:
        draw = random.Random(f"{prompt} {asked.seed + index if asked.temperature else ''}")
        tokens = [draw.randrange(5, 15) for _ in range(draw.randrange(1, 2 * asked.max_tokens))]
        ends = len(tokens) < asked.max_tokens
        tokens = [*tokens, asked.stop_token_ids[0]] if ends else tokens[: asked.max_tokens]
        reason = self._fake.reason or ("stop" if ends else "length")
        return SimpleNamespace(index=index, token_ids=tuple(tokens), finish_reason=reason)


class FakeVllm(ModuleType):
    """The module, with what it was asked."""

    def __init__(self) -> None:
        super().__init__("vllm")
        self.engines: list[FakeLLM] = []
        self.asked: list[tuple[list[int], Any]] = []
        self.calls: list[str] = []
        self.refusal: Exception | None = None  # what the engine says instead of starting
        self.reason: str | None = None  # why it ends responses
        self.on_start = self.on_step = lambda: None

    def LLM(self, **arguments: Any) -> FakeLLM:
        return FakeLLM(self, arguments)

    def SamplingParams(self, **arguments: Any) -> Any:
        return SimpleNamespace(**arguments)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeVllm:
    module = FakeVllm()
    monkeypatch.setitem(sys.modules, "vllm", module)
    return module


def generator(tiny_model: Path, **arguments: Any) -> VllmGenerator:
    settings = VllmSettings.from_params(Params({"vllm": arguments}))
    return VllmGenerator(tiny_model, load_tokenizer(tiny_model), settings, device=torch.device("cpu"), seed=2**40 + 3)


def job(place: Any, name: str, model: Path, kind: str, url: str, **fields: Any) -> Path:
    params = {
        "template": {"text": "Q: {prompt} A:", "prefill": "<think>"},
        "samples_per_prompt": 3,
        "max_tokens": 12,
        "batch_size": 7,
        "rewards": [{"name": "accuracy"}],
        "generator": "vllm",
        **fields.pop("params", {}),
    }
    given, made = {"sample": ("prompts", "samples"), "evaluate": ("problems", "report")}[kind]
    inputs = {"model": model, given: place.dataset(given, PROBLEMS)}
    outputs = {made: {"samples": "dataset", "report": "report"}[made]}
    return place.write_job(name, kind, inputs=inputs, outputs=outputs, params=params, reward_url=url, **fields)


def rows_of(place: Any, name: str, output: str = "samples") -> list[dict[str, Any]]:
    text = (place.output(name, output) / "samples.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_rows_are_those_of_the_kind(place: Any, tiny_model: Path, verifier: Any, fake: FakeVllm) -> None:
    assert main([str(job(place, "job", tiny_model, "sample", verifier.url))]) == 0
    rows = rows_of(place, "job")
    assert [(row["id"], row["sample"]) for row in rows] == [(p["id"], n) for p in PROBLEMS for n in range(3)]
    assert {row["finish"] for row in rows} == {"stop", "length"}
    assert all((row["tokens"] == 12) or row["finish"] == "stop" for row in rows)
    assert all(row["response"].startswith("<think>") and row["verdict"]["label"] == "correct" for row in rows)
    expected = {
        *PROBLEMS[0],
        "sample",
        "response",
        "tokens",
        "thinking_tokens",
        "finish",
        "verdict",
        "rewards",
        "origin",
    }
    assert set(rows[0]) == expected
    assert [line["step"] for line in place.lines("job") if line["type"] == "step"] == [6, 12, 18, 24, 30, 33]


def test_greedy_answers_come_last_and_take_the_most_probable_token(
    place: Any, tiny_model: Path, verifier: Any, fake: FakeVllm
) -> None:
    path = job(place, "job", tiny_model, "evaluate", verifier.url, params={"greedy": True, "batch_size": 8})
    assert main([str(path)]) == 0
    rows = rows_of(place, "job", "report")
    assert [row.get("greedy", False) for row in rows] == [False, False, False, True] * len(PROBLEMS)
    greedy = [asked for _, asked in fake.asked if asked.temperature == 0]
    assert len(greedy) == len(PROBLEMS)
    assert {asked.n for asked in greedy} == {1}


def test_what_the_engine_is_given(tiny_model: Path, fake: FakeVllm) -> None:
    generator(tiny_model, tensor_parallel_size=2, max_model_len=64, gpu_memory_utilization=0.5)
    assert fake.engines[0].arguments == {
        "model": str(tiny_model),
        "skip_tokenizer_init": True,
        "generation_config": "vllm",
        "dtype": "float32",
        "seed": (2**40 + 3) % 2**32,
        "tensor_parallel_size": 2,
        "max_model_len": 64,
        "gpu_memory_utilization": 0.5,
        "enable_prefix_caching": True,
        "enforce_eager": False,
    }
    assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_what_a_request_asks(tiny_model: Path, fake: FakeVllm) -> None:
    engine = generator(tiny_model)
    ask = {"temperature": 0.6, "top_p": 0.95, "max_tokens": 8}
    first = engine.complete([[5, 6], [5, 7], [5, 6]], 3, seed=1, **ask)
    asked = [params for _, params in fake.asked]
    assert [(a.n, a.temperature, a.top_p, a.max_tokens, a.ignore_eos) for a in asked] == [(3, 0.6, 0.95, 8, True)] * 3
    assert asked[0].stop_token_ids == [load_tokenizer(tiny_model).eos_token_id]
    assert len({a.seed + n for a in asked for n in range(3)}) == 9, "every response has a seed of its own"
    assert fake.calls == ["reset", "enqueue"], "no cache of what was asked before"
    assert first == engine.complete([[5, 6], [5, 7], [5, 6]], 3, seed=1, **ask)
    assert first != engine.complete([[5, 6], [5, 7], [5, 6]], 3, seed=2, **ask)


def test_a_job_that_was_stopped_amid_a_batch_resumes_to_the_same_rows(
    place: Any, tiny_model: Path, verifier: Any, fake: FakeVllm
) -> None:
    assert main([str(job(place, "whole", tiny_model, "sample", verifier.url))]) == 0
    steps = iter(range(1000))
    fake.on_step = lambda: os.kill(os.getpid(), signal.SIGTERM) if next(steps) == 4 else None
    assert main([str(job(place, "cut", tiny_model, "sample", verifier.url))]) == EXIT_STOPPED
    done = [line["step"] for line in place.lines("cut") if line["type"] == "step"]
    assert done == [6, 12], "the third batch was broken off, those before it are kept"
    fake.on_step = lambda: None
    path = job(place, "again", tiny_model, "sample", verifier.url, resume=place.resume("cut", 12))
    assert main([str(path)]) == 0

    def bare(name: str) -> list[dict[str, Any]]:
        return [{k: v for k, v in row.items() if k != "origin"} for row in rows_of(place, name)]

    assert bare("again") == bare("whole")


def test_workers_do_not_see_the_request_to_stop(tiny_model: Path, fake: FakeVllm) -> None:
    blocked = []

    def start_a_worker() -> None:
        process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
        process.start()
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        process.kill()
        process.join()
        mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk"))
        blocked.append(bool(int(mask, 16) & 1 << (signal.SIGTERM - 1)))

    fake.on_start = start_a_worker
    generator(tiny_model)
    start_a_worker()
    assert blocked == [True, False]


def test_without_vllm_the_error_says_what_to_install(
    place: Any, tiny_model: Path, verifier: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    path = job(place, "job", tiny_model, "sample", verifier.url)
    assert main([str(path)]) == 1
    error = place.error("job")
    assert (error["class"], error["type"]) == ("config", "vllm-no-gpu")
    assert "generator: transformers" in error["remedy"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(ConfigError) as missing:
        vllm_generator._import_vllm()
    assert missing.value.name == "vllm-missing"
    assert "r1ctl setup --generator vllm" in str(missing.value.remedy)


@pytest.mark.parametrize(
    ("refusal", "kind", "name"),
    [
        # Beginnings of what vLLM 0.32 says: vllm/v1/core/kv_cache_utils.py, worker/utils.py, config/device.py.
        (ValueError("No available memory for the cache blocks. Try increasing"), "oom", "out-of-memory"),
        (
            ValueError("8.0 GiB KV cache is needed, which is larger than the available KV cache memory (1.0"),
            "oom",
            "out-of-memory",
        ),
        (ValueError("on startup is less than desired GPU memory utilization (0.9, 72 GiB)"), "oom", "out-of-memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "oom", None),
        (RuntimeError("Failed to infer device type, please set"), "config", "vllm-no-gpu"),
        (RuntimeError("Device string must not be empty"), "config", "vllm-no-gpu"),
        (RuntimeError("something else"), "program", None),
    ],
)
def test_a_refusal_has_its_class(
    tiny_model: Path, fake: FakeVllm, refusal: Exception, kind: str, name: str | None
) -> None:
    fake.refusal = refusal
    with pytest.raises(Exception) as told:  # noqa: PT011
        generator(tiny_model)
    assert classify(told.value) == kind
    assert getattr(told.value, "name", None) == name
    if isinstance(told.value, OutOfMemory):
        assert str(refusal) in str(told.value)
        raises = "less than desired" not in str(refusal)
        assert str(told.value.remedy).startswith("lower vllm.max_model_len" if raises else "lower vllm.gpu_memory")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"tensor_parallel_size": 3}, "3 does not divide the model's 2 attention heads"),
        ({"max_model_len": 512}, "512 is more than the model's 256 positions"),
        ({"gpu_memory_utilization": 1.5}, "at most 1"),
        ({"gpu_memory_utilization": 0}, "above 0"),
        ({"tensor_parallel_size": 0}, "at least 1"),
    ],
)
def test_arguments_that_cannot_be_served_are_refused(
    tiny_model: Path, fake: FakeVllm, arguments: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        generator(tiny_model, **arguments)
    assert not fake.engines


def test_a_prompt_that_leaves_no_room_is_refused(tiny_model: Path, fake: FakeVllm) -> None:
    engine = generator(tiny_model, max_model_len=16)
    with pytest.raises(ConfigError, match="do not fit the model's 16 positions"):
        engine.complete([[5] * 9], 1, temperature=1.0, top_p=1.0, max_tokens=8, seed=1)


def test_a_response_that_ended_for_another_reason_is_no_response(tiny_model: Path, fake: FakeVllm) -> None:
    fake.reason = "abort"
    with pytest.raises(RuntimeError, match="abort"):
        generator(tiny_model).complete([[5]], 1, temperature=1.0, top_p=1.0, max_tokens=8, seed=1)


def test_an_unknown_generator_is_refused(place: Any, tiny_model: Path, verifier: Any) -> None:
    path = job(place, "job", tiny_model, "sample", verifier.url, params={"generator": "sglang"})
    assert main([str(path)]) == 1
    assert "one of transformers, vllm" in (path.parent / "error.json").read_text(encoding="utf-8")
