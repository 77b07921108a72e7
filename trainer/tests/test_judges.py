"""The judge process: what it says of answers, and that nothing an answer does silences it."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from r1trainer import judges

SOURCE = str(Path(__file__).parents[1])


class Process:
    """A judge process, spoken to as the pool does."""

    def __init__(self) -> None:
        requests, self.requests = os.pipe()
        replies, result = os.pipe()
        environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": SOURCE}
        self.pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "r1trainer.judges"],
            environment,
            file_actions=[(os.POSIX_SPAWN_DUP2, requests, 0), (os.POSIX_SPAWN_DUP2, result, judges.REPLIES)],
        )
        os.close(requests)
        os.close(result)
        self.replies = os.fdopen(replies)

    def ask(self, **request):
        os.write(self.requests, (json.dumps({"id": "7", **request}) + "\n").encode())
        reply = json.loads(self.replies.readline())
        assert reply.pop("id") == "7"
        return reply

    def maths(self, gold, answer, **how):
        reply = self.ask(maths={"gold": gold, "answer": answer, **how})
        return reply["label"], reply["reason"]

    def puzzle(self, family, entry, answer, partial=False):
        return self.ask(puzzle={"family": family, "entry": entry, "answer": answer, "partial": partial})

    def close(self) -> int:
        if self.requests >= 0:
            os.close(self.requests)
            self.requests = -1
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@pytest.fixture(scope="module")
def process():
    judge = Process()
    yield judge
    assert judge.close() == 0


# Gold answer, answer, whether they are equal: by mathematics, not by what math-verify says of them.
PAIRS = [
    (r"\frac{1}{2}", r"so it is $\boxed{0.5}$", True),
    (r"\frac{1}{2}", "the answer is 1/2.", True),
    (r"\frac{1}{2}", r"\boxed{2}", False),  # not the last number of the gold answer
    ("6", "it is 6", True),
    ("6", "it is 16", False),
    (r"\sqrt{8}", r"\boxed{2\sqrt{2}}", True),
    (r"\sqrt{8}", r"\boxed{2\sqrt{3}}", False),
    ("x^2-1", "(x-1)(x+1)", True),
    ("x^2-1", "(x-1)(x-1)", False),
    (r"\{1,2,3\}", r"\boxed{3,1,2}", True),
    ("[0,1)", r"\boxed{[0, 1)}", True),
    ("[0,1)", r"\boxed{[0, 1]}", False),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"$\begin{pmatrix}1&2\\3&4\end{pmatrix}$", True),
    ("3*x-1*y+13=0", "3x - y + 13 = 0", True),
    ("3*x-1*y+13=0", "3x + 4y + 14=0", False),
    (r"$\frac{1}{2^{99}}$", r"$\frac{1}{2^{98}}$", False),
    ("0", "$10^{-9}$", False),
    ("1/3", "0.333333", True),
    ("1/3", "0.33", False),
    (r"\text{Paris}", r"\boxed{Pairs}", False),
    ("6", "**6**", True),
    ("6", "The value is $x=5$. So the answer is 6.", True),
    ("5", "First $x=5$, and then $6$.", False),
    (r"\{1,2\}", r"$x=\boxed{1}$ or $x=\boxed{2}$", True),
    # Half-written formulas are not right by what stands in them, nor is a formula beside the box.
    ("1", r"\boxed{\sum_{i=1}^{n} \frac}", False),
    ("1", r"\boxed{\sqrt{ 1} } $1$ \boxed{\frac}", False),
    ("1", r"$\left( 1 \int \frac $ 2", False),
    ("1", r"$1$ but \boxed{2}", False),
    ("1", r"1 and \boxed{", False),
]


@pytest.mark.parametrize(("gold", "answer", "equal"), PAIRS)
def test_maths(process, gold, answer, equal):
    assert process.maths(gold, answer)[0] == ("correct" if equal else "wrong")


@pytest.mark.parametrize(
    "gold",
    ["", "hello there", "Paris", "some 5 apples", r"$1,2,\ldots,n$", r"\frac{1}{0}", r"\foo{bar}", "1, 3, 5, ..."],
)
def test_a_gold_answer_that_cannot_be_read_rewards_nothing(process, gold):
    for answer in (gold, r"\boxed{5}", "", r"$1,3,5,\ldots,2n-1$"):
        assert process.maths(gold, answer) == ("unverified", "gold-unparsable")


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("$6$", "The answer is 6", ("wrong", "answer-unparsable")),  # LaTeX only
        ("$6$", "The answer is $6$", ("correct", "")),
        ("$6$", r"\boxed{6}", ("correct", "")),
        (r"$\frac{1}{2^{99}}$", r"\boxed{\frac{1}{2^{98}}}", ("correct", "")),  # upstream's mistakes are upstream's
        ("yes", r"\boxed{yes}", ("unverified", "gold-unparsable")),
    ],
)
def test_open_r1_reads_as_upstream_does(process, gold, answer, verdict):
    assert process.maths(gold, answer, openr1=True) == verdict


def test_which_comes_first_matters(process):
    gold, answer = "$x \\in (1, 2)$", r"\boxed{1 < x < 2}"
    said = [process.maths(gold, answer, openr1=True, answer_first=first)[0] for first in (False, True)]
    swapped = [process.maths(f"${answer[7:-1]}$", rf"\boxed{{{gold[1:-1]}}}", openr1=True)[0], said[0]]
    assert said[1] == swapped[0]


HUGE = [r"$9^{9^{9^9}}$", "$100000000!$", "$" + "1+" * 100_000 + "1$"]


@pytest.mark.parametrize("text", HUGE, ids=["power", "factorial", "sum"])
def test_what_takes_too_long_is_unverified_on_either_side(process, text):
    assert process.maths("1", text) == ("unverified", "timeout")
    assert process.maths(text, "1") == ("unverified", "timeout")
    assert process.maths("1", "$1$") == ("correct", "")


def test_a_request_that_makes_no_sense_is_answered(process):
    assert process.ask(maths={"gold": "1"})["reason"] == "verifier-fault"
    assert process.ask(puzzle={"family": "chain_sum", "entry": None, "answer": ""})["reason"] == "malformed-item"
    assert "KeyError" in process.ask(load="chemistry")["error"]


def test_versions(process):
    assert process.ask(load="maths") == {"version": "math-verify/0.9.0"}
    assert process.ask(load="puzzle")["version"].startswith("reasoning-gym/0.1.")
    assert process.ask(maths={"gold": "1", "answer": "$1$"})["version"] == "math-verify/0.9.0"


def test_puzzles_and_partial_credit(process):
    entry = {"question": "1 + 1 =", "answer": "2", "metadata": {}}
    assert process.puzzle("chain_sum", entry, "2")["label"] == "correct"
    padded = process.puzzle("chain_sum", entry, "2 or 3", partial=True)
    assert (padded["label"], padded["score"]) == ("wrong", 1 / 6)
    assert process.puzzle("chain_sum", entry, "2 or 3")["score"] is None
    unknown = process.puzzle("codeio", entry, "2", partial=True)
    assert (unknown["label"], unknown["reason"], unknown["score"]) == ("unverified", "unknown-family", None)


def test_memory_is_limited(process):
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert f"{judges.MEMORY}" in next(line for line in limits.splitlines() if line.startswith("Max address space"))


def test_it_ends_with_its_input_whatever_it_is_at():
    judge = Process()
    judge.ask(load="maths")
    os.write(judge.requests, (json.dumps({"id": "8", "maths": {"gold": "1", "answer": HUGE[0]}}) + "\n").encode())
    time.sleep(0.2)
    assert judge.close() == 0
    assert judge.replies.read() == ""


def test_an_alarm_that_was_swallowed_still_counts():
    alarm = judges.Alarm()

    def stubborn():
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            try:  # noqa: SIM105
                time.sleep(0.01)
            except:  # noqa: E722 - as libraries do
                pass
        return "an answer"

    with pytest.raises(judges.Expired):
        alarm.bound(stubborn, seconds=0.05)
    assert alarm.bound(lambda: "quick", seconds=1) == "quick"
