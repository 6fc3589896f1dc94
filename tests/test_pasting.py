"""Commands that are printed or documented can be pasted into sh, cmd.exe and PowerShell alike.

The rules are those of "about_Parsing" and "about_Quoting_Rules" at learn.microsoft.com, and of cmd.exe's `help cmd`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tmxdb.cli.commands.sandbox.demo import _quoted
from tmxdb.cli.program import COMMANDS, tmxdb

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = sorted([*(ROOT / "tmxdb").rglob("*.py"), *(ROOT / "tmxdb_sandbox").rglob("*.py")])
PROGRAM = re.compile(r"(?:(?:python3 (?:\.\./)?|py )run\.py \w|tmxdb [a-z-])")


def problems(command: str) -> list[str]:
    """What one of the three shells would not pass on as it stands."""
    found = []
    if command.count('"') % 2:
        found.append("a double quote that is not closed")
    quoted = re.findall(r'"[^"]*"', command)
    bare = re.sub(r'"[^"]*"', "", command)
    if "'" in bare:
        found.append("single quotes: cmd.exe passes them on")
    if re.search(r"[{}();&<!*^]", bare):
        found.append("{ } ( ) ; & < ! * ^ outside of double quotes")
    if "," in bare:
        found.append("a comma outside of double quotes: PowerShell divides the word there")
    if re.search(r"[$`]", command):
        found.append("$ or `: sh and PowerShell replace what follows, also between double quotes")
    if re.search(r"%\w+%", command):
        found.append("%NAME%: cmd.exe replaces it")
    if "\\" in bare or any('\\"' in word or word.endswith('\\"') for word in quoted):
        found.append("a backslash: sh takes it away, and cmd.exe knows no escaped quote")
    if re.match(r"\w+=", command):
        found.append("a variable before the command: only sh can do that")
    return found


def first_command(line: str) -> str:
    """Return what is before a pipe or a redirection; in tables of Markdown a pipe has a backslash."""
    found = re.match(r'(?:"[^"]*"?|[^"|>])*', line)
    return found[0].rstrip(" \\") if found else line


def documented() -> Iterator[tuple[str, str]]:
    """Commands in the pages, with the name of the page."""
    for page in PAGES:
        content = page.read_text("utf-8")
        for block in re.findall(r"```console\n(.*?)```", content, re.S):
            for line in block.splitlines():
                command = line.removeprefix("$ ").split("  #")[0].strip()
                if line.startswith("$ ") and PROGRAM.search(command):
                    yield page.name, first_command(command)
        for command in re.findall(r"`((?:py|python3|tmxdb) [^`]*)`", re.sub(r"```.*?```", "", content, flags=re.S)):
            if PROGRAM.match(command):
                yield page.name, first_command(command)


def printed() -> Iterator[tuple[str, str]]:
    """Commands in backticks in the texts of the program, and in the examples of its help."""
    for file in CODE:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(
                    part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "X"
                    for part in node.values
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            else:
                continue
            yield from ((file.name, command) for command in re.findall(r"`(tmxdb [a-z][^`]*)`", text))


def helped() -> Iterator[tuple[str, str]]:
    """Examples in the help of every command."""
    context = click.Context(tmxdb, info_name="tmxdb", **tmxdb.context_settings)
    pending = [(name, tmxdb.get_command(context, name)) for name in COMMANDS]
    while pending:
        name, command = pending.pop()
        assert command is not None
        for line in (command.help or "").splitlines():
            if line.strip().startswith("tmxdb "):
                yield name, first_command(line.strip().split("  ")[0])
        if isinstance(command, click.Group):
            pending += [(f"{name} {child}", command.get_command(context, child)) for child in command.commands]


@pytest.mark.parametrize("source", [documented, printed, helped], ids=lambda source: source.__name__)
def test_every_command_can_be_pasted_into_each_shell(source: object) -> None:
    commands = sorted(set(source()))  # type: ignore[operator]
    assert len(commands) > 20
    assert {f"{place}: {command}": problems(command) for place, command in commands if problems(command)} == {}


def test_each_page_with_the_command_of_posix_names_that_of_windows() -> None:
    for page in PAGES:
        content = page.read_text("utf-8")
        shows = "python3 run.py" in content and page.parent.name != "reference"  # generated pages name their generator
        assert not shows or "`py run.py`" in content, page.name


def test_run_py_prints_the_command_of_its_system() -> None:
    ran = subprocess.run([sys.executable, ROOT / "run.py", "bench"], capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("py run.py bench " if sys.platform == "win32" else "python3 run.py bench ")
    content = (ROOT / "run.py").read_text("utf-8")
    assert re.findall(r"print\(.*python3", content) == []


@pytest.mark.parametrize(
    "word", ["plain", "C:/a/b.db", "two words", "a&b", "a;b", "50%", "~me", "a(b)", "x<y", "", "#x"]
)
def test_words_that_the_demo_prints_are_quoted_where_a_shell_needs_it(word: str) -> None:
    assert problems(f"tmxdb show {_quoted(word)}") == []
    if sys.platform != "win32":
        ran = subprocess.run(["sh", "-c", f"printf %s {_quoted(word)}"], capture_output=True, text=True, check=True)
        assert ran.stdout == word


@pytest.mark.parametrize(
    "command",
    [
        "tmxdb query 'select 1'",
        "tmxdb show a;b",
        "tmxdb export frames dataset --split train=1,val=1",
        "X=1 tmxdb status",
        'tmxdb query "select `a`"',
        "tmxdb --db %TMP%",
    ],
)
def test_commands_that_cannot_be_pasted_are_found(command: str) -> None:
    assert problems(command)
