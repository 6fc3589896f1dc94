"""Every option of every command with hostile values: the call works, or ends with one sentence and a known status."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import sys
import webbrowser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
import uvicorn

from tests.tool import Tool
from tmxdb.cli import main
from tmxdb.cli.program import COMMANDS, tmxdb
from tmxdb_sandbox import RunningSite

pytestmark = pytest.mark.slow
DOCUMENTED = {0, 1, 2, 3, 130}
ENDLESS = {"--watch", "--forever"}
"""Options with which a command runs until Ctrl-C."""

TEXTS = ["", " ", "abc", "-1", "0", "x" * 300, "\x1b[2J\u202e", "%s{0}", "\udcff", "٣", "a=b", "-", "https://a b/c"]
NUMBERS = ["", "abc", "-1", "0", "1.5", "nan", "inf", "1e999", "99999999999999999999", "٣", "0x10"]
FILES = [".", "missing", "missing/x", "empty", "binary", "huge", "noread", "ids.txt", "tmx.db", "/dev/null", "loop"]

TRACK_ID = 2233
"""A track with downloaded replays. Exports that read files read only those: all of them would take seconds a call."""
BASE: dict[str, list[str]] = {
    "sync-tracks": ["--max-tracks", "1"],
    "add-tracks": ["5", "--no-lookup"],
    "adopt": ["empty", "--no-lookup"],
    "doctor": ["--offline"],
    "work": ["--kind", "list"],
    "watch": ["--once", "--every", "1d"],
    "show": ["track", "1"],
    "track": [str(TRACK_ID)],
    "top": [str(TRACK_ID)],
    "driver": ["a"],
    "schema": ["tracks"],
    "query": ["select 1"],
    "pause": ["list"],
    "resume": ["list"],
    "skip": ["--track-id", "1", "--reason", "x"],
    "export frames": ["out"],
    "export lake": ["lake", f"--track-id={TRACK_ID}"],
    "export vcp": ["out", f"--track-id={TRACK_ID}"],
    "export lines": ["out.csv", "--force", f"--track-id={TRACK_ID}"],
    "plot": ["binary"],
    "contact-sheet": ["1"],
    "film": ["1"],
    "backup": ["copy.db"],
    "copy-db": ["tmx.db", "copied.db"],
    "gbx show": ["binary"],
    "gbx map": ["binary", "-o", "map.gbx"],
    "gbx inputs": ["binary"],
    "gbx thumbnail": ["binary", "-o", "a.jpg"],
    "sandbox": ["--list-faults"],
    "demo": ["--help"],
}


def leaf_commands() -> dict[str, click.Command]:
    """Return every command with its words, those of groups with the group's name."""
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = cast(click.Command, tmxdb.get_command(click.Context(tmxdb), name))
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}": leaf for sub, leaf in command.commands.items()}
        else:
            found[name] = command
    return found


def values_for(parameter: click.Parameter) -> list[str]:
    """Return the hostile values of an option or argument."""
    if isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType):
        return NUMBERS
    if isinstance(parameter.type, click.Choice):
        return [*TEXTS[:6], *map(str, parameter.type.choices)]
    return [*TEXTS, *FILES]


SEEN: Counter[str] = Counter()
"""How many commands with an option have had their values."""


def some_values_for(option: str, parameter: click.Parameter) -> list[str]:
    """Return all hostile values for the first command with an option, and two others for each further command.

    An option means the same in every command and is read by the same code.
    """
    values, n = values_for(parameter), SEEN[option]
    SEEN[option] += 1
    return values if n == 0 else [values[(2 * n + i) % len(values)] for i in range(min(2, len(values)))]


def calls(name: str, command: click.Command) -> Iterator[list[str]]:
    """Yield the arguments of every call of a command."""
    words, base = name.split(), BASE.get(name, ["out.csv", "--force"] if name.startswith("export ") else [])
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            n = 1 if parameter.nargs == -1 else parameter.nargs
            rest = [word for word in base if word.startswith("-")] if name != "copy-db" else []
            for value in values_for(parameter):
                second = ["copied.db"] if name == "copy-db" else []
                yield [*words, *([] if name in ("gbx map", "gbx thumbnail") else rest), *[value] * n, *second,
                       *(base[1:] if name in ("gbx map", "gbx thumbnail") else [])]  # fmt: skip
            continue
        option = parameter.opts[-1] if parameter.opts[-1].startswith("--") else parameter.opts[0]
        if option in ENDLESS:
            continue
        if getattr(parameter, "is_flag", False):
            yield [*words, *base, option]
            yield from ([*words, *base, off] for off in parameter.secondary_opts)
        else:
            yield from ([*words, *base, f"{option}={value}"] for value in some_values_for(option, parameter))


