"""Ctrl-C: the first ends in good order, the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tmxdb.cli.say import talk


class Stopping:
    """`stop`: begin nothing more. `now`: drop everything."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.now = threading.Event()
        self.say: Callable[[str], None] = talk  # a progress bar puts itself here, to stay whole

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if self.stop.is_set():
            self.now.set()
            return
        self.stop.set()
        self.say("Stopping: what is in flight ends, the rest is given back. Ctrl-C again stops at once.")


@contextmanager
def ctrl_c() -> Iterator[Stopping]:
    """Inside the block, Ctrl-C and SIGTERM are noted instead of raised."""
    stopping = Stopping()
    names = [name for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)]
    former = {name: signal.signal(getattr(signal, name), stopping) for name in names}
    try:
        yield stopping
    finally:
        for name, handler in former.items():
            signal.signal(getattr(signal, name), handler)
