"""A scripted maker of puzzles for the tests of Go: it does what the seed says, with the standard library only."""

import json
import os
import subprocess
import sys
import time

_, command, family, size, seed, settings = sys.argv
size = int(size)


def row(index, **other):
    """Write a row."""
    entry = {"question": f"{index} + 1 =", "answer": str(index + 1), "metadata": {"tag": "<think>"}}
    line = {"prompt": entry["question"], "gold": entry["answer"], "verifier": "reasoning-gym"}
    print(json.dumps(line | {"verification_info": {"family": family, "entry": entry}} | other), flush=True)


match int(seed):
    case 1:
        for index in range(size):
            row(index)
    case 2:
        print("a warning before", file=sys.stderr)
        print("it refuses", file=sys.stderr)
        sys.exit(2)
    case 3:
        row(0)
        raise ValueError("it broke")
    case 4:
        row(0)
    case 5:
        row(0)
        subprocess.Popen(["sleep", "1000"])
        time.sleep(1000)
    case 6:
        row(0)
        print("this is no row", flush=True)
        time.sleep(1000)
    case 7:
        row(0, prompt=json.dumps([command, family, size, seed, json.loads(settings), os.environ.get("PYTHONHASHSEED")]))
    case 8:
        row(0, verifier="integer")
    case 9:
        for _ in range(size):
            row(0)
    case 10:
        row(0)
        os.kill(os.getpid(), 9)
