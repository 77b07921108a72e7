"""``python -m r1trainer job.json``."""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from r1trainer.errors import write_error
from r1trainer.job import Job, function_for, load_job
from r1trainer.signals import EXIT_STOPPED, Stopped

# For libraries that read these when they are imported: one process, and a log without progress bars.
_QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "warning",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one job and return the exit status: 0 done, 1 failed (see ``error.json``), 143 asked to stop, 2 misused."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m r1trainer job.json", file=sys.stderr)
        return 2
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    path = Path(arguments[0])
    error_file = path.parent / "error.json"
    try:
        job = load_job(path)
        error_file = job.error
        _load(job.kind)(job)
    except Stopped:
        return EXIT_STOPPED
    except Exception as error:
        traceback.print_exc()
        write_error(error_file, error)
        return 1
    return 0


def _load(kind: str) -> Callable[[Job], None]:
    # Imports make objects by the million and drop few. Looking through them for garbage, again and again, takes half a
    # second of the eight that loading the libraries takes.
    gc.disable()
    try:
        return function_for(kind)
    finally:
        gc.enable()


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # All files are written and closed. Taking the interpreter apart would cost two seconds more, and a stopped job
    # would wait for the verifier's answer to a request that nobody needs.
    os._exit(status)
