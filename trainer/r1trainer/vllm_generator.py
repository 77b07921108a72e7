"""Sampling by vLLM, for `sample` and `evaluate` with `generator: vllm`: the same tokens in, the same rows out.

The engine runs in this process: the order in which it takes requests is then that in which they are given, and with one
GPU nothing has to be ended after it. Tensor parallel workers are processes of their own. They stay in the trainer's
process group, by which the agent kills them, and do not see the SIGTERM by which the agent asks the trainer to stop:
the batch in hand would end in an error instead.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import random
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from r1trainer.errors import ConfigError, OutOfMemory
from r1trainer.generate import Completion, check_request, stop_token_ids
from r1trainer.job import Params
from r1trainer.models import answer_dtype
from r1trainer.signals import Stopped

# For vLLM, which reads them when it is imported; what the environment says already stays.
_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # the engine in this process
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # CUDA does not survive a fork
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
}
# What vLLM says when memory is short, in errors of no type of its own (0.32), and what helps.
_MORE = "lower vllm.max_model_len, or raise vllm.gpu_memory_utilization or vllm.tensor_parallel_size"
_NO_MEMORY = {
    "No available memory for the cache blocks": _MORE,
    "larger than the available KV cache memory": _MORE,
    "less than desired GPU memory utilization": "lower vllm.gpu_memory_utilization: it is a share of the whole GPU, "
    "of which reward models and others have theirs",
}
# What it says, and torch for it, where there is no device.
_NO_GPU = ("Failed to infer device type", "Device string must not be empty", "No CUDA GPUs are available")


@dataclass(frozen=True)
class VllmSettings:
    """``params.vllm``, under vLLM's own names. A max_model_len of 0 leaves it the model's positions."""

    tensor_parallel_size: int
    max_model_len: int
    gpu_memory_utilization: float
    enable_prefix_caching: bool
    enforce_eager: bool

    @staticmethod
    def from_params(params: Params) -> VllmSettings:
        """Reads and checks them."""
        section = params.section("vllm") or Params({}, "params.vllm")
        share = section.number("gpu_memory_utilization", 0.9)
        if not 0 < share <= 1:
            raise ConfigError(f"params.vllm.gpu_memory_utilization must be above 0 and at most 1, not {share}")
        return VllmSettings(
            tensor_parallel_size=section.integer("tensor_parallel_size", 1, minimum=1),
            max_model_len=section.integer("max_model_len", 0),
            gpu_memory_utilization=share,
            enable_prefix_caching=section.flag("enable_prefix_caching", True),
            enforce_eager=section.flag("enforce_eager", False),
        )


class VllmGenerator:
    """A model in a vLLM engine. What a call of ``complete`` gives is a function of its arguments, on like machines."""

    def __init__(
        self, folder: Path, tokenizer: Any, settings: VllmSettings, *, device: torch.device, seed: int
    ) -> None:
        """Loads the model. Raises ConfigError where vLLM, a GPU for it or a fitting number of heads is missing, and
        OutOfMemory where weights and cache do not fit the memory it may use."""
        self._vllm = _import_vllm()
        config, generation = _configs(folder)
        heads = getattr(config, "num_attention_heads", None)
        if heads and heads % settings.tensor_parallel_size:
            raise ConfigError(
                f"params.vllm.tensor_parallel_size {settings.tensor_parallel_size} does not divide the model's "
                f"{heads} attention heads"
            )
        positions = getattr(config, "max_position_embeddings", None) or 0
        if settings.max_model_len and positions and settings.max_model_len > positions:
            raise ConfigError(
                f"params.vllm.max_model_len {settings.max_model_len} is more than the model's {positions} positions"
            )
        self._positions = settings.max_model_len or positions or None
        self._tokenizer = tokenizer
        self._stops = stop_token_ids(SimpleNamespace(generation_config=generation), tokenizer)
        with _sigterm_held(), _plain_words():
            self._llm = self._vllm.LLM(
                model=str(folder),
                skip_tokenizer_init=True,  # tokens go in and come out
                generation_config="vllm",  # the model's own sampling defaults have no say
                dtype=str(answer_dtype(device)).removeprefix("torch."),
                seed=seed % 2**32,
                tensor_parallel_size=settings.tensor_parallel_size,
                max_model_len=settings.max_model_len or None,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                enable_prefix_caching=settings.enable_prefix_caching,
                enforce_eager=settings.enforce_eager,
            )

    def complete(
        self,
        prompts: list[list[int]],
        samples: int,
        *,
        temperature: float,
        top_p: float,
        max_tokens: int,
        seed: int,
        greedy: bool = False,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> list[Completion]:
        """So many completions of each prompt, those of one together; `generate` says what the arguments mean. Each
        prompt draws from a seed of its own, made of ``seed`` and its place. There are no log-probabilities.

        Raises Stopped when ``interrupted`` says so between two tokens; the engine is of no more use then."""
        check_request(prompts, self._positions, temperature, top_p, max_tokens, greedy)
        # What is cached of earlier prompts changes how a sum is rounded, and a resumed job has nothing cached.
        self._llm.reset_prefix_cache()
        draw = random.Random(seed)
        requests = [
            self._vllm.SamplingParams(
                n=samples,
                temperature=0.0 if greedy else temperature,
                top_p=1.0 if greedy else top_p,
                max_tokens=max_tokens,
                seed=draw.getrandbits(62),  # sample i of a prompt has seed + i
                stop_token_ids=self._stops,
                ignore_eos=True,  # those are all that end a response
                detokenize=False,
            )
            for _ in prompts
        ]
        answered = []
        with _plain_words():
            self._llm.enqueue([{"prompt_token_ids": ids} for ids in prompts], requests, use_tqdm=False)
            while self._llm.llm_engine.has_unfinished_requests():
                if interrupted():
                    raise Stopped
                answered += [request for request in self._llm.llm_engine.step() if request.finished]
        answered.sort(key=lambda request: int(request.request_id))  # as they were asked
        outputs = [output for request in answered for output in sorted(request.outputs, key=lambda o: o.index)]
        tokens = [list(output.token_ids) for output in outputs]
        texts = self._tokenizer.batch_decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for output in outputs:
            if output.finish_reason not in ("stop", "length"):
                raise RuntimeError(f"vLLM ended a response for the reason {output.finish_reason!r}")
        return [
            Completion(ids, text, output.finish_reason, [])
            for ids, text, output in zip(tokens, texts, outputs, strict=True)
        ]


def _import_vllm() -> Any:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        return importlib.import_module("vllm")
    except ModuleNotFoundError as error:
        if error.name != "vllm":
            raise
        if not torch.cuda.is_available():
            raise _no_gpu() from error
        raise ConfigError(
            "params.generator is vllm, and the Python of this trainer has no vllm",
            name="vllm-missing",
            remedy="r1ctl setup --generator vllm; where trainer.command is yours, install requirements-vllm.lock "
            "in its environment (docs/setup.md), or set generator: transformers",
        ) from error


def _no_gpu() -> ConfigError:
    return ConfigError(
        "params.generator is vllm, and there is no GPU here that vLLM could run on",
        name="vllm-no-gpu",
        remedy="run the stage where there is a GPU, or set generator: transformers",
    )


def _configs(folder: Path) -> tuple[Any, Any]:
    """The config of the model's text part, and its generation config, made of the config where it has none."""
    from transformers import AutoConfig, GenerationConfig

    config = AutoConfig.from_pretrained(folder)
    try:
        generation = GenerationConfig.from_pretrained(folder)
    except OSError:
        generation = GenerationConfig.from_model_config(config)
    return config.get_text_config(), generation


@contextlib.contextmanager
def _sigterm_held() -> Iterator[None]:
    """Processes that are started meanwhile inherit that they do not see SIGTERM; for this one it comes afterwards."""
    resource_tracker.ensure_running()  # Python unblocks SIGTERM where it starts this one
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _plain_words() -> Iterator[None]:
    """Gives errors of vLLM the class that they have for us."""
    try:
        yield
    except Exception as error:
        text = str(error)
        for sign, remedy in _NO_MEMORY.items():
            if sign in text:
                raise OutOfMemory(f"vLLM: {text}", name="out-of-memory", remedy=remedy) from error
        if any(sign in text for sign in _NO_GPU):
            raise _no_gpu() from error
        raise
