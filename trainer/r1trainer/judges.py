"""A judge of answers for r1ctl's pool of verifier processes: mathematics by math-verify, puzzles by reasoning-gym.

``python -m r1trainer.judges`` reads a request a line on standard input and answers each with a line on descriptor 3,
one after another, until standard input ends. What libraries print goes to standard error. A request is one of

* ``{"id": "…", "load": "maths" | "puzzle"}``: import the library; ``{"id", "version"}`` or ``{"id", "error"}``;
* ``{"id": "…", "maths": {"gold", "answer", "openr1", "answer_first"}}``;
* ``{"id": "…", "puzzle": {"family", "entry", "answer", "partial"}}``.

A judgement is ``{"id", "label", "reason", "answer", "version", "score"}``. Two seconds bound the reading of the gold
answer, and two more the rest. Work that no alarm interrupts (one huge power is a single step of C) is for the caller to
kill.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import logging
import os
import queue
import re
import resource
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import IO, Any, ClassVar, TypeVar

from r1trainer import puzzles

REPLIES = 3  # the descriptor that answers go to
SECONDS = 2.0  # for the gold answer, and again for the rest
MEMORY = 2 << 30  # bytes of address space; math-verify and reasoning-gym together take 0.2 GiB
SHOWN = 200  # characters of an extracted answer that travel back

CORRECT, WRONG, UNVERIFIED = "correct", "wrong", "unverified"
T = TypeVar("T")


class Expired(BaseException):
    """Time is up. No Exception, as libraries catch those."""


class Alarm:
    """Interrupts work in this thread, the main one, and remembers that it did.

    It rings again and again, because a bare ``except:`` in a library may swallow the interruption; what was worked out
    after that is not to be trusted, and ``fired`` tells.
    """

    def __init__(self) -> None:
        self.armed = self.fired = False
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: Any) -> None:
        if self.armed:
            self.fired = True
            raise Expired

    def bound(self, work: Callable[[], T], seconds: float = SECONDS) -> T:
        """Do the work. Raises Expired where it takes longer, or where it went on in spite of the interruption."""
        self.fired = False
        try:
            self.armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds, seconds / 8)
            result = work()
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self.fired:
            raise Expired
        return result


def verdict(label: str, reason: str = "", answer: str = "", version: str = "", score: float | None = None) -> dict:
    """A judgement as it travels."""
    return {"label": label, "reason": reason, "answer": answer[:SHOWN], "version": version, "score": score}


# What tells math-verify where mathematics is, and words of prose.
_ANCHOR = re.compile(r"\$|\\\(|\\\[|\\boxed")
_BOXED = re.compile(r"\\boxed")
_WORD = re.compile(
    r"(?<![\\A-Za-z])(?:(?!(?:arc)?(?:sin|cos|tan)h?\b|sqrt\b|log\b|exp\b|pi\b)[A-Za-z]{3,}|(?!ln\b)[A-Za-z]{2}\s+[A-Za-z0-9])"
)
_NAMED = re.compile(r"\\(?:begin|end|mathrm|operatorname|[a-z]*text[a-z]*)\{[^}]*\}")
_LETTERS = re.compile(r"[\s$]*(?:\\boxed\{)?[A-Za-z][A-Za-z\s]{2,}\}?[\s$.]*")
_DOTS = re.compile(r"\\[lcdv]?dots|\.\.\.|…")


class Maths:
    """math-verify, with its false positives caught that its own numbers show; as open-r1 has it where asked for."""

    def __init__(self) -> None:
        import math_verify
        import sympy

        self.lib, self.sympy = math_verify, sympy
        self.version = "math-verify/" + importlib.metadata.version("math-verify")
        logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # its time-outs are ours
        latex = math_verify.LatexExtractionConfig
        # Where it finds nothing in mark-up, math-verify by itself takes the last number of all, and where it cannot
        # read what is boxed, another formula: half-written ones would be right by what stands in them.
        self.boxed = [latex(boxed_match_priority=0, try_extract_without_anchor=False)]
        self.marked = [latex(), math_verify.ExprExtractionConfig(try_extract_without_anchor=False)]
        self.prose = [math_verify.ExprExtractionConfig()]
        self.openr1 = latex(
            boxed_match_priority=0,
            try_extract_without_anchor=False,
            # Upstream also asks for equations, which this version of math-verify always reads.
            normalization_config=math_verify.LatexNormalizationConfig(
                nits=False, malformed_operators=False, basic_latex=True, boxed="all", units=True
            ),
        )

    def judge(self, alarm: Alarm, gold: str, answer: str, openr1: bool = False, answer_first: bool = False) -> dict:
        """Compare an answer with the gold answer, which is read first: without it nothing is wrong."""
        try:
            wanted = alarm.bound(lambda: self.gold(gold, openr1))
            if not wanted:
                return verdict(UNVERIFIED, "gold-unparsable", version=self.version)
            return alarm.bound(lambda: self.compare(wanted, answer, openr1, answer_first))
        except Expired:
            return verdict(UNVERIFIED, "timeout", version=self.version)

    def gold(self, text: str, openr1: bool) -> list:
        """The gold answer as math-verify reads it; empty where it does not, or where its reading cannot be right."""
        if openr1:
            return self.parse(text, extraction_mode="first_match")
        formula = marked(text)
        if not formula or _LETTERS.fullmatch(text) or _DOTS.search(text):
            return []  # a word becomes the product of its letters, so that Paris equals Pairs; dots are left out
        found = self.parse(formula, extraction_config=self.boxed if _BOXED.search(formula) else self.marked)
        undefined = (self.sympy.nan, self.sympy.zoo)
        read = [value for value in found if not isinstance(value, str)]
        if not read or any(isinstance(value, self.sympy.Basic) and value.has(*undefined) for value in read):
            return []
        return found

    def answer(self, text: str) -> list:
        """An answer as math-verify reads it: what is boxed, else formulas, else the number in the prose."""
        formula = marked(text)
        if not formula:
            return self.parse(text, extraction_config=self.prose)
        return self.parse(formula, extraction_config=self.boxed if _BOXED.search(formula) else self.marked)

    def compare(self, wanted: list, text: str, openr1: bool, answer_first: bool) -> dict:
        """The judgement of an answer, given what the gold answer was read as."""
        if openr1:
            given = self.parse(text, extraction_config=[self.openr1], extraction_mode="first_match")
        else:
            given = self.answer(text)
        shown = next((value for value in reversed(given) if isinstance(value, str)), "")
        failed = False
        for left in wanted:
            for right in given:
                first, second = (right, left) if answer_first else (left, right)
                try:
                    equal = self.lib.verify(first, second, timeout_seconds=None, raise_on_error=True)
                except Exception:  # whatever it raises, it did not decide
                    failed = True
                    continue
                if not equal or not (openr1 or self.near(left, right)):
                    continue
                if not openr1 and _DOTS.search(shown):
                    return verdict(UNVERIFIED, "verifier-fault", shown, self.version)
                return verdict(CORRECT, "", shown, self.version)
        if failed:
            return verdict(UNVERIFIED, "verifier-fault", shown, self.version)
        return verdict(WRONG, "" if given else "answer-unparsable", shown, self.version)

    def near(self, left: Any, right: Any) -> bool:
        """Whether two values that math-verify calls equal are: it rounds to six decimals, so that 2^-98 is 2^-99."""
        numbers = all(isinstance(value, self.sympy.Expr) and value.is_number for value in (left, right))
        if not numbers:
            return True
        difference, size = abs(self.sympy.N(left) - self.sympy.N(right)), abs(self.sympy.N(left))
        return not (difference.is_number and size.is_number and difference.is_finite) or bool(difference <= 1e-5 * size)

    def parse(self, text: str, **how: Any) -> list:
        """math-verify's parse, without its own time-out, which would take our alarm away."""
        return self.lib.parse(text, parsing_timeout=None, **how)


