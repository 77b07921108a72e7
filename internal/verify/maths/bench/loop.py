"""Judges rows with math-verify as its users do: parse and verify, one row after another, in one process.

Reads one JSON object a line, {"gold": …, "answer": …}; writes {"equal": true or false} for each, and at last
{"seconds": …, "cpu": …} of the loop alone, by the clock and of the processor, without the import.
"""

import json
import logging
import sys
import time
from importlib.metadata import version

from math_verify import parse, verify


def judge(gold: str, answer: str) -> bool:
    """Says whether the answer is equal to the gold answer, which comes first."""
    try:
        return bool(verify(parse(f"${gold}$"), parse(answer)))
    except Exception:  # what a user's loop does with a row that fails
        return False


def main() -> None:
    """Judges what stands on standard input."""
    logging.disable(logging.CRITICAL)
    rows = [json.loads(line) for line in sys.stdin]
    start, cpu = time.perf_counter(), time.process_time()
    verdicts = [judge(row["gold"], row["answer"]) for row in rows]
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    for equal in verdicts:
        print(json.dumps({"equal": equal}))
    print(json.dumps({"seconds": seconds, "cpu": cpu, "version": version("math-verify")}))


if __name__ == "__main__":
    main()
