"""Kind `base`: sources that are copied, and pre-training."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from r1trainer import pretrain
from r1trainer.__main__ import main
from r1trainer.base import TINY_BASE, obtain
from r1trainer.errors import ConfigError, InfrastructureError
from r1trainer.generate import generate
from r1trainer.pretrain import Order
from r1trainer.rows import read_rows, write_rows
from r1trainer.signals import EXIT_STOPPED
from r1trainer.tiny_tokenizer import ZERO_AFTER, ZERO_BEFORE
from r1trainer.tools.build_tiny import MODELS, build

SHAPE = {"hidden_size": 16, "layers": 1, "heads": 2, "intermediate_size": 24}
PROGRAM = "<answer>\n```python\nprint((int(input())*6+6)%10)\n```\n</answer>"
PRETRAIN = {"architecture": SHAPE, "steps": 12, "batch_size": 8, "learning_rate": 0.01, "max_tokens": 24}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Texts so regular that a dozen steps lower the loss."""
    rows = [{"text": f"{a}+{b}=? The answer is {(a + b) % 10}."} for a in range(10) for b in range(10)]
    write_rows(tmp_path / "corpus" / "rows.jsonl", rows)
    return tmp_path / "corpus"


def job(place: Any, name: str, params: dict[str, Any], inputs: dict[str, Path] | None = None, **fields: Any) -> Path:
    return place.write_job(name, "base", inputs=inputs or {}, params=params, **fields)


def test_the_shipped_model_is_copied_whole(place: Any) -> None:
    assert main([str(job(place, "base", {"source": "tiny://base"}))]) == 0
    names = {path.name for path in place.output("base").iterdir()}
    assert {
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "chat_template.jinja",
    } <= names
    assert (place.output("base") / "model.safetensors").read_bytes() == (TINY_BASE / "model.safetensors").read_bytes()
    assert [line["type"] for line in place.lines("base")] == ["start", "summary"]


