"""Which process a file in the game's folders belongs to, and whether it still lives: for whoever tidies up after it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from functools import cache

_TEXT = re.compile(r"(\d+)-(\d+)-([A-Za-z0-9]+)")
_SAME_MS = 2000
"""The start of a process is told a little differently each time on some systems."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of a machine: numbers of processes are used again, so its start counts, too."""

    pid: int
    started_ms: int
    host: str

    def __str__(self) -> str:
        """Fit for a file name."""
        return f"{self.pid}-{self.started_ms}-{self.host}"

    def lives(self) -> bool:
        """False only for what is known: of another machine it is not."""
        import psutil

        if self.host != me().host:
            return True
        try:
            started_ms = round(psutil.Process(self.pid).create_time() * 1000)
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return True
        return abs(started_ms - self.started_ms) < _SAME_MS


def me() -> Owner:
    """This process."""
    return _remembered(os.getpid())


def owner_of(pid: int) -> Owner:
    """A process that runs now; one that has just ended counts as started at 0, so that it never lives."""
    import psutil

    host = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:20] or "here"
    try:
        return Owner(pid, round(psutil.Process(pid).create_time() * 1000), host)
    except psutil.NoSuchProcess:
        return Owner(pid, 0, host)


_remembered = cache(owner_of)


def owner_in(text: str) -> Owner | None:
    """The owner whose `str` is in a file name; None if there is none."""
    match = _TEXT.search(text)
    return Owner(int(match[1]), int(match[2]), match[3]) if match else None
