"""Runs a command of tmxdb in its own process and measures it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """`cpu_s` and `peak_mb` include the processes that the command starts: all of them, and the largest. Windows: 0."""

    seconds: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0


def tmxdb_command(*arguments: str) -> Measured:
    """Run `tmxdb arguments…`. Raise AssertionError if it fails."""
    began_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "tmxdb", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    if not hasattr(os, "wait4"):
        assert process.wait() == 0, arguments
        return Measured(time.perf_counter() - began_s)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, arguments
    peak_mb = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Measured(time.perf_counter() - began_s, used.ru_utime + used.ru_stime, peak_mb)
