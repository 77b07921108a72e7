"""Supervised fine-tuning and distillation: what is trained on, what is dropped, exact resume."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Workplace
from safetensors.torch import load_file

from r1trainer.__main__ import main
from r1trainer.checkpoint import sha256
from r1trainer.metrics import Metrics
from r1trainer.models import load_tokenizer
from r1trainer.sft import IGNORED, encode
from r1trainer.signals import EXIT_STOPPED
from r1trainer.templates import CHAT, Template

PARAMS: dict[str, Any] = {
    "epochs": 2,
    "learning_rate": 1e-3,
    "final_learning_rate": 1e-4,
    "schedule": "cosine",
    "batch_size": 4,
    "max_tokens": 64,
    "warmup_steps": 2,
    "checkpoint_steps": 3,
}


@pytest.fixture
def rows(place: Workplace) -> Path:
    rows = [
        {
            "id": str(i),
            "domain": "arithmetic",
            "prompt": f"{i}+{i}=?",
            "response": f"<think>{'1+' * (i % 7)}</think>{2 * i}",
        }
        for i in range(18)
    ]
    return place.dataset("sft", [*rows, {"id": "long", "prompt": "1=?", "response": "7" * 100}])


@pytest.fixture
def sft(place: Workplace, tiny_model: Path, rows: Path) -> Any:
    def run(name: str, **fields: Any) -> int:
        params = {**PARAMS, **fields.pop("params", {})}
        job = place.write_job(name, "sft", inputs={"model": tiny_model, "data": rows}, params=params, **fields)
        return main([str(job)])

    return run


def test_a_job_reports_every_step_and_counts_the_rows_it_drops(sft: Any, place: Workplace) -> None:
    assert sft("whole") == 0
    lines = place.lines("whole")
    assert (lines[0]["type"], lines[0]["total"]) == ("start", 9)
    steps = [line["values"] for line in lines if line["type"] == "step"]
    assert len(steps) == 9
    assert all({"loss", "learning_rate", "grad_norm", "tokens", "epoch"} <= values.keys() for values in steps)
    assert steps[-1]["epoch"] == 2.0
    rates = [values["learning_rate"] for values in steps]
    assert rates[0] == pytest.approx(5e-4)
    assert max(rates) == pytest.approx(1e-3)
    assert 1e-4 < rates[-1] < 2e-4
    assert lines[-1]["values"]["rows"] == 18
    assert lines[-1]["values"]["rows_dropped_too_long"] == 1


def test_a_resumed_job_ends_with_the_same_bytes_as_one_that_was_never_stopped(sft: Any, place: Workplace) -> None:
    assert sft("whole") == 0
    assert sft("again", resume=place.resume("whole", 6)) == 0
    first = place.lines("again")[0]
    assert (first["type"], first["step"], first["cursor"]) == ("resume", 6, 24)
    assert sha256(place.output("again") / "model.safetensors") == sha256(place.output("whole") / "model.safetensors")


def test_sigterm_saves_where_it_is_and_the_rest_ends_with_the_same_bytes(
    sft: Any, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sft("whole") == 0
    write = Metrics.step

    def write_and_terminate(metrics: Metrics, step: int, *args: Any, **fields: Any) -> None:
        write(metrics, step, *args, **fields)
        if step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(Metrics, "step", write_and_terminate)
    try:
        assert sft("killed", params={"checkpoint_steps": 100}) == EXIT_STOPPED
    finally:
        signal.signal(signal.SIGTERM, before)
        monkeypatch.undo()
    assert [path.name for path in (place.root / "killed" / "checkpoints").glob("step-*")] == ["step-5"]
    assert sft("again", resume=place.resume("killed", 5)) == 0
    assert sha256(place.output("again") / "model.safetensors") == sha256(place.output("whole") / "model.safetensors")


def test_guards_watch_the_loss(sft: Any, place: Workplace) -> None:
    # Anything is well above a hundredth of the first loss.
    assert sft("warned", params={"guards": {"loss": {"do": "warn", "rise": 0.01, "steps": 2}}}) == 0
    assert [line["step"] for line in place.lines("warned") if line["type"] == "warning"] == [4], "once"
    assert sft("stopped", params={"guards": {"loss": {"do": "stop", "rise": 0.01, "steps": 1}}}) == 1
    error = place.error("stopped")
    assert (error["class"], error["type"], error["last_good_step"]) == ("diverged", "loss", 1)


def test_a_job_that_is_rolled_back_goes_on_with_the_parameters_it_is_given(sft: Any, place: Workplace) -> None:
    policy = {"do": "roll-back", "rise": 0.01, "steps": 4, "most": 1, "change": {"learning_rate": {"times": 0.5}}}
    assert sft("whole") == 0
    assert sft("first", params={"guards": {"loss": policy}}) == 1
    assert (place.error("first")["class"], place.error("first")["last_good_step"]) == ("diverged", 4)

    resume = place.resume("first", 3)
    half = {"learning_rate": 5e-4, "final_learning_rate": 5e-5, "weight_decay": 0.5}
    assert sft("second", params=half, resume=resume) == 0
    lines = place.lines("second")
    assert (lines[0]["type"], lines[0]["step"], lines[0]["cursor"]) == ("resume", 3, 12)
    rates = {
        name: {line["step"]: line["values"]["learning_rate"] for line in place.lines(name) if line["type"] == "step"}
        for name in ("whole", "second")
    }
    assert list(rates["second"]) == [4, 5, 6, 7, 8, 9]
    for step, rate in rates["second"].items():
        assert rate == pytest.approx(rates["whole"][step] / 2, rel=1e-12), "half of what it would be at that step"

    saved = torch.load(place.root / "second" / "checkpoints" / "step-6" / "optimizer.pt", weights_only=True)
    assert [group["weight_decay"] for group in saved["param_groups"]] == [0.5, 0.0]
    assert {int(moments["step"]) for moments in saved["state"].values()} == {6}, "the moments go on"

    still = {"learning_rate": 1e-15, "final_learning_rate": 1e-16}
    assert sft("still", params=still, resume=resume) == 0
    before, after = (load_file(path / "model.safetensors") for path in (Path(resume["path"]), place.output("still")))
    assert all(torch.allclose(before[name], after[name], rtol=0, atol=1e-9) for name in after), "the rate is used"


def test_a_damaged_checkpoint_is_refused(sft: Any, place: Workplace) -> None:
    assert sft("whole") == 0
    weights = place.root / "whole" / "checkpoints" / "step-3" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert sft("again", resume=place.resume("whole", 3)) == 1
    assert place.error("again")["class"] == "config"


def test_a_job_without_a_row_that_fits_is_a_config_error(sft: Any, place: Workplace) -> None:
    assert sft("short", params={"max_tokens": 3}) == 1
    assert place.error("short")["class"] == "config"


def test_the_loss_is_on_the_response_and_its_end(tiny_model: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    row = {"prompt": "1+1=?", "response": "<think>\n2</think>2"}
    plain = encode(tokenizer, CHAT, row)
    trained = [token for token in plain["labels"] if token != IGNORED]
    assert tokenizer.decode(trained) == "<think>\n2</think>2<|end|>"
    assert tokenizer.decode(plain["input_ids"]) == "<|User|>1+1=?<|Assistant|><think>\n2</think>2<|end|>"

    prefilled = encode(tokenizer, Template(None, prefill="<think>\n"), row)
    assert prefilled["input_ids"] == plain["input_ids"]
    assert tokenizer.decode([token for token in prefilled["labels"] if token != IGNORED]) == "2</think>2<|end|>"


def test_a_student_may_start_from_random_weights(place: Workplace, tiny_model: Path, rows: Path) -> None:
    shape = {"hidden_size": 8, "layers": 1, "heads": 2, "intermediate_size": 16}
    job = place.write_job(
        "student", "distill", inputs={"data": rows, "tokenizer": tiny_model}, params={**PARAMS, "architecture": shape}
    )
    assert main([str(job)]) == 0
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(place.output("student"))
    assert model.config.hidden_size == 8
    assert model.generation_config.eos_token_id == load_tokenizer(tiny_model).eos_token_id


@pytest.mark.parametrize("student", ["input", "source", "random"])
def test_a_resumed_student_ends_with_the_same_bytes(
    place: Workplace, tiny_model: Path, rows: Path, student: str
) -> None:
    inputs, params = {"data": rows}, {**PARAMS}
    if student == "input":
        inputs["student"] = tiny_model
    elif student == "source":
        params["source"] = str(tiny_model)
    else:
        inputs["tokenizer"] = tiny_model
        params["architecture"] = {"hidden_size": 8, "layers": 1, "heads": 2, "intermediate_size": 16}
    assert main([str(place.write_job("whole", "distill", inputs=inputs, params=params))]) == 0
    again = place.write_job("again", "distill", inputs=inputs, params=params, resume=place.resume("whole", 6))
    assert main([str(again)]) == 0
    first = place.lines("again")[0]
    assert (first["type"], first["step"], first["cursor"]) == ("resume", 6, 24)
    assert sha256(place.output("again") / "model.safetensors") == sha256(place.output("whole") / "model.safetensors")
