"""`run.py` starts tmxdb in the environment of the clone."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tmxdb import __version__

ROOT = Path(__file__).parents[1]
START = "import sys, run; sys.exit(run.become([sys.executable, '-c', sys.argv[1]]))"


def started(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", START, program], cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot replace a process")
def test_a_signal_to_run_py_reaches_tmxdb() -> None:
    with started("import os; print(os.getpid())") as process:
        out, _ = process.communicate(timeout=60)
    assert int(out) == process.pid


def test_the_exit_status_is_that_of_tmxdb() -> None:
    with started("import sys; sys.exit(3)") as process:
        assert process.wait(60) == 3


def test_bench_prints_first_what_its_figures_depend_on() -> None:
    ran = subprocess.run([sys.executable, "-m", "bench._machine"], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = ran.stdout.splitlines()
    assert line.startswith(f"tmxdb {__version__}")
    assert re.search(
        rf"Python {re.escape(platform.python_version())} \(\d+\.\d\d s for a loop of 5 million steps\)", line
    )
