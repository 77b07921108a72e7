"""Kind `base`: the starting model, copied from a source or pre-trained on text."""

from __future__ import annotations

import shutil
from pathlib import Path

from r1trainer.errors import ConfigError, InfrastructureError
from r1trainer.job import Job, Params
from r1trainer.metrics import Metrics

ASSETS = Path(__file__).parent / "assets"  # tiny-NAME is the source tiny://NAME
TINY_BASE = ASSETS / "tiny-base"

_HUB_FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]  # weights in other formats stay


def run(job: Job) -> None:
    """Fills output `model`. Params: `source`, or `pretrain` with input `corpus`."""
    source, pretraining = job.params.get("source"), job.params.section("pretrain")
    if (source is None) == (pretraining is None):
        raise ConfigError("params must have either source or pretrain")
    if pretraining is not None:
        from r1trainer.pretrain import pretrain

        pretrain(job, pretraining)
        return
    target = job.output("model")
    with Metrics(job.metrics) as metrics:
        metrics.start(0, 1)
        obtain(job.params.text("source"), target)
        metrics.summary(1, describe(target))


def obtain(source: str, target: Path) -> None:
    """Puts a Hugging Face model folder at `target`: from `tiny://NAME` (shipped with this package),
    `hf://org/name@revision`, or a local folder.

    Raises ConfigError when the source does not exist, or is no complete model with a tokenizer and an end token, and
    InfrastructureError when the hub cannot be reached.
    """
    if source.startswith("tiny://"):
        shipped = {"tiny://" + folder.name.removeprefix("tiny-"): folder for folder in ASSETS.glob("tiny-*")}
        if source not in shipped:
            raise ConfigError(f"source {source!r} is none of the shipped models {', '.join(sorted(shipped))}")
        _copy(shipped[source], target)
        return  # complete, which our tests see to: checking it takes the seconds of importing Transformers
    if source.startswith("hf://"):
        _download(source, target)
    elif "://" in source:
        raise ConfigError(f"source {source!r} is neither tiny://NAME, hf://org/name@revision nor a local folder")
    else:
        _copy(Path(source).expanduser(), target)
    _complete(target)


def describe(model: Path) -> dict[str, float]:
    """The size of a model folder's weights, for the summary line."""
    return {"weight_bytes": float(sum(file.stat().st_size for file in model.glob("*.safetensors")))}


def _copy(source: Path, target: Path) -> None:
    if not (source / "config.json").is_file():
        raise ConfigError(f"{source} is not a Hugging Face model folder: it has no config.json")
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "*.bin", "*.pt", "*.pth"))


def _download(source: str, target: Path) -> None:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    # The trainer's environment is offline so that nothing reaches for the network unasked; here it was asked.
    constants.HF_HUB_OFFLINE = False
    name, _, revision = source.removeprefix("hf://").partition("@")
    try:
        snapshot_download(name, revision=revision or None, local_dir=target, allow_patterns=_HUB_FILES)
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise ConfigError(f"cannot get {source}: {error}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InfrastructureError(f"cannot get {source}: {error}") from error
    shutil.rmtree(target / ".cache", ignore_errors=True)


def _complete(target: Path) -> None:
    """Checks that the folder is a model a stage can start from, and says in it how a response ends."""
    from transformers import AutoConfig, GenerationConfig

    from r1trainer.models import load_tokenizer

    try:
        config = AutoConfig.from_pretrained(target)
        tokenizer = load_tokenizer(target)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{target} does not load as a Hugging Face model: {error}") from error
    if not any(target.glob("*.safetensors")):
        raise ConfigError(f"{target} has no safetensors weights")
    if len(tokenizer) > config.get_text_config().vocab_size:
        raise ConfigError(
            f"{target}: the tokenizer has {len(tokenizer)} tokens and the model {config.get_text_config().vocab_size}"
        )
    if not (target / "generation_config.json").is_file():
        ends = GenerationConfig(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
        ends.save_pretrained(target)


def architecture(params: Params, vocabulary: int, eos: int, pad: int, positions: int) -> object:
    """A LlamaConfig from `{hidden_size, layers, heads, intermediate_size}`, with tied embeddings."""
    from transformers import LlamaConfig

    hidden, heads = params.integer("hidden_size", minimum=1), params.integer("heads", minimum=1)
    if hidden % heads or hidden // heads % 2:
        raise ConfigError(f"architecture: hidden_size {hidden} must be an even multiple of heads {heads}")
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=params.integer("layers", minimum=1),
        num_attention_heads=heads,
        num_key_value_heads=heads,
        intermediate_size=params.integer("intermediate_size", minimum=1),
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=pad,
        dtype="float32",
    )
