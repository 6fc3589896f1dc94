"""`tmxdb track`, `top`, `driver` and `errors`: pages for people, the same values in JSON."""

from __future__ import annotations

import re

import pytest

from tests.tool import Tool
from tmxdb.failure_policy import policy_for_code
from tmxdb.formats import gap, race_time
from tmxdb_sandbox import RunningSite

LONGEST = "select track_id from replays where position is not null group by 1 order by count(*) desc, 1 limit 1"


@pytest.fixture
def track_id(done: Tool) -> int:
    """A track with a leaderboard and a name with style codes."""
    track_id: int = done.one(LONGEST)
    done.change(f"update tracks set name = '$o$f00Speedy$fff Lane' where track_id = {track_id}")
    return track_id


@pytest.mark.parametrize("word", ["{id}", "{site}/trackshow/{id}", "Speedy Lane", "speedy l", "$o$f00Speedy$fff Lane"])
def test_a_track_is_found_by_id_url_and_name(done: Tool, shared: RunningSite, track_id: int, word: str) -> None:
    page = done("track", word.format(id=track_id, site=shared.url), "--json").json
    assert (page["track_id"], page["name"]) == (track_id, "Speedy Lane")


def test_the_page_of_a_track_shows_the_leaderboard_and_what_is_downloaded(done: Tool, track_id: int) -> None:
    page = done("track", track_id, "--json").json
    rows = done.rows(
        f"select rank, user_name, site_time_ms as time_ms, gap_ms, device, respawns, replay_id, status from leaderboard"
        f" where track_id = {track_id} order by rank"
    )
    assert [{name: row[name] for name in rows[0]} for row in page["leaderboard"]] == rows
    assert page["replay_bytes"] == done.one(f"select sum(file_bytes) from replays where track_id = {track_id}")
    out = done("track", track_id).out
    assert out.startswith(f"Speedy Lane ({track_id}) by ")
    for row in rows:
        line = next(line for line in out.splitlines() if f" {row['replay_id']} " in line)
        assert race_time(row["time_ms"]) in line
        assert f" {row['status']} " in line
    assert "$f00" not in out
    assert f"author {race_time(page['facts']['author_time_ms'])}" in out
    assert page["map_path"] in out


def test_a_download_is_not_shown_as_a_file_that_is_there(done: Tool, track_id: int) -> None:
    """These pages look at no file: it may be deleted, or on a disk that is not mounted."""
    (done.folder / "data").rename(done.folder / "unmounted")
    user = done.one(f"select user_id from replays where track_id = {track_id} and position = 0")
    for words in (("track", track_id), ("top", track_id), ("driver", user)):
        out = done(*words).out
        head = next(line for line in out.splitlines() if "respawns" in line and "replay" in line)
        assert "download" in head.split()
        assert "file" not in head.split()
        assert " yes " not in out


def test_top_shows_as_many_replays_as_it_is_asked_for(done: Tool, track_id: int) -> None:
    assert len(done("top", track_id, "--top", 2, "--json").json["leaderboard"]) == 2
    listed = done.one(f"select count(*) from leaderboard where track_id = {track_id}")
    assert f"The first 2 of {listed}." in done("top", track_id, "--top", 2).out


def test_a_name_that_several_tracks_have_lists_them(done: Tool, track_id: int) -> None:
    other = done.one(f"select max(track_id) from tracks where track_id <> {track_id}")
    done.change(f"update tracks set name = 'Speedy Lane 2' where track_id = {other}")
    error = done("track", "speedy", ends=1).err
    assert re.search(rf"^  {track_id}  Speedy Lane, by ", error, re.M)
    assert re.search(rf"^  {other}  Speedy Lane 2, by ", error, re.M)
    assert done("track", "speedy lane", "--json").json["track_id"] == track_id
    assert "has no track '100 %'" in done("track", "100 %", ends=1).error


def test_a_driver_is_found_by_id_url_and_name_and_counted(done: Tool, shared: RunningSite) -> None:
    user_id, name = 1978, "Ann\x1b[2J"
    done.change(f"update replays set user_id = {user_id}, user_name = 'Ann' || char(27) || '[2J' where position = 0")
    runs = done.rows(f"select replay_id from replays where user_id = {user_id} order by replay_at desc, replay_id desc")
    for word in (str(user_id), f"{shared.url}/usershow/{user_id}", "ann"):
        page = done("driver", word, "--json", "--limit", 3).json
        assert page["names"][0] == name
        assert page["records"] == page["replays"] == len(runs)
        assert [run["replay_id"] for run in page["runs"]] == [row["replay_id"] for row in runs[:3]]
        assert {run["gap_ms"] for run in page["runs"]} == {0}
    out = done("driver", "ann", "--order", "rank").out
    assert "\x1b" not in out
    assert f"{len(runs)} records" in out
    assert "has no driver 'nobody'" in done("driver", "nobody", ends=1).error


def test_errors_are_grouped_the_newest_first_with_commands_that_work(done: Tool) -> None:
    done.change("update replays set finished_at = '2020-01-01T00:00:00.000Z' where error_code = 'tmx.unavailable'")
    groups = done("errors", "--json").json
    assert [group["error_code"] for group in groups] == ["gbx.not_gbx", "tmx.unavailable"]
    for group in groups:
        n = done.one(f"select count(*) from replays where error_code = '{group['error_code']}' and status = 'failed'")
        assert (group["n"], group["meaning"]) == (n, policy_for_code(group["error_code"]).why)
        show, again = group["commands"]
        assert str(group["example_id"]) in done(*show.split()[1:]).out
        assert int(done(*again.split()[1:], "--dry-run").out) == n
    out = done("errors").out
    assert out.index("gbx.not_gbx") < out.index("tmx.unavailable")
    assert all(command in out for group in groups for command in group["commands"])
    assert done("errors", "--status", "skipped").out == "No row is skipped.\n"


def test_rows_that_wait_and_rows_that_were_skipped_have_their_own_advice(done: Tool) -> None:
    done("skip", "--kind", "download", "--code", "gbx.not_gbx", "--reason", "no")
    done.change(
        "update replays set status = 'retry', available_at = finished_at, finished_at = null"
        " where error_code = 'tmx.unavailable'"
    )
    groups = {group["status"]: group for group in done("errors", "--json").json}
    assert set(groups) == {"skipped", "retry"}
    for group in groups.values():
        assert group["last_at"]
        (again,) = group["commands"]
        assert int(done(*again.split()[1:], "--dry-run").out) == group["n"]


@pytest.mark.parametrize(
    ("ms", "shown"), [(None, ""), (34_650, "0:34.65"), (0, "0:00.00"), (3_723_400, "1:02:03.40"), (-10, "-0:00.01")]
)
def test_race_times_are_shown_as_in_the_game(ms: int | None, shown: str) -> None:
    assert race_time(ms) == shown


@pytest.mark.parametrize(("ms", "shown"), [(0, ""), (None, ""), (110, "+0.11"), (62_300, "+1:02.30"), (-50, "-0.05")])
def test_gaps_have_a_sign(ms: int | None, shown: str) -> None:
    assert gap(ms) == shown
