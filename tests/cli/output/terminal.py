"""Run `tmxdb`, or a shell, in a pseudo-terminal of a given size, press keys, and wait for text on it."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.tool import Tool

LIMIT_S = 120.0
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A command of tmxdb, or of another `program`, in a terminal with `width` columns and `height` lines."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        width: int,
        height: int,
        variables: Mapping[str, str] | None = None,
        *,
        program: Sequence[str] = (sys.executable, "-m", "tmxdb"),
    ) -> None:
        import fcntl
        import pty
        import struct
        import termios

        self._ours, theirs = pty.openpty()
        self._theirs = theirs
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        environment = {**Tool.environment(), "TERM": "xterm-256color", "PYTHONUTF8": "1", **(variables or {})}
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
            if name not in (variables or {}):
                environment.pop(name, None)
        self._process = subprocess.Popen(
            [*program, *command],
            cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        )  # fmt: skip
        self._text = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._theirs)
        os.close(self._ours)

    def send(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> None:
        """Wait until `text` was written since the last call."""
        deadline = time.monotonic() + LIMIT_S
        while text not in _CONTROLS.sub("", self._text):
            assert time.monotonic() < deadline, f"{text!r} was not written: {self._text[-2000:]!r}"
            assert self._process.poll() is None or self._read(), f"ended before {text!r}: {self._text[-2000:]!r}"
            self._read()
        self._text = ""

    def rest(self) -> str:
        """Wait for the end and return everything that was written."""
        deadline = time.monotonic() + LIMIT_S
        while self._process.poll() is None or self._read():
            assert time.monotonic() < deadline, "the command did not end"
            self._read()
        assert self._process.returncode == 0, self._text
        return self._text

    def status(self) -> int:
        """Wait for the end and return the exit status."""
        self.rest()
        return self._process.returncode

    def echoes(self) -> bool:
        """Return whether the terminal shows what is typed, as before the command."""
        import termios

        return bool(termios.tcgetattr(self._theirs)[3] & termios.ECHO)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._ours], [], [], 0.05)
        if ready:
            self._text += os.read(self._ours, 65_536).decode("utf-8", "replace")
        return bool(ready)
