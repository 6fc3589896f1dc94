"""One line about the machine and the Python that a benchmark ran on: `run.py bench` prints it first."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import time
from pathlib import Path

from tmxdb import __version__

LOOP = 5_000_000
ROOT = Path(__file__).resolve().parents[1]


def loop_s() -> float:
    """Return how long a fixed loop of Python takes on this processor, in seconds of processor time.

    Python built without profile-guided optimisation, as pyenv does by default, takes a fifth longer than that of a
    distribution. Any Python takes up to twice as long on a virtual machine whose neighbours are busy.
    """
    began = time.thread_time()
    total = 0
    for i in range(LOOP):
        total += i * i
    return time.thread_time() - began


def describe() -> str:
    """Return what figures depend on: versions, the build of Python, processors, and what else the machine does."""
    words = [f"tmxdb {__version__}{_commit()}"]
    words.append(
        f"Python {platform.python_version()} ({loop_s():.2f} s for a loop of {LOOP // 1_000_000} million steps)"
    )
    words.append(f"SQLite {sqlite3.sqlite_version}")
    words.append(f"{os.cpu_count()} processors")
    if hasattr(os, "getloadavg"):
        words.append(f"load {os.getloadavg()[0]:.1f}")
    return ", ".join(words)


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    try:
        return f" ({subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()})"
    except (OSError, subprocess.CalledProcessError):
        return ""  # not a checkout


if __name__ == "__main__":
    print(describe(), flush=True)
