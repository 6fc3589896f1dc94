"""`tmxdb demo`: the command that it suggests works where it was called, and Ctrl-C is reported once."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.cli.commands.sandbox.demo import _ctrl_c_left_to_child

pytestmark = pytest.mark.slow
RUN = "$ tmxdb run --top 5 --n 16\n"
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
        said = list(iter(process.stdout.readline, RUN))
        with closing(sqlite3.connect(tool.folder / "demo" / "tmx.db")) as file:
            until(lambda: file.execute("select count(*) from workers").fetchone()[0])
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the demo, its command and the sandbox
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 130, (said, out)
    assert out.count("Interrupted") == 1
    assert "Traceback" not in out


@needs_ctrl_c
def test_an_interrupted_demo_continues_with_the_command_that_it_names(tool: Tool) -> None:
    with _started(tool, "--program", PROGRAM) as process:
        assert process.stdout is not None
        list(iter(process.stdout.readline, RUN))
        with closing(sqlite3.connect(tool.folder / "tmxdb-demo" / "tmx.db")) as file:
            until(lambda: file.execute("select count(*) from workers").fetchone()[0])
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=300)
    command = out.rstrip().splitlines()[-1].removeprefix("The demo has stopped. To continue it, run: ")
    assert command == f"{PROGRAM} demo --tracks 4 --folder tmxdb-demo"
    for _ in range(2):  # a demo that has ended can be shown again
        ran = subprocess.run(command, shell=True, cwd=tool.folder, env=tool.environment(), capture_output=True)
        assert ran.returncode == 0, ran.stderr
    assert tool.column("select distinct status from replays", db="tmxdb-demo/tmx.db") == ["done"]


def test_a_demo_leaves_a_database_of_a_real_site_alone(tool: Tool) -> None:
    tool("--db", "mine.db", "migrate")
    tool.change("insert into settings (key, value) values ('site', 'tmnf')", db="mine.db")
    (tool.folder / "mine").mkdir()
    (tool.folder / "mine.db").rename(tool.folder / "mine" / "tmx.db")
    assert "is a database of tmnf, not of a demo" in tool("demo", "--folder", "mine", ends=1).error


def test_a_demo_whose_port_another_program_uses_is_one_sentence(tool: Tool) -> None:
    tool("--db", "tmx.db", "migrate")
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        tool.change("insert into settings (key, value) values ('site', ?)", url)
        assert "Choose another --folder." in tool("demo", "--folder", ".", ends=1).error


@needs_ctrl_c
def test_a_demo_interrupted_when_a_command_starts_does_not_go_on(tool: Tool) -> None:
    with _started(tool, "--folder", "demo") as process:
        assert process.stdout is not None
        said = list(iter(process.stdout.readline, RUN))
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=300)
    assert process.returncode == 130, (said, out)
    assert "$ tmxdb" not in out


@needs_ctrl_c
@pytest.mark.parametrize("status", [0, 5])
def test_the_status_of_a_command_is_known_whenever_ctrl_c_comes(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """An exception from waitpid() would lose it, and Python takes what it cannot learn for 0."""
    waitpid = os.waitpid

    def waited_for(pid: int, options: int) -> tuple[int, int]:
        found = waitpid(pid, options)
        os.kill(os.getpid(), signal.SIGINT)
        return found

    monkeypatch.setattr("os.waitpid", waited_for)
    with _ctrl_c_left_to_child() as pressed:
        assert subprocess.Popen([sys.executable, "-c", f"raise SystemExit({status})"]).wait() == status
    assert pressed.is_set()
