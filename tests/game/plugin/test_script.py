"""The plugin as a script: an engine takes it without a warning, and only with calls that TMInterface declares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tmxdb.game import plugin

from .host import Host


def compiled(program: Path, folder: Path, script: str) -> tuple[int, str]:
    """Status and complaints of the host for this text; 0 if it runs."""
    file = folder / "plugin.as"
    file.write_text(script, "utf-8")
    ended = subprocess.run([program, file], input="", capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stderr


def test_an_engine_takes_it_without_a_word(program: Path, tmp_path: Path) -> None:
    assert compiled(program, tmp_path, plugin.SCRIPT.read_text("utf-8")) == (0, "")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("void f() { print(1) }", "Expected"),
        ('void f() { log("a".length() + ""); }', "length"),  # a call of other engines, not of TMInterface
        ("void f() { Net::Socket@ s = Net::Socket(); s.Close(); }", "Close"),
        ("void f(uint n) { int i = -1; if (i < n) log(''); }", "Signed/Unsigned mismatch"),  # no more than a warning
    ],
)
def test_it_would_complain_of_another_one(program: Path, tmp_path: Path, line: str, complaint: str) -> None:
    status, complaints = compiled(program, tmp_path, plugin.SCRIPT.read_text("utf-8") + line)
    assert status == 3
    assert complaint in complaints


def test_the_version_that_it_tells_the_game_is_that_of_its_first_line() -> None:
    text = plugin.SCRIPT.read_text("utf-8")
    version = plugin.version_of(text)
    assert version is not None
    assert f'info.Version = "{version}"' in text


def test_it_is_ascii_for_whatever_reads_it() -> None:
    assert plugin.SCRIPT.read_bytes().isascii()


def test_a_game_ends_with_whoever_has_started_it(program: Path, tmp_path: Path) -> None:
    starter = (
        "import subprocess, sys\n"
        f"game = subprocess.Popen([{str(program)!r}, {str(plugin.SCRIPT)!r}], stdin=subprocess.PIPE, text=True,"
        " stdout=subprocess.PIPE)\n"
        "game.stdout.readline()\n"
        "print(game.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        game = Path("/proc") / parent.stdout.readline().strip()
        assert game.exists()
        parent.kill()
    for _ in range(1000):
        if not game.exists() or ") Z " in (game / "stat").read_text():
            return
    raise AssertionError("the game outlives its parent")


def test_an_order_that_is_none_ends_a_game_with_a_word(program: Path) -> None:
    host = Host(program, "rcae")
    status, complaint = host.ended()
    assert (status, complaint) == (5, "host: no order rcae\n")
    host.close()
