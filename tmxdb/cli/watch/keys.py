"""Single keys from the terminal, on POSIX systems and Windows."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

POLL_S = 0.05
"""How often Windows is asked for a key: it has nothing to wait for keys with a time limit."""


class Keys:
    """Reads keys without waiting for Enter. Used inside `reading_keys`."""

    def next(self, timeout_s: float) -> str | None:
        """Return the next key, or None after `timeout_s`."""
        time.sleep(timeout_s)
        return None


class _PosixKeys(Keys):
    def next(self, timeout_s: float) -> str | None:
        key = self._byte(timeout_s)
        if key == b"\x1b" and (introducer := self._byte(0)) is not None:  # an arrow or function key, not Esc
            if introducer in b"[O":
                while (byte := self._byte(0)) is not None and not b"@" <= byte <= b"~":  # parameters, then one letter
                    pass
            return ""
        return None if key is None else key.decode("ascii", "replace")

    @staticmethod
    def _byte(timeout_s: float) -> bytes | None:
        import select

        ready, _, _ = select.select([sys.stdin], [], [], timeout_s)
        if not ready:
            return None
        byte = os.read(sys.stdin.fileno(), 1)
        if not byte:  # the terminal was closed
            raise KeyboardInterrupt
        return byte


class _WindowsKeys(Keys):
    def __init__(self, keyboard: Any) -> None:
        self._keyboard = keyboard

    def next(self, timeout_s: float) -> str | None:
        deadline = time.monotonic() + timeout_s
        while not self._keyboard.kbhit():
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            time.sleep(min(POLL_S, left_s))
        key: str = self._keyboard.getwch()
        if key in ("\x00", "\xe0"):  # the first of two codes of an arrow or function key
            self._keyboard.getwch()
            return ""
        if key == "\x03":
            raise KeyboardInterrupt
        return key


@contextmanager
def reading_keys() -> Iterator[Keys]:
    """Yield keys of the terminal on stdin, which is as before when the block ends. Without one there are no keys."""
    if not sys.stdin.isatty():
        yield Keys()
        return
    if os.name == "nt":
        import msvcrt

        yield _WindowsKeys(msvcrt)
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin.fileno())
        yield _PosixKeys()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