def marked(text: str) -> str:
    """A text with mark-up as it is, a formula without any with some, so that it is read whole; empty for prose."""
    stripped = text.strip().strip("*")  # as Markdown has it
    if _ANCHOR.search(stripped):
        return stripped
    return "" if not stripped or _WORD.search(_NAMED.sub("", stripped)) else f"${stripped}$"


class Puzzles:
    """reasoning-gym."""

    def __init__(self) -> None:
        puzzles.library()
        self.version = f"{puzzles.VERIFIER}/{importlib.metadata.version('reasoning-gym')}"

    def judge(self, alarm: Alarm, family: str, entry: Any, answer: str, partial: bool = False) -> dict:
        """Judge an answer to a puzzle; with partial, its score travels too."""
        if not isinstance(entry, dict):
            return verdict(UNVERIFIED, "malformed-item", version=self.version)
        try:
            label, reason, score = alarm.bound(lambda: puzzles.assess(family, entry, answer))
        except Expired:
            return verdict(UNVERIFIED, "timeout", version=self.version)
        return verdict(label, reason, answer, self.version, score if partial else None)


class Judges:
    """The judges of this process, each made when it is first asked for."""

    kinds: ClassVar[dict[str, Callable[[], Any]]] = {"maths": Maths, "puzzle": Puzzles}

    def __init__(self) -> None:
        self.alarm = Alarm()
        self.made: dict[str, Any] = {}

    def load(self, kind: str) -> Any:
        """The judge of a kind."""
        if kind not in self.made:
            self.made[kind] = self.kinds[kind]()
        return self.made[kind]

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request; every one has an answer, unless memory is up."""
        if "load" in request:
            try:
                return {"version": self.load(request["load"]).version}
            except Exception as error:
                traceback.print_exc()
                return {"error": f"{type(error).__name__}: {error}"[:500]}
        kind = "maths" if "maths" in request else "puzzle"
        try:
            return self.load(kind).judge(self.alarm, **request[kind])
        except MemoryError:
            os._exit(70)  # what is left of this process is in doubt
        except Exception:
            traceback.print_exc(limit=-3)
            return verdict(UNVERIFIED, "verifier-fault")


def requests_of(stdin: IO[bytes]) -> queue.SimpleQueue[bytes]:
    """The lines of a stream, in a queue; at its end the process ends, whatever it is at."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in stdin:
            lines.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def confine() -> None:
    """Bound what an answer can make this process take."""
    for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, limit))


def main() -> int:
    """Entry point: answers until standard input ends."""
    os.set_inheritable(REPLIES, False)
    out = os.fdopen(REPLIES, "w", encoding="utf-8")
    os.dup2(2, 1)
    stdin = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    confine()
    judges, lines = Judges(), requests_of(stdin)
    while True:
        request = json.loads(lines.get())
        reply = judges.answer(request)
        out.write(json.dumps({"id": request["id"], **reply}) + "\n")
        out.flush()


if __name__ == "__main__":
    sys.exit(main())
