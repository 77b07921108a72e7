"""Serves one reward function: a request a line on stdin, an answer a line on descriptor 3.

Called as: python -c SHIM module.path:function. The working folder comes first among the places that modules are
looked for in. What the function prints goes to the log. The process ends when stdin does, whatever the function is at.
"""

import asyncio
import importlib
import inspect
import json
import math
import os
import queue
import sys
import threading
import traceback


def load(path):
    """Import the function that module.path:function names."""
    module, _, name = path.partition(":")
    sys.path.insert(0, os.getcwd())
    function = getattr(importlib.import_module(module), name)
    if not callable(function):
        raise TypeError(f"{path} is a {type(function).__name__}, no function")
    return function


def chosen(function, arguments):
    """Leave out the arguments that a function without **kwargs does not name."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return arguments
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
        return arguments
    names = {p.name for p in parameters}
    return {key: value for key, value in arguments.items() if key in names}


def number(value):
    """A reward as JSON can carry it; None where it is none or not finite."""
    if value is None:
        return None
    value = float(value)
    return value if math.isfinite(value) else None


def answer(function, request):
    """Call the function as TRL does, and check that it gave one reward a completion."""
    arguments = dict(request["columns"])
    arguments.update(
        prompts=request["prompts"],
        completions=request["completions"],
        completion_ids=request["completion_ids"],
        trainer_state=None,
        log_extra=lambda *args, **kwargs: None,
        log_metric=lambda *args, **kwargs: None,
    )
    rewards = function(**chosen(function, arguments))
    if inspect.isawaitable(rewards):

        async def wait():
            return await rewards

        rewards = asyncio.run(wait())
    rewards = [number(reward) for reward in rewards]
    if len(rewards) != len(request["completions"]):
        raise ValueError(f"it returned {len(rewards)} rewards for {len(request['completions'])} completions")
    return rewards


def main():
    """Say whether the function is there, then answer until stdin ends."""
    os.set_inheritable(3, False)
    out = os.fdopen(3, "w", encoding="utf-8")

    def say(message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    requests = queue.SimpleQueue()

    def read(stdin):
        for line in stdin:
            requests.put(line)
        os._exit(0)

    # The function must not read requests, and nothing it does may keep the process after its caller.
    stdin = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=read, args=(stdin,), daemon=True).start()
    try:
        function = load(sys.argv[1])
    except BaseException as error:  # also what the import raises to end the process
        traceback.print_exc()
        say({"error": f"{type(error).__name__}: {error}"[:500]})
        return 1
    say({"ready": True})
    while True:
        request = json.loads(requests.get())
        try:
            say({"rewards": answer(function, request)})
        except Exception as error:  # whatever it raises costs its rows only
            traceback.print_exc()
            say({"error": f"{type(error).__name__}: {error}"[:500]})
        sys.stdout.flush()
        sys.stderr.flush()


sys.exit(main())
