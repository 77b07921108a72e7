# Runs a program in an E2B sandbox, which has no standard input of its own, and prints how it ended as one marked line.
# ORDER is put before this text. What the program prints is compared elsewhere, so there is nothing here to forge.
import base64
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (ORDER["memory"], ORDER["memory"]))  # noqa: F821
    resource.setrlimit(resource.RLIMIT_FSIZE, (ORDER["output"], ORDER["output"]))  # noqa: F821
    resource.setrlimit(resource.RLIMIT_CPU, (ORDER["cpu"], ORDER["cpu"]))  # noqa: F821


with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
    for name in ("code", "stdin"):
        with open(os.path.join(folder, name), "wb") as file:
            file.write(base64.b64decode(ORDER[name]))  # noqa: F821
    stdin = stack.enter_context(open(os.path.join(folder, "stdin"), "rb"))
    stdout = stack.enter_context(open(os.path.join(folder, "stdout"), "w+b"))
    stderr = stack.enter_context(open(os.path.join(folder, "stderr"), "w+b"))
    began = time.monotonic()
    said = {}
    process = subprocess.Popen(
        [sys.executable, "-s", os.path.join(folder, "code")],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=folder,
        start_new_session=True,
        preexec_fn=limited,
    )
    try:
        said["code"] = process.wait(ORDER["wall"])  # noqa: F821
    except subprocess.TimeoutExpired:
        said["late"] = True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    process.wait()
    said["seconds"] = time.monotonic() - began
    for name, stream in (("stdout", stdout), ("stderr", stderr)):
        stream.seek(0)
        said[name] = base64.b64encode(stream.read()).decode()
    print(ORDER["mark"] + json.dumps(said))  # noqa: F821
