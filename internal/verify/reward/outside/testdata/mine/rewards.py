"""Reward functions as users write them, good and bad."""

import os
import subprocess
import sys
import time


def brevity(completions, **kwargs):
    print("a line on stdout")
    return [1.0 / (1 + len(c)) for c in completions]


def columns(prompts, completions, gold, id, **kwargs):
    assert kwargs["trainer_state"] is None
    assert len(kwargs["completion_ids"]) == len(completions)
    kwargs["log_metric"]("x", 1.0)
    return [
        float(f"{p}|{c}|{g}|{i}" == "2+5?|7|7|a") for p, c, g, i in zip(prompts, completions, gold, id, strict=True)
    ]


def few(completions):
    return [0.5 for _ in completions]


async def slowly(completions, **kwargs):
    return [2 for _ in completions]


def some(completions, **kwargs):
    return [None if c == "none" else float(c) for c in completions]


def messages(completions, **kwargs):
    return [float(c[-1]["content"]) for c in completions]


def bad(completions, **kwargs):
    match completions[0]:
        case "raise":
            raise ValueError("no such thing")
        case "exit":
            os._exit(3)
        case "hang":
            subprocess.Popen(["sleep", "300"])
            time.sleep(300)
        case "short":
            return [1.0] * (len(completions) - 1)
        case "text":
            return ["much"] * len(completions)
        case "flood":
            os.write(3, b"x" * 5_000_000)
    return [1.0 for _ in completions]


def spawn(completions, note, **kwargs):
    child = subprocess.Popen(["sleep", "300"])
    with open(note[0] + ".new", "w") as file:
        file.write(str(child.pid))
    os.rename(note[0] + ".new", note[0])
    time.sleep(300)


def secrets(completions, **kwargs):
    return [float(any("SECRET" in name for name in os.environ)), float(sys.stdin.read() == "")]


constant = 3


def daemon(completions, **kwargs):
    subprocess.Popen(["sleep", "60"], start_new_session=True)
    return [1.0 for _ in completions]
