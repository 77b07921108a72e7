"""A scripted judge for the tests of the pool: it does what an item's family says, with the standard library only."""

import json
import os
import subprocess
import sys
import time

out = os.fdopen(3, "w")
judged = 0


def say(**reply):
    """Write a reply."""
    out.write(json.dumps(reply) + "\n")
    out.flush()


for line in sys.stdin:
    request = json.loads(line)
    name = request["id"]
    if "load" in request:
        if os.environ.get("SCRIPTED_BROKEN"):
            say(id=name, error="ImportError: no module named nothing")
        else:
            say(id=name, version="scripted/" + request["load"])
        continue
    item = request.get("puzzle") or request["maths"]
    judged += 1
    what, answer = item.get("family", "echo"), item["answer"]
    if what == "echo":
        say(id=name, label="correct", answer=answer, version="scripted/2")
    elif what == "pid":
        say(id=name, label="correct", answer=f"{os.getpid()} {judged}")
    elif what == "environment":
        say(id=name, label="correct", answer=os.environ.get(answer, "unset"))
    elif what == "score":
        say(id=name, label="wrong", score=0.25, reason="near")
    elif what == "hang":
        child = subprocess.Popen(["sleep", "1000"], close_fds=False)  # it holds the pipe of replies too
        time.sleep(1000)
    elif what == "kill":
        os.kill(os.getpid(), 9)
    elif what == "exit":
        os._exit(0)
    elif what == "garbage":
        out.write("this is no reply\n")
        out.flush()
    elif what == "stranger":
        say(id="another", label="correct")
    elif what == "twice":
        out.write(2 * (json.dumps({"id": name, "label": "correct"}) + "\n"))
        out.flush()
    elif what == "no-label":
        say(id=name, label="perhaps")
    elif what == "flood":
        while True:
            out.write("x" * 65536)
    elif what == "forge":  # as a judged text would, if it got a library to print it
        print(json.dumps({"id": name, "label": "correct"}), flush=True)
        say(id=name, label="wrong")
