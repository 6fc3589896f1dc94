"""`--track-id`, `--track-ids`, `--replay-id` and `--only` of `run` and `work`; `--only` of the commands that draw."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from tests.frames import captured_folder
from tests.rows import NOW, Rows
from tests.tool import Tool
from tmxdb.capture.settings import CaptureSettings
from tmxdb.cli.actions.control.rows import tables_of
from tmxdb.cli.options.rows import RowSelection
from tmxdb.db.database import Database
from tmxdb.queue.admin import count_skippable, skip_rows
from tmxdb_sandbox import RunningSite


def test_run_does_the_tracks_and_replays_that_are_named(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    first, second, third, *_ = tool.column("select track_id from tracks order by track_id")
    (tool.folder / "ids.txt").write_text(f"{second}\n{third}\n")
    assert tool("run", "--track-id", first, "--dry-run").out.splitlines() == [f"list {first}"]
    tool("run", "--track-id", first, "--top", 2)
    assert tool.column("select distinct track_id from replays where status = 'done'") == [first]
    assert tool.column("select track_id from maps where status = 'done'") == [first]
    tool("work", "--kind", "list", "--track-ids", "ids.txt")
    assert tool.column("select track_id from tracks where status = 'done' order by 1") == [first, second, third]
    best = tool.one("select replay_id from replays where track_id = ? and position = 0", second)
    tool("run", "--replay-id", best)
    assert tool.column("select replay_id from replays where track_id <> ? and status = 'done'", first) == [best]
    assert tool.one("select count(*) from tracks where status = 'pending'") == 27


def test_commands_that_look_are_about_the_tracks_that_are_named(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "two", "--order", "awards", "--max-tracks", 2, "--top", 2)
    tool("run")
    first, second = tool.column("select track_id from selection_tracks order by rank")
    tool("add-tracks", next(track for track in site.track_ids() if track not in (first, second)))
    (tool.folder / "ids.txt").write_text(f"{first}\n{second}\n")
    shown = tool("status", "--track-id", first, "--json").json
    assert (shown["kinds"]["list"]["done"], shown["kinds"]["download"]["done"]) == (1, 2)
    assert f"Only track {first}." in tool("status", "--track-id", first).out
    assert "Only 2 tracks." in tool("status", "--track-ids", "ids.txt").out
    assert tool("status", "--only", "two", "--track-id", second, "--json").json["track_ids"] == [second]
    assert [row["track_id"] for row in tool("changes", "--track-id", second, "--json").json["tracks"]] == [second]
    assert len(tool("changes", "--track-ids", "ids.txt", "--json").json["tracks"]) == 2
    path = tool.one("select file_path from replays where track_id = ? limit 1", second)
    (tool.folder / "data" / path).unlink()
    assert "Checked by size: 2 replays, 1 map, 0 captures (" in tool("verify", "--track-id", first).err
    assert "missing" in tool("verify", "--track-ids", "ids.txt", ends=3).out
    tool("verify", "--track-id", first, "--move-orphans", ends=2)
    for command in ("status", "changes", "verify", "refresh"):
        assert "The database has no track 99999999." in tool(command, "--track-id", 99999999, ends=1).error


def test_refresh_lists_the_tracks_that_are_named(
    tool: Tool, site: RunningSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("--site", site.url, "select", "two", "--order", "awards", "--max-tracks", 2, "--top", 2)
    tool("run")
    first, second = tool.column("select track_id from selection_tracks order by rank")
    tool.change("update tracks set listed_at = '2020-01-01T00:00:00.000Z'")
    site.clear_log()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"%d\n" % second)))
    tool("refresh", "--track-ids", "-", "--older-than", "1d")
    assert tool.column("select track_id from tracks where listed_at > '2021'") == [second]
    assert [line["path"].partition("?")[0] for line in site.log()] == ["/api/tracks", "/api/replays"]
    planned = tool("refresh", "--track-id", first, "--older-than", "1d", "--dry-run").err
    assert "About 1 request would ask whether 1 track has new activity." in planned
    assert "1 leaderboard not listed for a while, 0 pending already; 1 would be listed" in planned


def test_what_is_named_but_missing_is_one_sentence(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "best", "--order", "awards", "--max-tracks", 2)
    tool("work", "--kind", "list")
    one, other = tool.column("select track_id from tracks order by track_id")
    replay = tool.one("select replay_id from replays where track_id = ? limit 1", one)
    for command in (("run",), ("work", "--kind", "list"), ("run", "--dry-run")):
        assert "The database has no track 99999999." in tool(*command, "--track-id", 99999999, ends=1).error
        assert "The database has no replay 99999999." in tool(*command, "--replay-id", 99999999, ends=1).error
        ran = tool(*command, "--replay-id", replay, "--track-id", other, ends=1)
        assert "None of the replays named is of the tracks named." in ran.error
    tool("run", "--replay-id", replay, "--track-id", one, "--only", "best")
    assert tool.column("select replay_id from replays where status = 'done'") == [replay]


def test_named_rows_go_before_the_remembered_selection(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("select", "best", "--order", "awards", "--max-tracks", 2)
    tool("config", "set", "only", "best")
    other = tool.one(
        "select track_id from tracks where track_id not in (select track_id from selection_tracks) limit 1"
    )
    assert "Only the selection" not in tool("work", "--kind", "list", "--track-id", other).err
    assert tool.column("select track_id from tracks where status = 'done'") == [other]
    assert "Only the selection best" in tool("work", "--kind", "list").err
    assert tool.one("select count(*) from tracks where status = 'done'") == 3


def test_plot_and_contact_sheet_draw_the_best_replay_of_each_track_of_a_selection(
    tool: Tool, site: RunningSite
) -> None:
    tool("--site", site.url, "select", "two", "--order", "awards", "--max-tracks", 2, "--top", 2)
    tool("select", "one", "--order", "awards", "--max-tracks", 1)
    assert "No replay of the selection two is downloaded" in tool("plot", "--only", "two", ends=1).error
    tool("run")
    best = tool.column("select replay_id from replays where position = 0 order by 1")
    drawn = tool("plot", "--only", "two", "--out", "lines").out.split()
    assert sorted(Path(path).name for path in drawn) == [f"{replay_id}-line.png" for replay_id in best]
    ran = tool("plot", "--only", "two", "--out", "lines", ends=3)
    assert "exists already" in ran.err
    assert "0 drawn, 2 not." in ran.err
    (inside,) = tool.column(
        "select replay_id from replays join selection_tracks using (track_id) where selection = 'one' and position = 0"
    )
    (outside,) = [replay_id for replay_id in best if replay_id != inside]
    tool("plot", inside, "--only", "one")
    assert (
        f"replay {outside} is of no track in the selection one" in tool("plot", outside, "--only", "one", ends=1).error
    )
    assert "Name a replay, or a selection" in tool("plot", ends=2).error
    assert "not files" in tool("plot", "x.Replay.Gbx", "--only", "one", ends=2).error

    assert "No replay of the selection one is captured" in tool("contact-sheet", "--only", "one", ends=1).error
    captured_folder(tool.folder / "data/frames/x/run", 30)
    tool.change(
        "insert into captures (replay_id, track_id, settings, folder_path, frame_count, status, finished_at)"
        " select replay_id, track_id, ?, 'frames/x/run', 30, 'done', '2026-01-01T00:00:00.000Z' from replays"
        " where replay_id = ?",
        CaptureSettings().to_json(),
        inside,
    )
    assert tool("contact-sheet", "--only", "one").out == f"{inside}-frames.png\n"
    assert "Name a replay, or a selection" in tool("contact-sheet", ends=2).error


def test_reread_reads_the_files_of_a_selection(tool: Tool, site: RunningSite) -> None:
    tool("--site", site.url, "select", "two", "--order", "awards", "--max-tracks", 2, "--top", 2)
    tool("select", "one", "--order", "awards", "--max-tracks", 1)
    tool("run")
    assert "2 replays, 1 maps" in tool("reread", "--all", "--dry-run", "--only", "one").err
    assert "4 replays, 2 maps" in tool("reread", "--all", "--dry-run").err
    tool.change("update replays set race_time_ms = null")
    tool("reread", "--all", "--only", "one", "--processes", 1)
    assert tool.one("select count(*) from replays where race_time_ms is not null") == 2


@pytest.mark.parametrize("option", ["ids", "track_ids", "replay_ids"])
def test_more_ids_can_be_named_than_a_statement_takes_parameters(database: Database, rows: Rows, option: str) -> None:
    """A server takes 65,535 parameters; SQLite 32,766, or as many as it was built for."""
    rows.replays(1, 2)
    none: dict[str, Any] = {"only": None, "track_ids": (), "track_file": None, "replay_ids": (), "ids": (), "codes": ()}
    selection = RowSelection(kinds=("download",), **{**none, option: tuple(range(1, 70_001))})
    table, conditions = tables_of(selection)["download"]
    with database.write() as connection:
        assert count_skippable(connection, table, *conditions) == {"pending": 2}
        assert skip_rows(connection, table, *conditions, reason="no use", now_ms=NOW) == 2
