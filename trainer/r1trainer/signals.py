"""Being asked to stop: SIGTERM, or a deadline that comes near."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

EXIT_STOPPED = 143  # what a process killed by SIGTERM shows


class Stopped(BaseException):
    """The trainer saved what it could and ends with EXIT_STOPPED. Not an error: no ``error.json``."""


class StopRequest:
    """Remembers that somebody wants this process to end.

    Training loops look at ``requested`` where they can save, save, and raise
    ``Stopped``. The deadline counts as a request ``margin`` before it passes.
    """

    def __init__(self, deadline: datetime | None = None, margin: timedelta = timedelta(seconds=60)) -> None:
        self._deadline = deadline
        self._margin = margin
        self._signalled = False

    def install(self) -> StopRequest:
        """Take over SIGTERM. Only the main thread can do this."""
        signal.signal(signal.SIGTERM, self._handle)
        return self

    def _handle(self, number: int, frame: object) -> None:
        self._signalled = True

    @property
    def requested(self) -> bool:
        """Whether to save and stop now."""
        if self._signalled:
            return True
        return self._deadline is not None and datetime.now(UTC) >= self._deadline - self._margin
