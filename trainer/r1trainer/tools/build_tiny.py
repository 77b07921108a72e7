"""Makes a shipped model again: `python -m r1trainer.tools.build_tiny --model base --corpus FILE --out DIR`.

`go run ./internal/tinyworld/cmd/tinyworld 'tiny://corpus?size=268800&seed=1'` prints the corpus. Training is the job
kind `base` itself. On one CPU core the base takes about nine minutes, the students less.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from r1trainer import base
from r1trainer.job import load_job

PRETRAIN = {"steps": 2800, "batch_size": 96, "learning_rate": 3e-3, "max_tokens": 96}
# The base model, and the smaller ones that learn from it. Seeds differ, so that no student shares the base's weights.
MODELS: dict[str, tuple[dict[str, int], int]] = {
    "base": ({"hidden_size": 64, "layers": 3, "heads": 4, "intermediate_size": 160}, 17),
    "student-48": ({"hidden_size": 48, "layers": 3, "heads": 4, "intermediate_size": 128}, 48),
    "student-32": ({"hidden_size": 32, "layers": 3, "heads": 4, "intermediate_size": 96}, 32),
}


def build(model: str, corpus: Path, out: Path, *, steps: int = PRETRAIN["steps"]) -> None:
    """Pre-trains one of `MODELS` on a JSONL file of text rows and writes the model folder `out`, weights as float16.

    The config says float32, so the model is loaded and trained as float32 everywhere; only the file is half the size.
    """
    architecture, seed = MODELS[model]
    with tempfile.TemporaryDirectory(prefix="tiny-model-") as name:
        work = Path(name)
        (work / "corpus").mkdir()
        shutil.copyfile(corpus, work / "corpus" / "corpus.jsonl")
        spec = {
            "version": 1,
            "key": f"tiny/{model}/main/1",
            "kind": "base",
            "params": {"pretrain": {**PRETRAIN, "architecture": architecture, "steps": steps}},
            "seed": seed,
            "inputs": {"corpus": {"path": "corpus", "type": "dataset"}},
            "outputs": {"model": {"path": "model", "type": "model"}},
            "checkpoints": "checkpoints",
            "metrics": "metrics.jsonl",
            "error": "error.json",
        }
        (work / "job.json").write_text(json.dumps(spec), encoding="utf-8")
        base.run(load_job(work / "job.json"))
        weights = load_file(work / "model" / "model.safetensors")
        save_file(
            {key: value.half() for key, value in weights.items()},
            work / "model" / "model.safetensors",
            metadata={"format": "pt"},
        )
        out.mkdir(parents=True, exist_ok=True)
        for file in sorted((work / "model").iterdir()):
            shutil.copyfile(file, out / file.name)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--corpus", type=Path, required=True, help="JSONL file of text rows")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--steps", type=int, default=PRETRAIN["steps"], help="optimizer steps")
    arguments = parser.parse_args()
    build(arguments.model, arguments.corpus, arguments.out, steps=arguments.steps)


if __name__ == "__main__":
    main()
