"""Puzzles of reasoning-gym: every family on offer is made the same each time, and judged right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Equal seeds give equal puzzles only without random hashing, which a process chooses when it starts.
PROGRAM = """
import json, sys
from r1trainer import puzzles
for family in json.loads(sys.argv[1]) or puzzles.families():
    rows = [json.loads(json.dumps(row)) for row in puzzles.generate(family, 3, 11)]
    verdicts = []
    for row in rows:
        info = row["verification_info"]
        said = [puzzles.judge(info["family"], info["entry"], text) for text in [row.get("gold", ""), "banana", ""]]
        verdicts.append(said)
    print(json.dumps([family, rows, verdicts]))
"""


def run(program: str, *arguments: str, seed: str = "0") -> str:
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed(families: str) -> list:
    """What PROGRAM prints: [family, rows, verdicts on the gold, on nonsense and on nothing] for each."""
    return [json.loads(line) for line in run(PROGRAM, families).splitlines() if line.startswith("[")]


@pytest.fixture(scope="module")
def made() -> dict[str, tuple[list, list]]:
    return {family: (rows, verdicts) for family, rows, verdicts in printed("[]")}


def test_the_reference_answer_of_every_family_is_right_and_nonsense_is_wrong(made):
    assert len(made) > 90
    trouble = []
    for family, (rows, verdicts) in made.items():
        for row, (gold, nonsense, empty) in zip(rows, verdicts, strict=True):
            if "gold" in row and gold != ["correct", ""]:
                trouble.append((family, "gold", gold))
            if nonsense[0] != "wrong" and "gold" in row:
                trouble.append((family, "nonsense", nonsense))
            if empty[0] == "correct":
                trouble.append((family, "empty", empty))
    assert not trouble


def test_puzzles_depend_on_their_seed_alone(made):
    fragile = [
        "isomorphic_strings",
        "knight_swap",
        "polynomial_multiplication",
        "ransom_note",
        "word_ladder",
        "countdown",
    ]
    assert {family: rows for family, rows, _ in printed(json.dumps(fragile))} == {
        family: made[family][0] for family in fragile
    }


def test_a_process_that_hashes_at_random_is_refused():
    refused = """
from r1trainer import errors, puzzles
try:
    puzzles.families()
except errors.ConfigError as error:
    print(error)
"""
    assert "PYTHONHASHSEED=0" in run(refused, seed="random")


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        ("n_queens", "__import__('os').system('touch hacked')"),
        ("n_queens", "[print('x')]"),
        ("spiral_matrix", "[x for x in ().__class__.__bases__]"),
        ("string_insertion", "open('/etc/passwd')"),
        ("binary_matrix", "(lambda: 1)()"),
        ("countdown", "__import__('os')"),
        ("countdown", "exit()"),
        ("countdown", "9**9**9999999"),
        ("puzzle24", "eval('1')"),
        ("simple_integration", "x.__class__"),
    ],
)
def test_no_answer_is_run_as_a_program(family, answer):
    from r1trainer import puzzles

    assert not puzzles.harmless(family, answer)


def test_true_answers_pass_the_guard(made):
    from r1trainer import puzzles

    for family in puzzles.EVALUATED:
        for row in made[family][0]:
            assert puzzles.harmless(family, row["gold"]), (family, row["gold"])


def test_unknown_families_and_settings_are_named():
    program = """
import json
from r1trainer import puzzles
from r1trainer.errors import ConfigError
for family, config in [("countdwn", {}), ("countdown", {"min_numbrs": 3}), ("codeio", {})]:
    try:
        list(puzzles.generate(family, 1, 1, config))
    except ConfigError as error:
        print(error)
print(puzzles.judge("codeio", {}, "1"))
"""
    lines = run(program).splitlines()
    assert "countdwn" in lines[0]
    assert "min_numbrs" in lines[1]
    assert "codeio" in lines[2]
    assert lines[3] == "('unverified', 'unknown-family')"


def test_the_table_of_families_is_what_this_environment_offers():
    table = Path(__file__).parents[2] / "internal" / "puzzles" / "families.txt"
    made = run("import sys; from r1trainer import puzzles; sys.exit(puzzles.main(['families']))")
    assert made == table.read_text(), "make it anew with the command that docs/puzzles.md names"


def test_what_a_library_prints_is_no_row():
    program = """
import os, sys
from r1trainer import puzzles
made = puzzles.generate
def noisy(*arguments):
    for row in made(*arguments):
        print("a library says hello")
        os.write(1, b"and so does C")
        yield row
puzzles.generate = noisy
sys.exit(puzzles.main(["generate", "chain_sum", "3", "5", '{"min_terms": 3}']))
"""
    rows = [json.loads(line) for line in run(program).splitlines()]
    assert [sorted(row) for row in rows] == [["gold", "prompt", "verification_info", "verifier"]] * 3


def test_puzzles_do_not_depend_on_the_day():
    program = """
import datetime, json
from r1trainer import puzzles
class Day(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2001, 2, 3, tzinfo=tz)
before = list(puzzles.generate("time_intervals", 40, 3))
datetime.datetime = Day
print(before == list(puzzles.generate("time_intervals", 40, 3)), "2001" in json.dumps(before))
import reasoning_gym.arithmetic.time_intervals as module
print(module.parser.parse("10:20").year)
"""
    assert run(program).split() == ["True", "False", "2001"]


def test_scores_that_are_none_judge_nothing():
    program = """
from r1trainer import puzzles
for value in (float("nan"), -1, 2, "x"):
    puzzles.score = lambda *_: float(value)
    print(puzzles.assess("chain_sum", {"answer": "2"}, "2"))
"""
    assert set(run(program).splitlines()) == {"('unverified', 'verifier-fault', None)"}
