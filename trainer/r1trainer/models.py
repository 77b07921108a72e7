"""Models and tokenizers as Hugging Face folders, and the device they live on.

One code path: on CPU everything is float32; on a GPU trained weights stay
float32 under bfloat16 autocast, and models that only read are bfloat16.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from r1trainer.checkpoint import sha256
from r1trainer.errors import ConfigError
from r1trainer.job import Job
from r1trainer.tiny_decode import TinyLlama
from r1trainer.tiny_tokenizer import TinyTokenizer

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "chat_template.json",
)


def prepare(job: Job) -> torch.device:
    """Set up threads, determinism and the seed for this process, and return the device to work on."""
    logging.captureWarnings(True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if job.threads or device.type == "cpu":
        # One thread unless told otherwise: on shared cores a small model runs several times slower with more.
        torch.set_num_threads(job.threads or 1)
    torch.manual_seed(job.seed)
    return device


def autocast(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """bfloat16 autocast on a GPU, nothing on a CPU."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def load_tokenizer(path: Path) -> Any:
    """Load a tokenizer; its padding token is the EOS where it has none of its own."""
    from transformers import AutoTokenizer

    _require_folder(path)
    tokenizer = AutoTokenizer.from_pretrained(path)
    if tokenizer.eos_token_id is None:
        raise ConfigError(f"the tokenizer in {path} has no EOS token")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_causal_lm(path: Path, device: torch.device, *, train: bool) -> Any:
    """Load a causal language model: float32 to be trained, else bfloat16 on a GPU and without gradients."""
    from transformers import AutoModelForCausalLM

    _require_folder(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=_dtype(device, train)).to(device)
    return _for_use(model, train)


def load_to_answer(path: Path, device: torch.device) -> tuple[Any, Any]:
    """A model that only answers, and its tokenizer: as little of them as ``generate`` and ``Template`` need."""
    _require_folder(path)
    if device.type == "cpu":
        model, tokenizer = TinyLlama.load(path), TinyTokenizer.load(path, TOKENIZER_FILES)
        if model is not None and tokenizer is not None:
            return model, tokenizer
    return load_causal_lm(path, device, train=False), load_tokenizer(path)


def load_reward_model(path: Path, device: torch.device, *, train: bool, from_causal_lm: bool = False) -> Any:
    """Load a sequence classification model with one logit; ``from_causal_lm`` gives it a new head."""
    from transformers import AutoModelForSequenceClassification

    _require_folder(path)
    extra = {"num_labels": 1} if from_causal_lm else {}
    model = AutoModelForSequenceClassification.from_pretrained(path, dtype=_dtype(device, train), **extra).to(device)
    if model.config.num_labels != 1:
        raise ConfigError(f"the reward model in {path} has {model.config.num_labels} logits; it must have one")
    return _for_use(model, train)


def end_of_turn(tokenizer: Any) -> int:
    """The token id that ends an assistant's turn in training data: what the chat template puts there, else the EOS."""
    if not getattr(tokenizer, "chat_template", None):
        return tokenizer.eos_token_id
    marker = "0"
    turns = [{"role": "user", "content": marker}, {"role": "assistant", "content": marker}]
    rendered = tokenizer.apply_chat_template(turns, tokenize=False)
    tail = tokenizer(rendered[rendered.rindex(marker) + len(marker) :], add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids)
    return next((token for token in tail if token in special), tokenizer.eos_token_id)


def save_model(model: Any, tokenizer_source: Path, target: Path, dtype: torch.dtype | None = None) -> None:
    """Write a model as a Hugging Face folder: weights in ``dtype``, config, generation config, tokenizer files.

    Tokenizer files are copied byte by byte from the model this one came from: equal tokenizers stay equal files.
    """
    target.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    if dtype is not None:
        state = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    config_dtype = model.config.dtype
    model.config.dtype = dtype or next(model.parameters()).dtype
    try:
        model.save_pretrained(target, state_dict=state)
    finally:
        model.config.dtype = config_dtype
    for name in TOKENIZER_FILES:
        if (tokenizer_source / name).is_file():
            shutil.copyfile(tokenizer_source / name, target / name)


def set_generation_config(model: Any, tokenizer: Any) -> None:
    """Make ``generation_config.json`` say how a response ends, for whoever loads the model plainly."""
    from r1trainer.generate import stop_token_ids

    config = getattr(model, "generation_config", None)
    if config is None:
        return
    ids = sorted({*stop_token_ids(model, tokenizer), end_of_turn(tokenizer)})
    config.eos_token_id = ids[0] if len(ids) == 1 else ids
    config.pad_token_id = tokenizer.pad_token_id
    # Sampling defaults of the parent contradict each other when do_sample is off; decoding is the caller's choice.
    for name in ("temperature", "top_p", "top_k"):
        setattr(config, name, None)
    config.do_sample = False


def stored_dtype(path: Path) -> torch.dtype:
    """The dtype a model folder's weights are stored in, so that its descendants are stored alike."""
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    name = config.get("dtype") or config.get("torch_dtype") or "float32"
    dtype = getattr(torch, str(name), None)
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def weights_digest(path: Path) -> str:
    """One sha256 for a model's weights: of the file where there is one, else over the files' digests."""
    files = sorted(path.glob("*.safetensors"))
    if not files:
        raise ConfigError(f"model {path} has no safetensors weights")
    if len(files) == 1:
        return sha256(files[0])
    return hashlib.sha256("".join(sha256(file) + "\n" for file in files).encode()).hexdigest()


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """The parameters an optimizer moves."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def parameter_count(parameters: Iterable[nn.Parameter]) -> int:
    """How many numbers a model has."""
    return sum(parameter.numel() for parameter in parameters)


def answer_dtype(device: torch.device) -> torch.dtype:
    """The precision of a model that only answers."""
    return _dtype(device, train=False)


def _dtype(device: torch.device, train: bool) -> torch.dtype:
    return torch.bfloat16 if device.type == "cuda" and not train else torch.float32


def _for_use(model: Any, train: bool) -> Any:
    if train:
        return model.train()
    return model.eval().requires_grad_(False)


def _require_folder(path: Path) -> None:
    if not (path / "config.json").is_file() and not (path / "tokenizer_config.json").is_file():
        raise ConfigError(f"{path} is not a Hugging Face model folder: it has no config.json")
