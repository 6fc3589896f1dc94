"""`--track-ids -`: a pipe can be read once, whatever the command does with the ids."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click
import pytest

from tests.tool import Ran, Tool
from tmxdb.cli.program import tmxdb
from tmxdb_sandbox import RunningSite

WORDS = {
    "add-tracks": ["--no-lookup"],
    "adopt": ["data", "--no-lookup"],
    "changes": ["--since", "7d"],
    "select": ["named"],
    "skip": ["--reason", "x"],
    "work": ["--kind", "list"],
    "export frames": ["out"],
    "export lake": ["out"],
    "export vcp": ["out"],
}
"""What a command needs besides; other exports write out.csv."""


def commands(group: click.Group = tmxdb, before: str = "") -> Iterator[tuple[str, set[str]]]:
    """Yield each command with --track-ids, and its options."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
            continue
        options = {name for parameter in command.params for name in parameter.opts}
        if "--track-ids" in options:
            yield f"{before}{name}", options


COMMANDS = dict(commands())


def piped(tool: Tool, monkeypatch: pytest.MonkeyPatch, text: str, *words: object, ends: int | None) -> Ran:
    """Run a command with `text` in a pipe as its stdin."""
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stdin, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        return tool(*words, ends=ends)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_does_as_much_as_a_file(
    done: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    done.change("update settings set value = ? where key = 'site'", site.url)
    track_id = done.one("select min(track_id) from replays where status = 'failed'")
    (done.folder / "ids.txt").write_text(f"{track_id}\n")
    own = WORDS.get(command, ["out.csv"] if command.startswith("export") else [])
    words = [*command.split(), *own, *{"--dry-run", "--force"}.intersection(COMMANDS[command])]
    by_pipe = piped(done, monkeypatch, f"{track_id}\n", *words, "--track-ids", "-", ends=None)
    by_file = done(*words, "--track-ids", "ids.txt", ends=None)
    assert by_pipe.status == by_file.status, by_pipe.err
    assert by_pipe.status in (0, 1)
    assert by_pipe.err.count("Error") == by_file.err.count("Error")
    assert "track ids" not in by_pipe.err


@pytest.mark.parametrize("command", ["retry", "skip"])
def test_rows_of_the_tracks_in_a_pipe_change(done: Tool, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    track_id = done.one("select min(track_id) from replays where status = 'failed'")
    n = done.one("select count(*) from replays where status = 'failed' and track_id = ?", track_id)
    words = [*command.split(), *WORDS.get(command, []), "--kind", "download", "--track-ids", "-"]
    assert piped(done, monkeypatch, f"{track_id}\n", *words, ends=0).out == f"{n}\n"
