"""Two `tmxdb adopt` on one database: the second is refused, and counts are of rows that were written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gbx.made import a_replay
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.only_process import only_process
from tmxdb.errors import InvalidInput

__all__ = ["tool"]

_HOLDS = """
import sys
from tmxdb.db.database import Database
from tmxdb.db.only_process import only_process
with only_process(Database(sys.argv[1]), "adopt"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(database: Path | str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that adopts into `database` until its input ends."""
    command = [sys.executable, "-c", _HOLDS, str(database)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=Tool.environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def found(tool: Tool) -> Tool:
    """A folder with one replay to adopt."""
    (tool.folder / "found").mkdir()
    (tool.folder / "found" / "a.Replay.Gbx").write_bytes(a_replay())
    tool("migrate")
    return tool


@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_a_second_one_is_refused_while_the_first_runs(found: Tool, ends: str) -> None:
    with held(found.folder / "tmx.db") as process:
        refused = found("adopt", "found", "--no-lookup", ends=1).error
        assert f"another `tmxdb adopt` is running (process {process.pid}). Wait until it ends" in refused
        assert found.one("select count(*) from replays") == 0
        found("adopt", "found", "--no-lookup", "--dry-run")
        process.kill() if ends == "killed" else process.communicate("")
        process.wait(60)
    assert "Added 1 track, 1 replay" in found("adopt", "found", "--no-lookup").err
    assert found.column("select key from settings where key like 'running%'") == []


def test_a_server_notes_it_too(postgresql: Database) -> None:
    with (
        held(postgresql.location),
        pytest.raises(InvalidInput, match="another `tmxdb adopt`"),
        only_process(postgresql, "adopt"),
    ):
        pass
    with only_process(postgresql, "adopt"):  # a killed process holds nothing
        pass


def test_rows_that_another_process_has_done_meanwhile_are_not_counted(
    found: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tmxdb.adoption import adopt

    real = adopt.store

    def late(*arguments: object) -> object:
        real(*arguments)  # type: ignore[arg-type]  # as the other one does
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(adopt, "store", late)
    assert found("adopt", "found", "--no-lookup", "--json").json["replays"] == 0
