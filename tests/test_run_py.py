"""`run.py` starts tmxdb in the environment of the clone."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tmxdb import __version__

ROOT = Path(__file__).parents[1]
BACKEND = """
import os, zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "tmxdb-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr("tmxdb.pth", os.getcwd())
        wheel.writestr("tmxdb-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tmxdb\\nVersion: 1\\n")
        wheel.writestr("tmxdb-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("tmxdb-1.dist-info/RECORD", "tmxdb.pth,,\\n")
    return name
"""
"""What pip needs to install a clone without the network."""
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


@pytest.mark.skipif(os.name != "posix", reason="only POSIX ends processes with signals")
def test_a_check_that_a_signal_ends_is_no_success(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text('#!/bin/sh\n[ "$2" = mypy ] && kill -9 $$\nexit 0\n')
    tool.chmod(0o755)
    program = f"import sys, run; run.python = lambda extra: {str(tool)!r}; sys.exit(run.check([]))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 128 + 9


def test_bench_prints_first_what_its_figures_depend_on() -> None:
    ran = subprocess.run([sys.executable, "-m", "bench._machine"], cwd=ROOT, capture_output=True, text=True, check=True)
    (line,) = ran.stdout.splitlines()
    assert line.startswith(f"tmxdb {__version__}")
    assert re.search(
        rf"Python {re.escape(platform.python_version())} \(\d+\.\d\d s for a loop of 5 million steps\)", line
    )


def a_clone(folder: Path, version: str) -> Path:
    """Create a clone without dependencies that prints `version`, whatever the command is."""
    (folder / "tmxdb").mkdir(parents=True)
    (folder / "run.py").write_bytes((ROOT / "run.py").read_bytes())
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (folder / "tmxdb" / "__main__.py").write_text(f"print({version!r})")
    return folder


def version_of(clone: Path, cwd: Path) -> str:
    """Return what `run.py tmxdb` of `clone` prints in the folder `cwd`."""
    command = [sys.executable, str(clone / "run.py"), "tmxdb", "--version"]
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_a_copied_or_moved_clone_runs_its_own_code_in_every_folder(tmp_path: Path) -> None:
    first = a_clone(tmp_path / "first", "1.0")
    assert version_of(first, tmp_path) == "1.0"
    second = shutil.copytree(first, tmp_path / "second", symlinks=True)
    (second / "tmxdb" / "__main__.py").write_text("print('2.0')")
    assert version_of(second, tmp_path) == "2.0"
    assert version_of(first, second) == "1.0"
    moved = second.rename(tmp_path / "moved")
    assert version_of(moved, first) == "2.0"