LEAVES = leaf_commands()
CALLS = {name: list(calls(name, command)) for name, command in LEAVES.items()}
CALLS_PER_TEST = 40
"""Calls of a command that share a folder. A command with many calls is several tests, so that processors share it."""
PARTS = [(name, start) for name, every in CALLS.items() for start in range(0, len(every), CALLS_PER_TEST)]


@pytest.fixture
def hostile(done: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """A finished database in a folder with files of every awkward sort.

    A port without a game is given up soon, files are read in this process rather than in a pool of processes that each
    call would start, and a web server that starts ends as with Ctrl-C.
    """
    monkeypatch.setattr("tmxdb.game.check._CONNECT_S", 0.05)
    monkeypatch.setattr("tmxdb.game.check._GREETING_S", 0.05)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(webbrowser, "open", lambda url: True)
    monkeypatch.setattr(uvicorn.Server, "run", end_at_once)
    assert done.one("select count(*) from replays where track_id = ? and status = 'done'", TRACK_ID)
    folder = done.folder
    (folder / "empty").write_bytes(b"")
    (folder / "binary").write_bytes(bytes(range(256)) * 8)
    (folder / "noread").write_bytes(b"1\n")
    (folder / "noread").chmod(0)
    (folder / "ids.txt").write_bytes("1\n2\nx\n".encode("utf-16"))
    if os.name == "posix":  # Windows allows links to administrators only
        (folder / "loop").symlink_to("loop")
    with (folder / "huge").open("wb") as file:
        file.truncate(5 * 2**30)
    monkeypatch.setenv("TMXDB_TRACKMANIA_PATH", str(folder))
    return done


def end_at_once(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
    """Close what a web server listens on, and end as it does with Ctrl-C."""
    for each in sockets:
        each.close()
    raise KeyboardInterrupt


def call(arguments: list[str]) -> tuple[int, str]:
    """Return the status of a call in this process and what it wrote to stderr."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    argv, stdin = sys.argv, sys.stdin
    sys.argv, sys.stdin = ["tmxdb", *arguments], io.TextIOWrapper(io.BytesIO(b"junk\n"))
    status = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.argv, sys.stdin = argv, stdin
    err.flush()
    return status, cast(io.BytesIO, err.buffer).getvalue().decode("utf-8", "replace")


@pytest.mark.parametrize(("name", "start"), PARTS)
def test_a_hostile_value_works_or_is_one_sentence(hostile: Tool, name: str, start: int) -> None:
    wrong = []
    for arguments in CALLS[name][start : start + CALLS_PER_TEST]:
        try:
            status, err = call(arguments)
        except Exception as error:  # noqa: BLE001 (any exception is what this test looks for)
            wrong.append(f"{arguments!r}: {type(error).__name__}: {error}")
            continue
        errors = [line for line in err.splitlines() if line.startswith(("Error:", "Traceback"))]
        is_silent = status in (1, 2, 3) and not err.strip() and name != "game check"
        if status not in DOCUMENTED or "Traceback" in err or len(errors) > 1 or is_silent:
            wrong.append(f"{arguments!r}: {status}, {err[-300:]!r}")
        if "\x1b" in err and "--progress" not in arguments:
            wrong.append(f"{arguments!r}: an escape sequence reached the terminal")
    assert Path.cwd() == hostile.folder
    assert not wrong, f"{len(wrong)} calls:\n" + "\n".join(wrong[:20])


@pytest.mark.parametrize("option", ["--db", "--data", "--site", "--contact", "--log-file", "--log-format"])
def test_a_hostile_value_before_the_command_works_or_is_one_sentence(hostile: Tool, option: str) -> None:
    for n, value in enumerate([*TEXTS, *FILES]):
        for command in (["work", "--kind", "list"], [["status"], ["query", "select 1"]][n % 2]):
            status, err = call([f"{option}={value}", *command])
            assert status in DOCUMENTED, (option, value, err)
            assert "Traceback" not in err, (option, value, err)
            assert "\x1b" not in err


def test_every_option_of_every_command_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    n = sum(map(len, CALLS.values())) + 6 * 2 * len([*TEXTS, *FILES])
    with capsys.disabled():
        print(f"\n{n:,} calls of {len(LEAVES)} commands with hostile values")
    assert n > 2000
