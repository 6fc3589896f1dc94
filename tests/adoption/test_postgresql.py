"""The same adoption into a PostgreSQL database."""

from __future__ import annotations

import json

import pytest

from tests.adoption.conftest import OldFolder
from tests.conftest import PostgresServer
from tests.tool import Tool
from tmxdb.clock import iso, wall_clock
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
