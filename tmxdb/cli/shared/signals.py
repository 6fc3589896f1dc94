"""Ctrl-C and other requests to end: the first one ends in good order, a second Ctrl-C immediately."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.shared.output import message
from tmxdb.errors import TmxdbError

EXIT_AFTER_S = 5.0
"""How long a command may take to end after the second Ctrl-C. Longer than giving up a database that does not answer; a
server that accepts a connection and then says nothing takes longer."""
_EXIT_MESSAGE = (
    "\nInterrupted, without an answer from the database or the disk. Rows in flight become pending again by"
    " themselves.\n"
)
STOPPING = "Stopping."
STOPPING_JOBS = "Stopping: jobs in flight finish, the rest are released."
_PRESSED = ("SIGINT", "SIGBREAK")
_SIGNALS = (*_PRESSED, "SIGTERM", "SIGHUP")


class StopSignals:
    """`stop` is set by the first signal: start nothing more. `now` is set by Ctrl-C after it: drop everything.

    A second SIGTERM means the same as the first: systemd sends one to every process of a service, and so may the
    process that started this one. `say` prints the sentence about it; a progress bar replaces it to stay intact. A
    process that has not ended EXIT_AFTER_S after the second Ctrl-C is ended.
    """

    def __init__(self, stopping: str = STOPPING) -> None:
        self._stopping = stopping
        self.stop = threading.Event()
        self.now = threading.Event()
        self.say: Callable[[str], None] = message
        self._ended = threading.Event()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if signum == getattr(signal, "SIGHUP", None):
            _leave_terminal()
        if self.stop.is_set():
            if signal.Signals(signum).name in _PRESSED and not self.now.is_set():
                self.now.set()
                threading.Thread(target=self._exit_if_needed, name="tmxdb-exit", daemon=True).start()
            return
        self.stop.set()
        self.say(f"{self._stopping} Press Ctrl-C again to stop immediately.")

    def close(self) -> None:
        """Let the process live: the command has ended by itself."""
        self._ended.set()

    def _exit_if_needed(self) -> None:
        if not self._ended.wait(EXIT_AFTER_S):
            with suppress(OSError):  # not with `message`: the main thread may be holding the stream
                os.write(2, _EXIT_MESSAGE.encode())
            os._exit(INTERRUPTED)


@contextmanager
def stop_signals(stopping: str = STOPPING) -> Iterator[StopSignals]:
    """Within the block, note Ctrl-C, SIGTERM and a closed terminal (SIGHUP) instead of raising.

    `stopping`: what the command does then, as a sentence. A SIGHUP that is ignored already, as under nohup, stays
    ignored. Signals that `held_from_child` blocked arrive now.
    """
    signals = StopSignals(stopping)
    numbers = _numbers()
    former = {
        number: signal.signal(number, signals) for number in numbers if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        with _mask(_UNBLOCK):
            yield signals
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signals.close()


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """Within the block, end at SIGTERM and at a closed terminal as at Ctrl-C: with KeyboardInterrupt.

    For commands without `stop_signals` that undo something when they end. A signal that follows is ignored meanwhile,
    except Ctrl-C.
    """
    former = {
        number: signal.getsignal(number)
        for number in _numbers()
        if number != signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN
    }

    def end(signum: int, frame: FrameType | None) -> None:
        for number in former:
            signal.signal(number, signal.SIG_IGN)
        if signum == getattr(signal, "SIGHUP", None):
            _leave_terminal()
        raise KeyboardInterrupt

    for number in former:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def if_interrupted(sentence: str | None) -> Iterator[None]:
    """End the command with `sentence` if the work within the block is interrupted. None: it says that it continues."""
    try:
        yield
    except TmxdbError as error:
        if sentence is None or error.code != "worker.stopping":
            raise
        message(sentence)
        sys.exit(INTERRUPTED)


@contextmanager
def held_from_child() -> Iterator[None]:
    """Within the block, start a tmxdb that gets requests to end no sooner than in its `stop_signals`.

    Before that they would kill it in the middle of its imports. Without effect on Windows, which cannot block them.
    """
    with _mask(_BLOCK):
        yield


_BLOCK, _UNBLOCK = getattr(signal, "SIG_BLOCK", 0), getattr(signal, "SIG_UNBLOCK", 0)


@contextmanager
def _mask(how: int) -> Iterator[None]:
    """Block or unblock requests to end in this thread and in processes that it starts."""
    if sys.platform == "win32":
        yield
        return
    former = signal.pthread_sigmask(how, _numbers())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def _numbers() -> list[int]:
    return [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]


def _leave_terminal() -> None:
    """Send what would go to the terminal that was closed to nowhere: writing to it fails from now on."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            with suppress(OSError):
                if os.isatty(descriptor):
                    os.dup2(nowhere, descriptor)
        os.close(nowhere)
