"""The same adoption into a PostgreSQL database."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from tests.adoption.conftest import OldFolder, private_replay
from tests.conftest import PostgresServer
from tests.tool import Tool
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb_sandbox import RunningSite

pytestmark = pytest.mark.slow


def test_an_old_folder_is_adopted_into_postgresql(
    tool: Tool, site: RunningSite, old: OldFolder, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of this machine is an hour behind that of the server, whose time the rows have."""
    url, began = server.new(), iso(wall_clock())
    monkeypatch.setattr("tmxdb.cli.actions.mirror.adopt.wall_clock", lambda: wall_clock() - 3_600_000)
    found = tool("--db", url, "--site", site.url, "adopt", old.replays, "--json", ends=3).json
    assert (found["matched"], found["unknown"], found["damaged"], found["duplicate"]) == (26, 20, 10, 5)
    again = tool("--db", url, "adopt", old.replays, "--json", ends=3).json
    assert (again["earlier"], again["replays"]) == (51, 0)
    (row,) = tool("--db", url, "query", "--json", "select min(first_seen_at) as seen_at from tracks").json
    assert row["seen_at"] >= began
    site.clear_log()
    tool("--db", url, "run", "--all-replays")
    files = [entry["path"] for entry in site.log() if entry["path"].startswith("/recordgbx/")]
    assert sorted(int(path.rpartition("/")[2]) for path in files) == sorted(old.cut)
    status = json.loads(tool("--db", url, "status", "--json").out)
    assert status["kinds"]["download"]["done"] == 36 + 20
    tool("--db", url, "verify", "--hash")
    server.drop(url)


def test_reread_completes_local_tracks_in_postgresql(tool: Tool, server: PostgresServer) -> None:
    url = server.new()
    (tool.folder / "mine").mkdir()
    for on_map in (1, 2):
        (tool.folder / "mine" / f"{on_map}.Replay.Gbx").write_bytes(private_replay(1, on_map=on_map, time_ms=20_000))
    tool("--db", url, "adopt", "mine", "--no-lookup")
    tool("--db", url, "run")
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE tracks SET environment = NULL, mood = NULL"))
        connection.execute(text("DELETE FROM maps WHERE track_id = -2"))
    database.close()
    assert "2 local tracks." in tool("--db", url, "reread").err
    query = "select environment_name, mood_name from tracks order by track_id desc"
    assert tool("--db", url, "query", "--json", query).json == [
        {"environment_name": "stadium", "mood_name": "day"},
        {"environment_name": "stadium", "mood_name": None},
    ]
    server.drop(url)
