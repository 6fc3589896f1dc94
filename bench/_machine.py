"""One line about the machine and the Python that a benchmark ran on: `run.py bench` prints it first."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sysconfig
from pathlib import Path

from tmxdb import __version__

ROOT = Path(__file__).resolve().parents[1]


def is_optimized() -> bool:
    """Return whether this Python was built with profile-guided optimisation, as those of most distributions are.

    Without it, Python code takes a third more time. Python's Windows builds always have it.
    """
    return os.name == "nt" or "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")


def describe() -> str:
    """Return what figures depend on: versions, the build of Python, processors, and what else the machine does."""
    words = [f"tmxdb {__version__}{_commit()}"]
    words.append(f"Python {platform.python_version()}{'' if is_optimized() else ' built without optimisations'}")
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
