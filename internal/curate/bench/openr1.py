"""Decontamination by open-r1's rule in plain Python: the other side of the benchmark.

Lower case, words at white space, any shared n-gram of words. Usage:

    openr1.py file   EVAL ROWS OUT PROCS   prompts of a JSONL file; kept rows go to OUT.<part>
    openr1.py memory EVAL ROWS -   PROCS   prompt and response together, read before the clock starts

Prints one JSON object: seconds, rows, and the ids of the dropped rows.
"""

import json
import multiprocessing
import os
import sys
import time

NGRAM = 8


def ngrams(text: str) -> list[str]:
    """All n-grams of a text."""
    words = text.lower().split()
    return [" ".join(words[i : i + NGRAM]) for i in range(len(words) - NGRAM + 1)]


def load_benchmark(path: str) -> set[str]:
    """The n-grams of all prompts of a benchmark."""
    known: set[str] = set()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            known.update(ngrams(json.loads(line)["prompt"]))
    return known


def contaminated(text: str, known: set[str]) -> bool:
    """Whether some n-gram is known: a set first, as upstream does."""
    return any(gram in known for gram in set(ngrams(text)))


def run_part(known: set[str], path: str, out: str, start: int, end: int) -> tuple[int, list[str]]:
    """Filters the lines that begin in [start, end) of a file."""
    rows, dropped = 0, []
    with open(path, "rb") as lines, open(out, "wb") as kept:
        if start > 0:
            lines.seek(start - 1)
            lines.readline()
        while lines.tell() < end:
            line = lines.readline()
            row = json.loads(line)
            rows += 1
            if contaminated(row["prompt"], known):
                dropped.append(row["id"])
            else:
                kept.write(line)
    return rows, dropped


TEXTS: list[tuple[str, str]] = []
KNOWN: set[str] = set()


def judge(part: tuple[int, int]) -> list[str]:
    """Ids of the contaminated texts of a part, which the parent read before it forked."""
    return [name for name, text in TEXTS[part[0] : part[1]] if contaminated(text, KNOWN)]


def main() -> None:
    """Runs one of the two measurements."""
    mode, eval_path, rows_path, out, procs = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
    began = time.monotonic()
    KNOWN.update(load_benchmark(eval_path))
    context = multiprocessing.get_context("fork")
    if mode == "file":
        size = os.path.getsize(rows_path)
        bounds = [size * i // procs for i in range(procs + 1)]
        parts = [(KNOWN, rows_path, f"{out}.{i}", bounds[i], bounds[i + 1]) for i in range(procs)]
        with context.Pool(procs) as pool:
            results = pool.starmap(run_part, parts)
        rows = sum(n for n, _ in results)
        dropped = [name for _, names in results for name in names]
    else:
        with open(rows_path, encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                TEXTS.append((row["id"], row["prompt"] + "\n" + row["response"]))
        rows = len(TEXTS)
        parts = [(i, min(rows, i + 64)) for i in range(0, rows, 64)]
        began = time.monotonic()
        with context.Pool(procs) as pool:
            dropped = [name for names in pool.imap(judge, parts) for name in names]
    print(json.dumps({"seconds": time.monotonic() - began, "rows": rows, "dropped": dropped}))


if __name__ == "__main__":
    main()
