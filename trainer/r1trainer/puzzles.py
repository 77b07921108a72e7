"""Puzzles of reasoning-gym: made as problem rows, and judged.

``python -m r1trainer.puzzles generate FAMILY SIZE SEED [CONFIG]`` writes problem rows (docs/job-contract.md) as JSON
lines; ``python -m r1trainer.puzzles families`` writes the families that this environment offers, one a line, each with
the names of its settings: that is ``internal/puzzles/families.txt``, from which addresses are checked before anything
runs. The process must be started with PYTHONHASHSEED=0: some families go by the order of sets, and would make other
puzzles each time.

Judging needs the whole entry of a puzzle, as many have more than one right answer; it travels in the row's
``verification_info`` as ``{"family", "entry"}``.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from r1trainer.errors import ConfigError

VERIFIER = "reasoning-gym"
# Imported by some families only, and not in our environment (trainer/overrides.txt says why).
ABSENT = ("cellpylib", "pycosat", "zss")
# The families that need them.
WITHOUT = frozenset({"game_of_life", "game_of_life_halting", "zebra_puzzles", "codeio"})
# Mixtures, and families that take files from elsewhere, so that their address would not stand for their content.
NOT_OFFERED = WITHOUT | {"composite", "arc_agi", "rearc"}
# Settings that name files, which an address does not stand for.
FILES = frozenset({"data_file"})
# What a family writes into its metadata of the day it is made on; its scorer does not look there.
OF_THE_DAY = {"time_intervals": ("start_time", "end_time")}

# Families whose scorers hand the answer to Python's eval, or to SymPy's parser, which evaluates too: what their answers
# may hold, so that no call, attribute or lambda can be written. A double underscore is never let through.
_LITERAL = re.compile(r"[\w\s\[\],'\"+-]{0,20000}")
_EXPRESSION = re.compile(r"[\w\s+*/^().-]{0,2000}")
EVALUATED = dict.fromkeys(("binary_matrix", "n_queens", "spiral_matrix", "string_insertion"), _LITERAL) | dict.fromkeys(
    ("countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"),
    _EXPRESSION,
)
# What an expression may call; other names are variables of one or two letters.
_FUNCTION = re.compile(r"a?(sin|cos|tan)h?|sec|csc|cot|exp|log|ln|sqrt")


class _Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Makes ``import cellpylib`` give an empty module, as reasoning-gym imports all its families at once."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] not in ABSENT:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _Empty(ModuleType):
    """A module whose names are there and of no use: a family that calls one fails by name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> Any:
            raise ConfigError(f"{self.__name__} is not installed: this family of puzzles is not offered")

        return missing


def library() -> Any:
    """The reasoning_gym package. Raises ConfigError where the process hashes at random."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        raise ConfigError("reasoning-gym needs PYTHONHASHSEED=0, or equal seeds give different puzzles")
    if not any(isinstance(finder, _Absent) for finder in sys.meta_path):
        sys.meta_path.append(_Absent())
    return importlib.import_module("reasoning_gym")


def families() -> list[str]:
    """Names of the families that can be made and judged here, sorted."""
    library()
    registered = importlib.import_module("reasoning_gym.factory").DATASETS
    return sorted(name for name in registered if name not in NOT_OFFERED)


def settings(family: str) -> list[str]:
    """Names of a family's settings that may be given, sorted; size and seed are none."""
    library()
    _, config = importlib.import_module("reasoning_gym.factory").DATASETS[family]
    names = {field.name for field in dataclasses.fields(config) if field.init}
    return sorted(names - {"size", "seed"} - FILES)


