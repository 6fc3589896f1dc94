"""Two `tmxdb adopt` on one database: the second is refused, and counts are of rows that were written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.gbx.made import a_replay
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db.database import Database
from tmxdb.db.only_process import only_process
from tmxdb.errors import InvalidInput

__all__ = ["tool"]

_HOLDS = """
import sys
from tmxdb.db.database import Database
from tmxdb.db.only_process import only_process
with only_process(Database(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(database: Path | str, what: str = "adopt") -> Iterator[subprocess.Popen[str]]:
    """Start a process that does `what` with `database` until its input ends."""
    command = [sys.executable, "-c", _HOLDS, str(database), what]
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


def test_files_that_have_no_row_yet_are_not_moved_as_orphans(found: Tool) -> None:
    """An adoption places files before it writes their rows."""
    with held(found.folder / "tmx.db"):
        assert "another `tmxdb adopt` is running" in found("verify", "--move-orphans", ends=1).error
        found("verify", "--repair")
    with held(found.folder / "tmx.db", "verify --move-orphans"):
        assert "`tmxdb verify --move-orphans` is running" in found("adopt", "found", "--no-lookup", ends=1).error
    found("verify", "--move-orphans")
    found("adopt", "found", "--no-lookup")


def test_a_file_that_a_worker_has_just_stored_is_not_replaced(found: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is that of a listed replay, but its file has other bytes than the one that a worker downloads."""
    from tmxdb.adoption import adopt

    database = Database(str(found.folder / "tmx.db"))
    rows = Rows(database)
    rows.track(5, uid="LocalMapUid0000000000000001")
    rows.replay(77, track_id=5, site_time_ms=6_110, user_name="Ann")
    (found.folder / "5").mkdir()
    (found.folder / "found" / "a.Replay.Gbx").rename(found.folder / "5" / "a.Replay.Gbx")
    target = found.folder / "data" / "replays" / "5" / "77_Ann_6110ms.Replay.Gbx"
    real = adopt.place

    def after_a_worker(*arguments: Any, **options: Any) -> str:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"of the worker")
        done = (
            "update replays set status = 'done', finished_at = '2026-12-02T00:00:00.000Z', file_bytes = 13, sha256 = ?,"
            " file_path = ? where replay_id = 77"
        )
        found.change(done, "0" * 64, "replays/5/77_Ann_6110ms.Replay.Gbx")
        return real(*arguments, **options)

    monkeypatch.setattr(adopt, "place", after_a_worker)
    ran = found("adopt", "5", "--no-lookup", "--json").json
    database.close()
    assert (ran["matched"], ran["replays"]) == (1, 0)
    assert target.read_bytes() == b"of the worker"
    assert found.one("select count(*) from packed_inputs") == 0


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
