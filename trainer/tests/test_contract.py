"""The parts of the job contract that need no model."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from conftest import FakeVerifier, Workplace

from r1trainer.__main__ import main
from r1trainer.checkpoint import COMPLETE, save_checkpoint, verify_checkpoint
from r1trainer.errors import ConfigError, Diverged, InfrastructureError, classify
from r1trainer.grpo import domain_mixes, token_limit
from r1trainer.job import Params, load_job
from r1trainer.loop import micro_batch, schedule
from r1trainer.metrics import Metrics
from r1trainer.order import epochs_order, question_order
from r1trainer.rows import read_rows
from r1trainer.signals import StopRequest
from r1trainer.templates import Template
from r1trainer.verifier import Item, Verifier


class TestJob:
    def test_paths_are_of_the_job_files_folder_and_times_are_go_times(self, place: Workplace) -> None:
        path = place.write_job("a", "sft", inputs={}, deadline="2026-01-02T15:04:05.123456789Z")
        job = load_job(path)
        assert job.metrics == path.parent.resolve() / "metrics.jsonl"
        assert job.deadline == datetime(2026, 1, 2, 15, 4, 5, 123456, tzinfo=UTC)
        assert job.origin() == {"run": "run-1", "stage": "sft", "job": "a"}

    @pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1}'])
    def test_what_is_no_job_file_is_a_config_error(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "job.json").write_text(content)
        assert main([str(tmp_path / "job.json")]) == 1
        assert json.loads((tmp_path / "error.json").read_text())["class"] == "config"

    def test_a_kind_nobody_serves_is_named(self, place: Workplace) -> None:
        assert main([str(place.write_job("a", "curate", inputs={}))]) == 1
        assert "curate" in place.error("a")["message"]

    @pytest.mark.parametrize(("kind", "status", "told"), [("base", 0, "summary"), ("curate", 1, "no kind 'curate'")])
    def test_the_program_ends_with_its_status_and_all_that_it_said(
        self, place: Workplace, kind: str, status: int, told: str
    ) -> None:
        path = place.write_job("a", kind, inputs={}, params={"source": "tiny://base"})
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        command = [sys.executable, "-m", "r1trainer", str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == status
        assert told in (done.stderr if status else done.stdout)

    @pytest.mark.parametrize("value", [0, 1.5, "3", True, None])
    def test_a_wrong_parameter_is_named(self, value: object) -> None:
        with pytest.raises(ConfigError, match=r"params\.group_size"):
            Params({"group_size": value}).integer("group_size", minimum=1)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), "oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "oom"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "oom"),
        (OSError(28, "No space left on device"), "infrastructure"),
        (FileNotFoundError("x"), "program"),
        (Diverged("loss is nan"), "diverged"),
        (KeyError("x"), "program"),
    ],
)
def test_failures_have_classes(error: BaseException, expected: str) -> None:
    assert classify(error) == expected


class TestCheckpoint:
    @staticmethod
    def write(folder: Path) -> None:
        (folder / "weights").write_text("w")

    def test_it_is_complete_with_digests(self, tmp_path: Path) -> None:
        folder = save_checkpoint(tmp_path, 5, self.write)
        assert verify_checkpoint(folder) == 5
        assert [entry["path"] for entry in json.loads((folder / COMPLETE).read_text())["files"]] == ["weights"]

    def test_a_writer_that_dies_leaves_nothing_that_looks_like_a_checkpoint(self, tmp_path: Path) -> None:
        def die(folder: Path) -> None:
            self.write(folder)
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            save_checkpoint(tmp_path, 5, die)
        assert not (tmp_path / "step-5").exists()
        assert verify_checkpoint(save_checkpoint(tmp_path, 5, self.write)) == 5

    def test_a_half_written_one_is_replaced_and_a_complete_one_kept(self, tmp_path: Path) -> None:
        (tmp_path / "step-5").mkdir()
        (tmp_path / "step-5" / "leftover").write_text("x")
        folder = save_checkpoint(tmp_path, 5, self.write)
        assert not (folder / "leftover").exists()
        save_checkpoint(tmp_path, 5, lambda path: pytest.fail("written twice"))

    @pytest.mark.parametrize("damage", ["change", "remove", "unmark"])
    def test_damage_is_found(self, tmp_path: Path, damage: str) -> None:
        folder = save_checkpoint(tmp_path, 5, self.write)
        if damage == "change":
            (folder / "weights").write_text("v")
        else:
            (folder / ("weights" if damage == "remove" else COMPLETE)).unlink()
        with pytest.raises(ConfigError):
            verify_checkpoint(folder)


def test_metrics_lines_leave_out_what_is_no_number(tmp_path: Path) -> None:
    with Metrics(tmp_path / "m.jsonl") as metrics:
        metrics.resume(40, total=80, cursor=640)
        metrics.step(41, {"loss": 0.5, "kl": None, "entropy": float("nan")})
    first, second = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert (first["type"], first["step"], first["cursor"], first["total"]) == ("resume", 40, 640, 80)
    assert second["values"] == {"loss": 0.5}
    assert datetime.fromisoformat(second["time"].replace("Z", "+00:00")).tzinfo is not None


class TestStopRequest:
    def test_sigterm_and_a_near_deadline_ask_to_stop(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        try:
            stop = StopRequest().install()
            assert not stop.requested
            os.kill(os.getpid(), signal.SIGTERM)
            assert stop.requested
        finally:
            signal.signal(signal.SIGTERM, before)
        now = datetime.now(UTC)
        assert StopRequest(now + timedelta(seconds=30)).requested
        assert not StopRequest(now + timedelta(seconds=300)).requested


class TestRows:
    def test_files_are_read_in_name_order_and_unknown_fields_kept(self, tmp_path: Path) -> None:
        (tmp_path / "b.jsonl").write_text('{"prompt": "2"}\n')
        (tmp_path / "a.jsonl").write_text('{"prompt": "1", "extra": [1]}\n\n')
        (tmp_path / "funnel.json").write_text("{}")
        assert read_rows(tmp_path, ("prompt",)) == [{"prompt": "1", "extra": [1]}, {"prompt": "2"}]

    @pytest.mark.parametrize("content", ["", "{", "[1]\n", '{"id": 1}\n'])
    def test_what_is_wrong_is_named_with_its_line(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(ConfigError, match=r"a\.jsonl:1|no rows"):
            read_rows(tmp_path, ("prompt",))


@pytest.mark.parametrize(
    "template", [None, {}, {"text": "no place"}, {"text": "{prompt}", "chat": True}, {"chat": False}]
)
def test_templates_that_say_nothing_are_refused(template: Any) -> None:
    with pytest.raises(ConfigError, match="template"):
        Template.from_params(Params({"template": template} if template is not None else {}))


class TestVerifier:
    ITEMS = (Item("a", "1?", "1"), Item("a", "2?", "2", gold="2", verifier="integer"))

    def client(self, service: FakeVerifier, **options: Any) -> Verifier:
        self.pauses: list[float] = []
        return Verifier(service.url, [{"name": "accuracy"}], sleep=self.pauses.append, **options)

    def test_one_request_one_score_an_item_in_order(self, verifier: FakeVerifier) -> None:
        scores = self.client(verifier).score(self.ITEMS)
        assert [score.rewards for score in scores] == [{"accuracy": 0.0}, {"accuracy": 1.0}]
        assert len(verifier.requests) == 1
        first, second = verifier.requests[0]["items"]
        assert first == {"id": "0", "domain": "a", "verifier": "none", "prompt": "1?", "response": "1"}
        assert second["gold"] == "2"

    def test_a_fault_is_ridden_out(self, verifier: FakeVerifier) -> None:
        verifier.answer = lambda request: (503, {}) if len(verifier.requests) < 3 else verifier.judge(request)
        assert self.client(verifier).score(self.ITEMS)[1].rewards == {"accuracy": 1.0}
        assert self.pauses == [1.0, 2.0]

    @pytest.mark.parametrize("answer", [(503, {}), (200, {}), (200, {"items": [{"id": "0"}]})])
    def test_what_stays_without_a_verdict_ends_the_job_as_infrastructure(
        self, verifier: FakeVerifier, answer: tuple[int, Any]
    ) -> None:
        verifier.answer = lambda request: answer
        with pytest.raises(InfrastructureError, match="2 of 2"):
            self.client(verifier, attempts=2).score(self.ITEMS)

    def test_a_lost_request_within_the_limit_is_unverified(self, verifier: FakeVerifier) -> None:
        verifier.answer = lambda request: (500, {}) if request["items"][0]["id"] == "0" else verifier.judge(request)
        scores = self.client(verifier, attempts=2, max_lost=0.5, max_request_bytes=1).score(self.ITEMS)
        assert [(score.label, score.rewards["accuracy"]) for score in scores] == [
            ("unverified", None),
            ("correct", 1.0),
        ]

    def test_training_on_a_machine_that_cannot_judge_it_ends_as_a_mistake(self, verifier: FakeVerifier) -> None:
        def answer(request: dict[str, Any]) -> tuple[int, Any]:
            status, body = verifier.judge(request)
            verdict = {"label": "unverified", "reason": "sandbox-unavailable", "verifier": "code/1"}
            body["items"][0] |= {"verdict": verdict, "rewards": {"accuracy": None}}
            return status, body

        verifier.answer = answer
        client = self.client(verifier, training=True)
        assert [client.score(self.ITEMS)[0].rewards["accuracy"] for _ in range(2)] == [None, None]
        with pytest.raises(ConfigError, match=r"1 of 2 responses.*sandbox-unavailable.*doctor"):
            client.score(self.ITEMS)
        assert self.pauses == [], "waiting changes nothing"
        measuring = self.client(verifier)
        assert [measuring.score(self.ITEMS)[1].label for _ in range(4)] == ["correct"] * 4

    def test_requests_are_bounded_and_keep_the_responses_to_a_prompt_together(self, verifier: FakeVerifier) -> None:
        items = [Item("arithmetic", prompt, str(n), gold="7", verifier="integer") for n, prompt in enumerate("pppqqrs")]
        scores = self.client(verifier, max_request_items=2).score(items)
        asked = [[item["prompt"] for item in request["items"]] for request in verifier.requests]
        assert asked == [["p", "p", "p"], ["q", "q"], ["r", "s"]]
        assert len(scores) == len(items)

    def test_a_doubled_or_missing_result_never_shifts_the_others(self, verifier: FakeVerifier) -> None:
        def answer(request: dict[str, Any]) -> tuple[int, Any]:
            status, body = verifier.judge(request)
            return status, {"items": [body["items"][0], *body["items"]]}

        verifier.answer = answer
        scores = self.client(verifier, max_lost=0.5).score(self.ITEMS)
        assert [score.rewards["accuracy"] for score in scores] == [None, 1.0]

    def test_an_outage_of_several_calls_pauses_until_the_service_is_well(self, verifier: FakeVerifier) -> None:
        def answer(request: dict[str, Any]) -> tuple[int, Any]:
            status, body = verifier.judge(request)
            if len(verifier.requests) <= 4:  # one of two items needs a sandbox, which is away
                verdict = {"label": "unverified", "reason": "sandbox-fault", "verifier": "code/1"}
                index = [item["id"] for item in request["items"]].index("0") if len(request["items"]) > 1 else 0
                body["items"][index] |= {"verdict": verdict, "rewards": {"accuracy": None}}
            return status, body

        verifier.answer = answer
        client = self.client(verifier)
        for _ in range(2):  # it goes on without those responses at first
            assert [score.rewards["accuracy"] for score in client.score(self.ITEMS)] == [None, 1.0]
        assert (self.pauses, client.paused) == ([], 0)
        assert [score.rewards["accuracy"] for score in client.score(self.ITEMS)] == [0.0, 1.0]
        assert (self.pauses, client.paused) == ([1.0, 2.0], 3.0)
        assert [len(request["items"]) for request in verifier.requests] == [2, 2, 2, 1, 1], "only what was lost"

    def test_a_response_that_nobody_could_judge_is_no_outage(self, verifier: FakeVerifier) -> None:
        def answer(request: dict[str, Any]) -> tuple[int, Any]:
            status, body = verifier.judge(request)
            for item in body["items"]:
                item["verdict"] = {"label": "unverified", "reason": "gold-missing", "verifier": "integer/1"}
            return status, body

        verifier.answer = answer
        client = self.client(verifier)
        assert all(score.label == "unverified" for _ in range(5) for score in client.score(self.ITEMS))
        assert self.pauses == []

    def test_an_item_carries_what_its_problem_has(self, verifier: FakeVerifier) -> None:
        problem = {"id": "x", "prompt": "1?", "domain": "code", "verifier": "code", "split": "train"}
        problem["verification_info"] = {"test_cases": [{"input": "1", "output": "2"}]}
        scores = self.client(verifier, audit=0.02).score([Item.of(problem, "1")])
        assert verifier.requests[0]["audit"] == 0.02
        (item,) = verifier.requests[0]["items"]
        assert item["verification_info"] == problem["verification_info"]
        assert (item["id"], "split" in item, scores[0].audit) == ("0", False, None)

    def test_a_refused_request_is_a_config_error_at_once(self, verifier: FakeVerifier) -> None:
        verifier.answer = lambda request: (400, {"error": "unknown reward"})
        with pytest.raises(ConfigError, match="unknown reward"):
            self.client(verifier).score(self.ITEMS)
        assert len(verifier.requests) == 1


class TestOrder:
    def test_a_longer_order_starts_with_the_shorter_one(self) -> None:
        domains = ["a"] * 3 + ["b"] * 5
        for mixes in ([], [(None, {"a": 0.7, "b": 0.3})], [(11, {"b": 1}), (None, {"a": 0.7, "b": 0.3})]):
            assert question_order(domains, 50, 1, mixes)[:20] == question_order(domains, 20, 1, mixes)
        assert epochs_order([1] * 7, 50, 2, 1)[:20] == epochs_order([1] * 7, 20, 2, 1)
        assert question_order(domains, 50, 1) != question_order(domains, 50, 2)

    def test_every_epoch_has_every_row_once(self) -> None:
        order = epochs_order(list(range(23)), 46, 4, 1)
        assert sorted(order[:23]) == sorted(order[23:]) == list(range(23))
        assert order[:23] != order[23:]

    def test_each_domain_has_its_share_at_every_point(self) -> None:
        domains = ["a"] * 2 + ["b"] * 9
        order = question_order(domains, 40, 1, [(None, {"a": 3, "b": 1})])
        for end in range(1, 41):
            assert abs(Counter(domains[i] for i in order[:end])["a"] - 0.75 * end) <= 1

    def test_mixes_change_with_the_rollout_that_begins_at_their_step(self) -> None:
        params = Params({"domains": [{"until_step": 5, "shares": {"a": 1}}, {"shares": {"b": 1}}]})
        mixes = domain_mixes(params, lambda step: -(-step // 2) * 6)  # 2 steps and 6 questions a rollout
        assert mixes == [(18, {"a": 1.0}), (None, {"b": 1.0})]
        order = question_order(["a", "b"], 24, 1, mixes)
        assert order == [0] * 18 + [1] * 6

    @pytest.mark.parametrize("domains", [[{"shares": {"a": 1}}, {"shares": {"a": 1}}], [{"until_step": 1}]])
    def test_mixes_without_shares_or_an_end_are_refused(self, domains: Any) -> None:
        with pytest.raises(ConfigError, match="domains"):
            domain_mixes(Params({"domains": domains}), lambda step: step)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("constant", [0.5, 1, 1, 1, 1]), ("linear", [0.5, 1, 1, 0.55, 0.1]), ("cosine", [0.5, 1, 1, 0.55, 0.1])],
)
def test_schedules(kind: str, expected: list[float]) -> None:
    factor = schedule(Params({"schedule": kind, "warmup_steps": 2}), 4, "constant", 1.0, 0.1)
    assert [factor(step) for step in range(5)] == pytest.approx(expected)


def test_micro_batches_divide_the_batch_and_fit_the_budget() -> None:
    assert [micro_batch(12, tokens, 100) for tokens in (1, 10, 20, 1000)] == [12, 6, 4, 1]


def test_token_limits_follow_their_steps() -> None:
    limit, most = token_limit(Params({"max_tokens": [{"until_step": 10, "tokens": 4}, {"tokens": 8}]}))
    assert ([limit(step) for step in (0, 9, 10, 99)], most) == ([4, 4, 8, 8], 8)
    with pytest.raises(ConfigError, match="until_step"):
        token_limit(Params({"max_tokens": [{"tokens": 4}, {"tokens": 8}]}))