def generate(family: str, size: int, seed: int, config: dict[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Yield ``size`` puzzles as rows ``{"prompt", "gold"?, "verifier", "verification_info"}``.

    ``config`` holds the family's own settings, such as ``{"min_numbers": 4}``. Item i is made from seed + i, and in one
    family (acre) from the size too. Raises ConfigError for an unknown family or setting.
    """
    if family not in families():
        raise ConfigError(f"reasoning-gym has no family {family!r} here; it has: {', '.join(families())}")
    known = settings(family)
    if unknown := sorted((config or {}).keys() - set(known)):
        raise ConfigError(f"family {family} has no setting {unknown[0]!r}; it has: {', '.join(known) or 'none'}")
    try:
        data = library().create_dataset(family, size=size, seed=seed, **(config or {}))
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"family {family} refuses its settings: {error}") from error
    for index in range(size):
        entry = data[index]
        row: dict[str, Any] = {"prompt": entry["question"], "verifier": VERIFIER}
        if entry.get("answer") is not None:
            row["gold"] = str(entry["answer"])
        entry["metadata"] = {k: v for k, v in entry["metadata"].items() if k not in OF_THE_DAY.get(family, ())}
        row["verification_info"] = {"family": family, "entry": plain(entry)}
        yield row


def harmless(family: str, answer: str) -> bool:
    """Whether the family's scorer may see an answer: not one that it would run as a program."""
    allowed = EVALUATED.get(family)
    if allowed is None:
        return True
    if not allowed.fullmatch(answer) or "__" in answer:
        return False
    if allowed is _LITERAL:
        return True
    names = re.findall(r"[^\W\d]\w*", answer)
    # Powers of powers and long exponents take forever to work out.
    powers = re.findall(r"(?:\*\*|\^)\s*\(?\s*[+-]?\s*(\w*)", answer)
    return (
        all(len(name) <= 2 or _FUNCTION.fullmatch(name) for name in names)
        and all(len(power) <= 3 for power in powers)
        and len(powers) <= 24
    )


def score(family: str, entry: dict[str, Any], answer: str) -> float:
    """The family's own score of an answer, 0 to 1, partial credit included: only 1 is right.

    Raises whatever the scorer raises, and ConfigError for an unknown family.
    """
    if family not in families():
        raise ConfigError(f"reasoning-gym has no family {family!r} here")
    return float(library().get_score_answer_fn(family)(answer=answer, entry=entry))


def judge(family: str, entry: dict[str, Any], answer: str) -> tuple[str, str]:
    """Judge an answer: ``("correct" | "wrong" | "unverified", reason)``."""
    return assess(family, entry, answer)[:2]


def assess(family: str, entry: dict[str, Any], answer: str) -> tuple[str, str, float | None]:
    """Judge an answer, and give the family's own score of it: None where it has none.

    A scorer that fails on the answer but knows its own reference answer found an answer that cannot be read, which is
    wrong; one that fails on that too is at fault itself.
    """
    if family not in families():
        return "unverified", "unknown-family", None
    if not harmless(family, answer):
        return "wrong", "answer-unparsable", 0.0
    try:
        found = score(family, entry, answer)
    except Exception:
        gold = entry.get("answer")
        try:
            sound = gold is not None and score(family, entry, str(gold)) == 1.0
        except Exception:
            sound = False
        return ("wrong", "answer-unparsable", 0.0) if sound else ("unverified", "verifier-fault", None)
    if not 0.0 <= found <= 1.0:  # no number is neither
        return "unverified", "verifier-fault", None
    return ("correct" if found == 1.0 else "wrong"), "", found


def plain(value: Any) -> Any:
    """A value as JSON knows it: tuples become lists, numbers of libraries become numbers, the rest its text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value, key=repr) if isinstance(value, set | frozenset) else value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return plain(value.item())
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def main(arguments: Sequence[str]) -> int:
    """Entry point; returns the exit code: 2 for a request that cannot be served, its reason on standard error."""
    try:
        match list(arguments):
            case ["families"]:
                for family in families():
                    print(family, *settings(family))
            case ["generate", family, size, seed, *config]:
                given = json.loads(config[0]) if config else None
                rows = os.fdopen(os.dup(1), "w", encoding="utf-8")
                os.dup2(2, 1)  # what a library prints is no row
                for row in generate(family, int(size), int(seed), given):
                    rows.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
                rows.close()
            case _:
                print("usage: r1trainer.puzzles families | generate FAMILY SIZE SEED [CONFIG]", file=sys.stderr)
                return 2
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
