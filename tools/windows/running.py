"""Follow a Windows program to its end: show its output, and end it when it takes too long or does nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

POLL_S = 0.5


@dataclass(frozen=True)
class Ended:
    """All output of a program, and how it ended: `status N`, or why it was killed."""

    output: str
    status: int
    how: str


def follow(
    process: subprocess.Popen[str],
    seconds: float,
    stuck: Callable[[], str | None] = lambda: None,
    said: Callable[[str], None] = lambda line: None,
) -> Ended:
    """Print the output of `process` until it ends, and pass each line to `said`.

    Kill it after `seconds`, or when `stuck` returns a reason.
    """
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stderr.write(line)
            lines.append(line)
            said(line)

    # A thread, because programs that this one started keep the pipe open when it has ended.
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    how = _wait(process, time.monotonic() + seconds, stuck)
    reader.join(10)
    if not reader.is_alive() and process.stdout is not None:
        process.stdout.close()
    return Ended("".join(lines), process.returncode, how)


def _wait(process: subprocess.Popen[str], deadline: float, stuck: Callable[[], str | None]) -> str:
    while True:
        try:
            return f"status {process.wait(POLL_S)}"
        except subprocess.TimeoutExpired:
            reason = "the time was over" if time.monotonic() > deadline else stuck()
        if reason:
            process.kill()
            process.wait()
            return f"killed: {reason}"
