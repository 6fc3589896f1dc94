"""The plugin compiles without a warning, and only with calls that TMInterface declares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.game.plugin.host import Host
from tmxdb.game import plugin


def compile_script(program: Path, folder: Path, script: str) -> tuple[int, str]:
    """Return exit status and stderr of the host for this script; 0 if it compiles."""
    file = folder / "plugin.as"
    file.write_text(script, "utf-8")
    result = subprocess.run([program, file], input="", capture_output=True, text=True, timeout=300, check=False)
    return result.returncode, result.stderr


def test_the_script_compiles_without_a_message(program: Path, tmp_path: Path) -> None:
    assert compile_script(program, tmp_path, plugin.SCRIPT.read_text("utf-8")) == (0, "")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("void f() { print(1) }", "Expected"),
        ('void f() { log("a".length() + ""); }', "length"),  # a call of other engines, not of TMInterface
        ("void f() { Net::Socket@ s = Net::Socket(); s.Close(); }", "Close"),
        ("void f(uint n) { int i = -1; if (i < n) log(''); }", "Signed/Unsigned mismatch"),  # only a warning
    ],
)
def test_scripts_with_mistakes_are_reported(program: Path, tmp_path: Path, line: str, message: str) -> None:
    status, messages = compile_script(program, tmp_path, plugin.SCRIPT.read_text("utf-8") + line)
    assert status == 3
    assert message in messages


def test_the_version_in_its_info_is_that_of_its_first_line() -> None:
    text = plugin.SCRIPT.read_text("utf-8")
    version = plugin.version_of(text)
    assert version is not None
    assert f'info.Version = "{version}"' in text


def test_the_script_is_ascii() -> None:
    assert plugin.SCRIPT.read_bytes().isascii()


def test_the_host_exits_with_its_parent(program: Path, tmp_path: Path) -> None:
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
    raise AssertionError("the host outlives its parent")


def test_an_unknown_command_ends_the_host_with_a_message(program: Path) -> None:
    host = Host(program, "rcae")
    assert host.wait() == (5, "host: unknown command rcae\n")
    host.close()