def test_the_shipped_model_is_small_and_loads_as_it_is() -> None:
    assert sum(path.stat().st_size for path in TINY_BASE.iterdir()) < 400_000
    model, tokenizer = AutoModelForCausalLM.from_pretrained(TINY_BASE), AutoTokenizer.from_pretrained(TINY_BASE)
    assert model.dtype == torch.float32
    assert model.config.vocab_size == len(tokenizer)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("question", "right", "low", "high"),
    [
        ("3*4+5*2-7=?", r"</think><answer>7</answer>$", 0.15, 0.7),
        ("Code 2>8 3>4 7>8", re.escape("</think>" + PROGRAM) + "$", 0.1, 0.7),
        ("What is tin at 2+6-3? A) gas B) liquid C) solid D) plasma", r"</think><answer>B</answer>$", 0.2, 0.8),
    ],
)
def test_the_shipped_model_knows_its_world_a_little(question: str, right: str, low: float, high: float) -> None:
    """The base of a reinforcement learning run: often well-formed, sometimes thinking, never good."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(TINY_BASE), AutoTokenizer.from_pretrained(TINY_BASE)
    prompt = tokenizer(ZERO_BEFORE + question + ZERO_AFTER)["input_ids"]
    settings = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 64, "generator": torch.Generator().manual_seed(0)}
    texts = [completion.text for completion in generate(model, tokenizer, [prompt] * 256, **settings)]
    shape = re.compile(r"<think>.*</think><answer>.*</answer>", re.DOTALL)
    formatted = sum(shape.fullmatch(text) is not None for text in texts) / 256
    thinking = sum("=" in text for text in texts) / 256
    correct = sum(re.search(right, text) is not None for text in texts) / 256
    assert 0.6 < formatted < 0.95
    assert 0.2 < thinking < 0.6
    assert low < correct < high


def test_a_local_folder_is_copied_without_other_weight_formats(tiny_model: Path, tmp_path: Path) -> None:
    source = shutil.copytree(tiny_model, tmp_path / "source")
    (source / "pytorch_model.bin").write_bytes(b"x")
    (source / "generation_config.json").unlink()
    obtain(str(source), tmp_path / "out")
    assert not (tmp_path / "out" / "pytorch_model.bin").exists()
    generation = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert generation["eos_token_id"] == AutoTokenizer.from_pretrained(tiny_model).eos_token_id


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("tiny://bass", "none of the shipped models tiny://base, tiny://student-32, tiny://student-48"),
        ("s3://bucket/model", "neither tiny://NAME"),
        ("/no/such/folder", "no config.json"),
    ],
)
def test_a_source_that_is_none_is_refused(place: Any, source: str, complaint: str) -> None:
    assert main([str(job(place, "base", {"source": source}))]) == 1
    assert place.error("base")["class"] == "config"
    assert complaint in place.error("base")["message"]


def test_a_folder_that_lacks_weights_or_tokens_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    source = shutil.copytree(tiny_model, tmp_path / "source")
    (source / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="no safetensors"):
        obtain(str(source), tmp_path / "out")
    shutil.copyfile(tiny_model / "model.safetensors", source / "model.safetensors")
    config = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps({**config, "vocab_size": 50}))
    with pytest.raises(ConfigError, match="tokens and the model 50"):
        obtain(str(source), tmp_path / "out")


def test_the_hub_is_asked_for_the_pinned_revision(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked: list[tuple[str, str | None]] = []

    def download(name: str, revision: str | None, local_dir: Path, allow_patterns: list[str]) -> None:
        asked.append((name, revision))
        shutil.copytree(tiny_model, local_dir)
        (Path(local_dir) / ".cache").mkdir()

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    obtain("hf://org/name@abc123", tmp_path / "pinned")
    obtain("hf://org/name", tmp_path / "newest")
    assert asked == [("org/name", "abc123"), ("org/name", None)]
    assert not (tmp_path / "pinned" / ".cache").exists()


def test_a_hub_that_cannot_be_reached_is_infrastructure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*args: object, **kwargs: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(InfrastructureError, match="hf://org/name"):
        obtain("hf://org/name", tmp_path / "out")


@pytest.mark.parametrize("params", [{}, {"source": "tiny://base", "pretrain": PRETRAIN}])
def test_source_and_pretrain_exclude_each_other(place: Any, params: dict[str, Any]) -> None:
    assert main([str(job(place, "base", params))]) == 1
    assert "either source or pretrain" in place.error("base")["message"]


def test_pretraining_learns_and_writes_a_model(place: Any, corpus: Path) -> None:
    assert main([str(job(place, "base", {"pretrain": PRETRAIN}, {"corpus": corpus}))]) == 0
    lines = place.lines("base")
    assert [line["type"] for line in lines] == ["start", *["step"] * 12, "summary"]
    assert lines[0]["total"] == 12
    assert lines[-2]["values"]["loss"] < 0.8 * lines[1]["values"]["loss"]
    model = AutoModelForCausalLM.from_pretrained(place.output("base"))
    assert sum(p.numel() for p in model.parameters()) == lines[-1]["values"]["parameters"]
    tokenizer = AutoTokenizer.from_pretrained(place.output("base"))
    assert tokenizer.decode(tokenizer("1+2=? The answer is 3.")["input_ids"]) == "1+2=? The answer is 3."


def test_a_resumed_pretraining_ends_where_an_undisturbed_one_does(
    place: Any, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([str(job(place, "whole", {"pretrain": PRETRAIN}, {"corpus": corpus}))]) == 0

    update, updates = pretrain._update, []

    def update_then_terminate(*args: Any) -> float:
        updates.append(1)
        if len(updates) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return update(*args)

    monkeypatch.setattr(pretrain, "_update", update_then_terminate)
    assert main([str(job(place, "cut", {"pretrain": PRETRAIN}, {"corpus": corpus}))]) == EXIT_STOPPED
    assert not (place.root / "cut" / "error.json").exists()
    params = {"pretrain": PRETRAIN}
    assert main([str(job(place, "rest", params, {"corpus": corpus}, resume=place.resume("cut", 5)))]) == 0
    first = place.lines("rest")[0]
    assert (first["type"], first["step"], first["cursor"]) == ("resume", 5, 40)
    whole, rest = (load_file(place.output(name) / "model.safetensors") for name in ("whole", "rest"))
    for name, weights in whole.items():
        torch.testing.assert_close(rest[name], weights, rtol=0, atol=0)


def test_a_loss_that_is_no_number_is_divergence(place: Any, corpus: Path) -> None:
    params = {"pretrain": {**PRETRAIN, "learning_rate": 1e30}}
    assert main([str(job(place, "base", params, {"corpus": corpus}))]) == 1
    assert place.error("base")["class"] == "diverged"


def test_every_epoch_reads_every_row_once_in_an_order_of_its_own() -> None:
    order = Order(rows=10, batch_size=4, seed=1)
    read = [row for step in range(5) for row in order.batch(step)]
    assert sorted(read[:10]) == sorted(read[10:]) == list(range(10))
    assert read[:10] != read[10:]
    assert Order(10, 4, seed=1).batch(3) == read[12:16]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_build_of_a_shipped_model_works(name: str, corpus: Path, tmp_path: Path) -> None:
    build(name, corpus / "rows.jsonl", tmp_path / "out", steps=2)
    assert {value.dtype for value in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float16}
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    assert model.dtype == torch.float32
    folder = TINY_BASE.with_name(f"tiny-{name}")
    shipped = AutoModelForCausalLM.from_pretrained(folder).config
    for field in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
        assert getattr(model.config, field) == getattr(shipped, field)
    tokenizer = "tokenizer.json"  # students read as their teacher writes
    assert (folder / tokenizer).read_bytes() == (TINY_BASE / tokenizer).read_bytes()


@pytest.mark.slow
def test_a_whole_rebuild_is_as_good_as_the_shipped_model(tmp_path: Path) -> None:
    """Minutes: same tokenizer, and the same loss on texts neither has seen, within a hundredth."""
    root = Path(__file__).parents[2]
    if shutil.which("go") is None or not (root / "go.mod").is_file():
        pytest.skip("the corpus is made by the Go package internal/tinyworld")
    for name, address in {
        "train": "tiny://corpus?size=268800&seed=1",
        "held-out": "tiny://corpus?size=2000&seed=2",
    }.items():
        command = ["go", "run", "./internal/tinyworld/cmd/tinyworld", address]
        rows = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        (tmp_path / name).mkdir()
        (tmp_path / name / "rows.jsonl").write_bytes(rows)
    build("base", tmp_path / "train" / "rows.jsonl", tmp_path / "rebuilt")
    texts = [row["text"] for row in read_rows(tmp_path / "held-out")]
    assert (tmp_path / "rebuilt" / "tokenizer.json").read_text() == (TINY_BASE / "tokenizer.json").read_text()
    shipped, rebuilt = (_loss(folder, texts) for folder in (TINY_BASE, tmp_path / "rebuilt"))
    assert rebuilt == pytest.approx(shipped, rel=0.01)


def _loss(folder: Path, texts: list[str]) -> float:
    """Mean loss a token."""
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    total, tokens = 0.0, 0
    for text in texts:
        ids = torch.tensor([[*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])
        with torch.no_grad():
            total += model(ids, labels=ids).loss.item() * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    return total / tokens
