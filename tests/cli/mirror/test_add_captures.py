"""`tmxdb add-captures` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows import Rows
from tests.tool import Tool
from tmxdb.db.database import Database


@pytest.fixture
def ready(tool: Tool, sqlite_template: Path) -> Tool:
    """Three replays of track 1 that can be captured, one that cannot."""
    (tool.folder / "tmx.db").write_bytes(sqlite_template.read_bytes())
    database = Database(str(tool.folder / "tmx.db"))
    rows = Rows(database)
    rows.map(1, "done", uid="uid", map_type="race")
    for position, replay_id in enumerate((11, 12, 13, 14)):
        rows.replay(
            replay_id, "done", position=position, finished=replay_id != 14, race_time_ms=10_000, input_count=9,
            map_uid="uid",
        )  # fmt: skip
    database.close()
    return tool


def test_captures_are_added_once_and_the_second_time_nothing_is_new(ready: Tool) -> None:
    first = ready("add-captures", "--top", "2", "--fps", "20")
    assert "2 captures added on 1 track; 0 exist already." in first.err
    assert "1 replay left out: not finished." in first.err
    again = ready("add-captures", "--top", "2", "--fps", "20", "--json")
    assert (again.json["new"], again.json["known"]) == (0, 2)
    assert ready.one("select count(*) from captures where status = 'pending' and settings like '%\"fps\":20%'") == 2


def test_a_dry_run_says_how_many_frames_bytes_and_hours_and_adds_nothing(ready: Tool) -> None:
    ran = ready("add-captures", "--fps", "100", "--dry-run", "--json")
    assert ran.json["frames"] == 3 * 1001
    assert ran.json["bytes"] > 3 * 1001 * 1000
    assert 0 < ran.json["hours"] < 0.1
    assert "would be added" in ready("add-captures", "--dry-run").err
    assert ready.one("select count(*) from captures") == 0


def test_impossible_settings_are_wrong_usage(ready: Tool) -> None:
    ran = ready("add-captures", "--fps", "30", "--step-ms", "50", ends=2)
    assert ran.error == "Error: --fps 30: is more than one frame in each step of 50 ms (--step-ms)."


def test_uneven_frame_times_are_reported_once(ready: Tool) -> None:
    assert ready("add-captures", "--fps", "30").err.count("33.33 ms apart") == 1


def test_tracks_can_come_from_a_file(ready: Tool) -> None:
    (ready.folder / "ids.txt").write_text("2233\n1\n")
    ran = ready("add-captures", "--track-ids", "ids.txt", ends=3)
    assert "3 captures added" in ran.err
    assert "The database has no track 2233." in ran.err
    (ready.folder / "ids.txt").write_text("one\n")
    assert "1 line without a track id" in ready("add-captures", "--track-ids", "ids.txt", ends=1).error


def test_an_unknown_replay_fails_and_is_named(ready: Tool) -> None:
    ran = ready("add-captures", "--replay-id", "999", "--replay-id", "998", ends=1)
    assert "0 captures added" in ran.err
    assert "The database has no replay 998, 999." in ran.err
    assert "The database has no replay 999." in ready("add-captures", "--replay-id", 11, "--replay-id", 999, ends=3).err


def test_replays_excluded_by_a_default_are_counted_with_the_option_that_includes_them(ready: Tool) -> None:
    ready.change("update maps set map_type = 'stunts'")
    ran = ready("add-captures", "--replay-id", 11)
    assert "1 replay left out: on a map of another type than race (--map-type any)." in ran.err
    assert "0 captures added" in ran.err


def test_a_replay_that_was_skipped_or_has_failed_is_not_called_waiting_for_a_download(ready: Tool) -> None:
    for replay_id, status in ((12, "skipped"), (13, "failed")):
        ready.change(f"update replays set status = '{status}', error_code = 'tmx.gone' where replay_id = {replay_id}")
    err = ready("add-captures").err
    assert "1 replay left out: skipped (tmxdb errors)." in err
    assert "1 replay left out: failed to download (tmxdb errors; tmxdb retry --kind download)." in err
    assert "not downloaded" not in err


def test_nothing_to_capture_in_an_empty_database_is_explained(ready: Tool) -> None:
    ready.change("delete from replays")
    assert "The database has no replays. `tmxdb run` lists tracks" in ready("add-captures").err
    assert "The database has no replay of these tracks." in ready("add-captures", "--track-id", 1).err
    ready.change("delete from maps")
    ready.change("delete from tracks")
    assert "The database has no replays. `tmxdb run` lists tracks" in ready("add-captures").err


def test_empty_leaderboards_that_were_listed_are_not_listed_again_by_advice(ready: Tool) -> None:
    ready.change("delete from replays")
    ready.change("update tracks set status = 'done', listed_top = 50, finished_at = '2026-01-01T00:00:00.000Z'")
    for words, which in (((), "all"), (("--track-id", 1), "these")):
        err = ready("add-captures", *words).err
        assert f"The leaderboards of {which} tracks are empty: there is no replay to capture." in err
        assert "tmxdb run" not in err


@pytest.mark.parametrize("dry_run", [(), ("--dry-run",)])
def test_replays_of_other_tracks_than_those_named_are_an_error(ready: Tool, dry_run: tuple[str, ...]) -> None:
    ready("add-tracks", "--no-lookup", 2)
    ready("select", "other", "--where", "track_id = 2")
    for other in (("--track-id", 2), ("--only", "other")):
        ran = ready("add-captures", "--replay-id", 11, *other, *dry_run, "--json", ends=1)
        assert ran.error == "Error: None of the replays named is of the tracks named."
        assert ran.out == ""
    assert "The database has no track 3." in ready("add-captures", "--replay-id", 11, "--track-id", 3, ends=1).err
    assert "1 capture" in ready("add-captures", "--replay-id", 11, "--track-id", 1, "--track-id", 2, *dry_run).err
