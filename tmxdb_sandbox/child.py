"""A simulation in a child process: start it, read its first line, and stop it reliably."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tmxdb.child_processes import with_this_tmxdb, without_ctrl_c
from tmxdb.errors import InvalidInput

_STOP_S = 5.0


@contextlib.contextmanager
def started(module: str, *arguments: str, settings: str, greeting: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `python -m module` inside the block and return it with its first line, which starts with `greeting`.

    The child reads one line of settings and exits when its standard input ends, so also when its parent dies.
    Raise InvalidInput with the line if it starts otherwise.
    """
    process = _start(module, arguments)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(settings + "\n")
        process.stdin.flush()
        line = process.stdout.readline().strip()
        if not line.startswith(greeting):
            raise InvalidInput(line.removeprefix("error: ") or f"{module} did not start")
        yield process, line
    finally:
        _stop(process)


def _start(module: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    with without_ctrl_c():  # the parent decides when it ends
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**with_this_tmxdb(os.environ), "PYTHONIOENCODING": "utf-8"},
        )


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # it may have exited already
        process.stdin.close()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
