"""`tmxdb demo`: the command that it suggests works where it was called, and Ctrl-C is reported once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool

pytestmark = pytest.mark.slow
PROGRAM = f'"{sys.executable}" -m tmxdb'


def _started(tool: Tool, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tmxdb", "demo", "--tracks", "4", *words],
        cwd=tool.folder,
        env=tool.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_the_suggested_command_can_be_pasted(tool: Tool) -> None:
    with _started(tool, "--folder", "with space", "--program", PROGRAM) as process:
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 0, out
    last = out.rstrip().splitlines()[-1]
    found = re.fullmatch(r"# Look around: (.*)", last)
    assert found, last
    assert found[1].startswith(f'{PROGRAM} --db "with space/tmx.db" query ')
    ran = subprocess.run(found[1], shell=True, cwd=tool.folder, env=tool.environment(), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "track_id" in ran.stdout


@needs_ctrl_c
def test_an_interrupted_demo_says_so_once(tool: Tool) -> None:
    with _started(tool, "--folder", "demo") as process:
        assert process.stdout is not None
        said = list(iter(process.stdout.readline, "$ tmxdb run --top 5 --n 16\n"))
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the demo, its command and the sandbox
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 130, (said, out)
    assert out.count("Interrupted") == 1
    assert "Traceback" not in out
