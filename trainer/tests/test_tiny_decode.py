"""A tiny model read without Transformers: it is the same model, and any other is left to Transformers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import FakeVerifier, Workplace
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from r1trainer.base import ASSETS, TINY_BASE
from r1trainer.generate import generate, stop_token_ids
from r1trainer.models import TOKENIZER_FILES, load_to_answer
from r1trainer.templates import Template
from r1trainer.tiny_decode import TinyLlama
from r1trainer.tiny_tokenizer import ZERO_AFTER, ZERO_BEFORE, TinyTokenizer, build_tokenizer

TEMPLATES = [Template(ZERO_BEFORE + "{prompt}" + ZERO_AFTER, "<think>"), Template(None), Template(None, "<think>\n")]
PROMPTS = ["3*4+5*2-7=?", "Is it so? Say why, {prompt}", " 〇一 ", "é\n\t{}", ""]
CPU = torch.device("cpu")


@pytest.fixture(params=["shipped", "untied", "grouped", "half precision"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "shipped":
        return TINY_BASE
    tokenizer = build_tokenizer(["so it is"])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2 if request.param == "grouped" else 4,
        intermediate_size=48,
        max_position_embeddings=400,
        initializer_range=0.3,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        tie_word_embeddings=request.param != "untied",
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model = model.half() if request.param == "half precision" else model
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_it_answers_as_transformers_does(folder: Path) -> None:
    tiny, tiny_tokenizer = load_to_answer(folder, CPU)
    assert (type(tiny), type(tiny_tokenizer)) == (TinyLlama, TinyTokenizer)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert stop_token_ids(tiny, tiny_tokenizer) == stop_token_ids(model, tokenizer)

    prompts = [TEMPLATES[i % 2].prompt_ids(tokenizer, f"{i}+{i}*{i}=?" + " Why?" * (i % 3)) for i in range(24)]
    settings: dict[str, Any] = {"temperature": 0.8, "top_p": 0.95, "max_tokens": 24}
    for greedy in (False, True):
        ours, theirs = (
            generate(*pair, prompts, greedy=greedy, generator=torch.Generator().manual_seed(5), **settings)
            for pair in ((tiny, tiny_tokenizer), (model, tokenizer))
        )
        assert [(c.token_ids, c.text, c.finish) for c in ours] == [(c.token_ids, c.text, c.finish) for c in theirs]
    for prompt, completion in zip(prompts, ours, strict=True):
        with torch.no_grad():
            logits = model(torch.tensor([prompt + completion.token_ids])).logits[0, len(prompt) - 1 : -1]
        expected = logits.log_softmax(-1).gather(1, torch.tensor(completion.token_ids).unsqueeze(1)).squeeze(1)
        torch.testing.assert_close(torch.tensor(completion.logprobs), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("folder", ["shipped", "untied"], indirect=True)
def test_it_reads_and_writes_text_as_transformers_does(folder: Path) -> None:
    tiny, tokenizer = TinyTokenizer.load(folder, TOKENIZER_FILES), AutoTokenizer.from_pretrained(folder)
    assert tiny is not None
    assert (tiny.eos_token_id, tiny.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)
    for template in TEMPLATES:
        for prompt in PROMPTS:
            assert template.context(tiny, prompt) == template.context(tokenizer, prompt)
            assert template.prompt_ids(tiny, prompt) == template.prompt_ids(tokenizer, prompt)
    assert tiny(PROMPTS)["input_ids"] == tokenizer(PROMPTS)["input_ids"]
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    assert tiny.apply_chat_template(turns, tokenize=False) == tokenizer.apply_chat_template(turns, tokenize=False)
    rows = [list(range(len(tokenizer))), tokenizer("<think>so 7</think>")["input_ids"] + [tiny.eos_token_id], []]
    for skip in (True, False):
        options = {"skip_special_tokens": skip, "clean_up_tokenization_spaces": False}
        assert tiny.batch_decode(rows, **options) == tokenizer.batch_decode(rows, **options)


def config(**change: Any) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        raw = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**raw, **change}))

    return damage


def lose_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights.pop("model.layers.0.mlp.up_proj.weight")
    save_file(weights, folder / "model.safetensors")


@pytest.mark.parametrize(
    "change",
    [
        config(architectures=["MistralForCausalLM"]),
        config(attention_bias=True),
        config(hidden_act="gelu"),
        config(hidden_size=1024),
        config(rope_parameters={"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}),
        config(quantization_config={"bits": 4}),
        lose_a_weight,
        lambda folder: (folder / "generation_config.json").unlink(),
        lambda folder: (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors"),
    ],
)
def test_another_model_is_left_to_transformers(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = shutil.copytree(TINY_BASE, tmp_path / "model")
    assert TinyLlama.load(folder) is not None
    change(folder)
    assert TinyLlama.load(folder) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "chat_template.jinja").write_text("{{ messages }}"),
        lambda folder: (folder / "chat_template.jinja").unlink(),
        lambda folder: (folder / "added_tokens.json").write_text("{}"),
        lambda folder: (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "LlamaTokenizer"}'),
    ],
)
def test_another_tokenizer_is_left_to_transformers(tmp_path: Path, change: Callable[[Path], Any]) -> None:
    folder = shutil.copytree(TINY_BASE, tmp_path / "model")
    assert TinyTokenizer.load(folder, TOKENIZER_FILES) is not None
    change(folder)
    assert TinyTokenizer.load(folder, TOKENIZER_FILES) is None
    model, _ = load_to_answer(folder, CPU) if (folder / "chat_template.jinja").is_file() else (None, None)
    assert not isinstance(model, TinyLlama), "a tiny model goes with its tokenizer"


@pytest.mark.parametrize("kind", ["base", "sample", "evaluate"])
def test_a_job_that_does_not_train_is_spared_the_imports_of_one_that_does(
    place: Workplace, verifier: FakeVerifier, kind: str
) -> None:
    """Transformers takes seconds to import, TRL more: what copies or asks the tiny model does without them."""
    problems = place.dataset("problems", [{"prompt": "1+1=?", "domain": "arithmetic", "verifier": "integer"}])
    name = {"sample": "prompts", "evaluate": "problems"}.get(kind)
    answering = {"template": {"chat": True}, "max_tokens": 4, "rewards": [{"name": "accuracy"}]}
    job = place.write_job(
        "job",
        kind,
        inputs={"model": TINY_BASE, name: problems} if name else {},
        outputs={"base": {"model": "model"}, "sample": {"samples": "dataset"}}.get(kind, {"report": "report"}),
        params=answering if name else {"source": "tiny://base"},
        reward_url=verifier.url,
    )
    program = "import sys; from r1trainer.__main__ import main; assert main(sys.argv[1:]) == 0; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program, str(job)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"transformers", "trl", "datasets", "accelerate", "pandas"}
    assert ("torch" in loaded) == (kind != "base")


def test_the_shipped_models_are_complete() -> None:
    """A copy of one is not checked again."""
    folders = sorted(ASSETS.glob("tiny-*"))
    assert folders
    for folder in folders:
        assert isinstance(load_to_answer(folder, CPU)[0], TinyLlama), folder.name
        model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        assert model.config.vocab_size == len(tokenizer)
        assert model.generation_config.eos_token_id == tokenizer.eos_token_id
