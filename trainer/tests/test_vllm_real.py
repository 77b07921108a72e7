"""The vLLM generator on a real vLLM, where this Python has one (docs/setup.md): beside the Transformers generator, on a
model of random weights. A CPU build of vLLM serves, with VLLM_CPU_KVCACHE_SPACE=1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm")

import torch

from r1trainer.__main__ import main
from r1trainer.errors import ConfigError
from r1trainer.generate import generate
from r1trainer.job import Params
from r1trainer.models import load_causal_lm, load_tokenizer
from r1trainer.signals import Stopped
from r1trainer.vllm_generator import VllmGenerator, VllmSettings

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
POSITIONS = 256
TOKENS = 40


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads of a size that every attention of vLLM has, weights that do not repeat one token, and three end tokens."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from r1trainer.tiny_tokenizer import build_tokenizer

    folder = tmp_path_factory.mktemp("model")
    tokenizer = build_tokenizer(["1+1=?"])
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            num_hidden_layers=3,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            intermediate_size=256,
            max_position_embeddings=POSITIONS,
            tie_word_embeddings=True,
            initializer_range=0.2,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, *tokenizer("37")["input_ids"]]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def prompts(model_folder: Path) -> list[list[int]]:
    tokenizer = load_tokenizer(model_folder)
    return [tokenizer(f"Q: {i}+{i * i}=? A:")["input_ids"] for i in range(24)]


@pytest.fixture(scope="module")
def engine(model_folder: Path) -> VllmGenerator:
    settings = VllmSettings.from_params(
        Params({"vllm": {"max_model_len": 128, "enforce_eager": True, "gpu_memory_utilization": 0.5}})
    )
    return VllmGenerator(model_folder, load_tokenizer(model_folder), settings, device=DEVICE, seed=5)


def sampled(engine: VllmGenerator, prompts: list[list[int]], seed: int, temperature: float = 1.0) -> Any:
    return engine.complete(prompts, 4, temperature=temperature, top_p=0.95, max_tokens=TOKENS, seed=seed)


def test_greedy_responses_are_those_of_transformers(
    engine: VllmGenerator, model_folder: Path, prompts: list[list[int]]
) -> None:
    ours = engine.complete(prompts, 1, temperature=1.0, top_p=1.0, max_tokens=TOKENS, seed=1, greedy=True)
    model, tokenizer = load_causal_lm(model_folder, DEVICE, train=False), load_tokenizer(model_folder)
    theirs = generate(model, tokenizer, prompts, temperature=1.0, top_p=1.0, max_tokens=TOKENS, greedy=True)
    assert [(c.token_ids, c.text, c.finish) for c in ours] == [(c.token_ids, c.text, c.finish) for c in theirs]
    assert {c.finish for c in ours} == {"stop", "length"}, "both ends are compared"


def test_the_chances_of_first_tokens_are_those_of_transformers(
    engine: VllmGenerator, model_folder: Path, prompts: list[list[int]]
) -> None:
    model = load_causal_lm(model_folder, DEVICE, train=False)
    with torch.no_grad():
        chances = model(torch.tensor([prompts[0]], device=DEVICE)).logits[0, -1].float().softmax(-1).cpu()
    draws = engine.complete([prompts[0]], 4000, temperature=1.0, top_p=1.0, max_tokens=1, seed=3)
    seen = torch.bincount(torch.tensor([c.token_ids[0] for c in draws]), minlength=len(chances)) / len(draws)
    assert float((seen - chances).abs().max()) < 0.03, "3 standard errors of a share of a half are 0.024"


def test_equal_seeds_give_equal_responses_whatever_was_asked_before(
    engine: VllmGenerator, prompts: list[list[int]]
) -> None:
    first = sampled(engine, prompts, seed=7)
    other = sampled(engine, prompts[::-1], seed=8)
    again = sampled(engine, prompts, seed=7)
    assert first == again
    assert first != other
    assert len({tuple(c.token_ids) for c in first[:4]}) > 1, "samples of a prompt are draws of their own"


def test_a_nucleus_of_nearly_nothing_is_greedy(engine: VllmGenerator, prompts: list[list[int]]) -> None:
    narrow = engine.complete(prompts, 1, temperature=1.0, top_p=1e-6, max_tokens=TOKENS, seed=2)
    greedy = engine.complete(prompts, 1, temperature=1.0, top_p=1.0, max_tokens=TOKENS, seed=2, greedy=True)
    assert [c.token_ids for c in narrow] == [c.token_ids for c in greedy]


def test_what_does_not_fit_is_refused(engine: VllmGenerator) -> None:
    with pytest.raises(ConfigError, match="128 positions"):
        engine.complete([[1] * 100], 1, temperature=1.0, top_p=1.0, max_tokens=29, seed=1)


def test_a_request_to_stop_ends_a_batch(model_folder: Path, prompts: list[list[int]]) -> None:
    settings = VllmSettings.from_params(Params({"vllm": {"enforce_eager": True, "gpu_memory_utilization": 0.3}}))
    engine = VllmGenerator(model_folder, load_tokenizer(model_folder), settings, device=DEVICE, seed=5)
    asked = iter([False, False, True])
    with pytest.raises(Stopped):
        engine.complete(prompts, 1, temperature=1.0, top_p=1.0, max_tokens=9, seed=1, interrupted=lambda: next(asked))


@pytest.mark.parametrize("kind", ["sample", "evaluate"])
def test_a_job_writes_the_rows_of_its_kind(place: Any, verifier: Any, model_folder: Path, kind: str) -> None:
    problems = [{"id": f"id{i}", "domain": "arithmetic", "prompt": f"{i}+1=?", "gold": "1"} for i in range(5)]
    given = {"sample": "prompts", "evaluate": "problems"}[kind]
    made = {"sample": ("samples", "dataset"), "evaluate": ("report", "report")}[kind]
    params = {
        "template": {"chat": True, "prefill": "<think>"},
        "samples_per_prompt": 3,
        "max_tokens": 12,
        "batch_size": 6,
        "greedy": kind == "evaluate",
        "rewards": [{"name": "accuracy"}],
        "generator": "vllm",
        "vllm": {"max_model_len": 128, "enforce_eager": True, "gpu_memory_utilization": 0.3},
    }
    inputs = {"model": model_folder, given: place.dataset(given, problems)}
    path = place.write_job("job", kind, inputs=inputs, outputs=dict([made]), params=params, reward_url=verifier.url)
    assert main([str(path)]) == 0
    lines = (place.output("job", made[0]) / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    each = 3 + (kind == "evaluate")
    assert [(row["id"], row["sample"]) for row in rows] == [(p["id"], n) for p in problems for n in range(each)]
    assert all(row["response"].startswith("<think>") and 1 <= row["tokens"] <= 12 for row in rows)
