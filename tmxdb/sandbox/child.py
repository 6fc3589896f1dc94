"""A stand-in in a process of its own: given its settings, asked for its first line, and stopped for sure."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tmxdb.errors import BadInput

_STOP_S = 5.0


@contextlib.contextmanager
def started(module: str, *arguments: str, settings: str, greeting: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`python -m module`, alive inside the block, and its first line, which begins with `greeting`.

    It reads one line of settings and ends when its standard input does: also when the process that started it dies.
    Raises BadInput with the line if it is another one.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(settings + "\n")
        process.stdin.flush()
        line = process.stdout.readline().strip()
        if not line.startswith(greeting):
            raise BadInput(line.removeprefix("error: ") or f"{module} did not start")
        yield process, line
    finally:
        _stop(process)


def _environment() -> dict[str, str]:
    """Ours, with the folder of this very package first: the child must not find another tmxdb."""
    package_root = str(Path(__file__).resolve().parents[2])
    paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # it may be gone already
        process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
