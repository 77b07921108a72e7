"""Kind ``distill``: ``sft`` on a student that is an input, comes from a source, or starts from random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

from r1trainer import models
from r1trainer.errors import ConfigError
from r1trainer.job import Job, Params
from r1trainer.sft import fine_tune


def run(job: Job) -> None:
    """Serve a ``distill`` job."""
    device = models.prepare(job)
    source, shape = job.params.get("source"), job.params.section("architecture")
    folder = job.optional_input("student")
    if sum(choice is not None for choice in (folder, source, shape)) != 1:
        raise ConfigError("a distill job has one of input 'student', params.source and params.architecture")
    if folder is None:
        folder = job.directory / "student"
        shutil.rmtree(folder, ignore_errors=True)
        if shape is not None:
            _random_student(job, shape, folder)
        else:
            from r1trainer.base import obtain

            obtain(job.params.text("source"), folder)
    fine_tune(job, device, models.load_causal_lm(folder, device, train=True), folder)


def _random_student(job: Job, shape: Params, folder: Path) -> None:
    """Write a model of random weights, by the job's seed, that speaks the tokenizer of input ``tokenizer``."""
    from transformers import AutoConfig, AutoModelForCausalLM

    from r1trainer.base import architecture

    source = job.input("tokenizer")
    tokenizer = models.load_tokenizer(source)
    positions = AutoConfig.from_pretrained(source).get_text_config().max_position_embeddings
    config = architecture(shape, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id, positions)
    model = AutoModelForCausalLM.from_config(config)  # models.prepare has seeded torch
    models.set_generation_config(model, tokenizer)
    models.save_model(model, source, folder)
