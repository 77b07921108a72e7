"""What the tests share: a tiny random model, a verifier service on loopback, and jobs on disk."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights with a character tokenizer and a chat template, as a Hugging Face folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from r1trainer.tiny_tokenizer import build_tokenizer

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = build_tokenizer(["1+1=?"])
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_judge(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model of random weights that judges whole responses."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(1)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1)
    model.config.r1_scope, model.config.r1_template = "response", {"text": "{prompt}"}
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


class FakeVerifier:
    """A verifier service whose rewards are a function of the response alone; ``answer`` may replace what it says."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], tuple[int, Any]] = self.judge
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.requests.append(request)
                status, body = service.answer(request)
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self._handler = Handler
        self._serve(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _serve(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def die(self, seconds: float) -> None:
        """End as a killed service does, with the request in hand unanswered, and serve again at the same address after
        some seconds. Only an ``answer`` may call it."""
        port = self._server.server_port
        self.close()
        again = threading.Timer(seconds, self._serve, [port])
        again.daemon = True
        again.start()
        raise ConnectionAbortedError("killed")

    def judge(self, request: dict[str, Any]) -> tuple[int, Any]:
        """The share of even digits is the accuracy, of letters the format."""
        names = [reward["name"] for reward in request["rewards"]]
        items = []
        for item in request["items"]:
            text = item["response"]
            scores = {
                "accuracy": sum(c in "02468" for c in text) / max(1, len(text)),
                "format": sum(c.isalpha() for c in text) / max(1, len(text)),
                "language": 1.0,
            }
            verdict = {"label": "correct", "verifier": "fake/1"}
            items.append({"id": item["id"], "verdict": verdict, "rewards": {name: scores[name] for name in names}})
            if request.get("behaviours"):
                items[-1]["behaviours"] = {"verification": sum(c in "02468" for c in text), "subgoals": 0}
        return 200, {"items": items}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def verifier() -> Iterator[FakeVerifier]:
    service = FakeVerifier()
    yield service
    service.close()


class Workplace:
    """A folder in which jobs are written and run, as the agent does."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def dataset(self, name: str, rows: list[dict[str, Any]]) -> Path:
        folder = self.root / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return folder

    def write_job(self, name: str, kind: str, *, inputs: dict[str, Path], **fields: Any) -> Path:
        """Write ``name/job.json`` and return its path. ``outputs`` is a list of names with types."""
        directory = self.root / name
        directory.mkdir(parents=True, exist_ok=True)
        outputs = fields.pop("outputs", {"model": "model"})
        record = {
            "version": 1,
            "key": f"run-1/{kind}/{name}/1",
            "kind": kind,
            "params": {},
            "seed": 17,
            "from_step": 0,
            "to_step": 0,
            "inputs": {key: {"path": str(path), "type": "model"} for key, path in inputs.items()},
            "outputs": {key: {"path": f"outputs/{key}", "type": kind_} for key, kind_ in outputs.items()},
            "checkpoints": "checkpoints",
            "metrics": "metrics.jsonl",
            "error": "error.json",
            "resume": None,
            "threads": 1,
            **fields,
        }
        path = directory / "job.json"
        path.write_text(json.dumps(record), encoding="utf-8")
        return path

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The metrics lines of a job."""
        return [json.loads(line) for line in (self.root / name / "metrics.jsonl").read_text().splitlines()]

    def error(self, name: str) -> dict[str, Any]:
        return json.loads((self.root / name / "error.json").read_text())

    def output(self, name: str, output: str = "model") -> Path:
        return self.root / name / "outputs" / output

    def resume(self, name: str, step: int) -> dict[str, Any]:
        """The ``resume`` field that continues a checkpoint of job ``name``."""
        return {"path": str(self.root / name / "checkpoints" / f"step-{step}"), "step": step}


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)
