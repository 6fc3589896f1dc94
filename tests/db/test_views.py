"""Views answer the usual questions; the tally follows every change of a status."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.rows import NOW, STATES, Rows
from tmxdb.clock import from_iso, iso, wall_clock
from tmxdb.db import tally
from tmxdb.db.bulk import NewRows, upsert
from tmxdb.db.database import Database
from tmxdb.db.engines.ago import ago
from tmxdb.db.models import STATUSES, ReplayRow, TrackRow, table_of
from tmxdb.db.tally import compact_tally
from tmxdb.reports.counts import counts, file_bytes, open_rows
from tmxdb.tmx.endpoints import DIFFICULTIES, ENVIRONMENTS, MOODS, PRIMARY_TYPES, TAGS


@pytest.fixture
def filled(rows: Rows) -> Rows:
    rows.track(1, "done", name="A01", awards=5)
    rows.track(2, "pending", name="B02")
    rows.replay(11, "done", position=0, user_name="Ann", site_time_ms=1000, checkpoints_ms="[400, 1000]")
    rows.replay(12, "failed", position=1, user_name="Bob", site_time_ms=1100)
    rows.replay(13, "retry", user_name="Cid")
    rows.replay(14, "skipped")
    rows.map(1, "done")
    rows.capture(1, 11, "running")
    return rows


def test_the_jobs_view_shows_all_four_kinds(filled: Rows) -> None:
    assert filled.sql("SELECT kind, item_id, track_id, status FROM jobs ORDER BY kind, item_id") == [
        ("capture", 1, 1, "running"),
        ("download", 11, 1, "done"),
        ("download", 12, 1, "failed"),
        ("download", 13, 1, "retry"),
        ("download", 14, 1, "skipped"),
        ("extract", 1, 1, "done"),
        ("list", 1, 1, "done"),
        ("list", 2, 2, "pending"),
    ]
    assert filled.sql("SELECT available_at, error_code FROM jobs WHERE item_id = 13") == [(iso(NOW), "tmx.timeout")]


def test_the_missing_view_shows_unfinished_rows_with_their_track(filled: Rows) -> None:
    assert filled.sql("SELECT kind, item_id, track_name, error_code FROM missing ORDER BY kind, item_id") == [
        ("capture", 1, "A01", None),
        ("download", 12, "A01", "gbx.lzo"),
        ("download", 13, "A01", "tmx.timeout"),
        ("download", 14, "A01", "tmx.gone"),
        ("list", 2, "B02", None),
    ]


def test_failures_are_grouped_by_code_with_an_example(filled: Rows) -> None:
    filled.replay(15, "failed")
    assert filled.sql("SELECT kind, status, error_code, n, example_id, example FROM failures ORDER BY error_code") == [
        ("download", "failed", "gbx.lzo", 2, 12, "broken"),
        ("download", "skipped", "tmx.gone", 1, 14, "gone"),
        ("download", "retry", "tmx.timeout", 1, 13, "too late"),
    ]


def test_the_progress_view_leaves_out_only_zeros(filled: Rows) -> None:
    assert filled.sql("SELECT kind, status, n FROM progress ORDER BY kind, status") == [
        ("capture", "running", 1),
        ("download", "done", 1),
        ("download", "failed", 1),
        ("download", "retry", 1),
        ("download", "skipped", 1),
        ("extract", "done", 1),
        ("list", "done", 1),
        ("list", "pending", 1),
    ]


def test_the_leaderboard_view_begins_with_rank_one_and_leaves_out_rows_without_a_position(filled: Rows) -> None:
    columns = "track_name, rank, user_name, site_time_ms, replay_id, status"
    assert filled.sql(f"SELECT {columns} FROM leaderboard WHERE track_id = 1 ORDER BY rank") == [
        ("A01", 1, "Ann", 1000, 11, "done"),
        ("A01", 2, "Bob", 1100, 12, "failed"),
    ]


def test_the_track_progress_view_counts_the_replays_of_every_track(filled: Rows) -> None:
    columns = "track_id, name, listing, replays, downloaded, given_up, map, map_path"
    assert filled.sql(f"SELECT {columns} FROM track_progress ORDER BY track_id") == [
        (1, "A01", "done", 4, 1, 2, "done", "some/file"),
        (2, "B02", "pending", 0, 0, 0, None, None),
    ]


def test_checkpoint_times_are_numbered_from_one(filled: Rows) -> None:
    assert filled.sql("SELECT replay_id, track_id, number, time_ms FROM checkpoint_times ORDER BY number") == [
        (11, 1, 1, 400),
        (11, 1, 2, 1000),
    ]


def test_input_events_are_rows(filled: Rows) -> None:
    events = '[[0,"Accelerate",1],[250,"Steer",-65536]]'
    filled.write(f"INSERT INTO packed_inputs VALUES (11, '{events}')")
    assert filled.sql("SELECT number, time_ms, control, value FROM input_events ORDER BY number") == [
        (1, 0, "Accelerate", 1),
        (2, 250, "Steer", -65536),
    ]


SIZES = "SELECT kind, sum(bytes) FROM tally GROUP BY kind HAVING sum(bytes) <> 0 ORDER BY kind"


def agrees(rows: Rows) -> bool:
    """Whether the tally is what counting would find."""
    counted = rows.sql("SELECT kind, status, count(*) FROM jobs GROUP BY kind, status ORDER BY kind, status")
    by_code = "SELECT kind, status, coalesce(error_code, ''), count(*) FROM jobs GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    sizes = [
        ("download", rows.sql("SELECT sum(file_bytes) FROM replays")[0][0] or 0),
        ("extract", rows.sql("SELECT sum(file_bytes) FROM maps")[0][0] or 0),
    ]
    tallied = "SELECT kind, status, error_code, sum(n) FROM tally GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3"
    return (
        rows.sql("SELECT kind, status, n FROM progress ORDER BY kind, status") == counted
        and [(kind, status, code, int(n)) for kind, status, code, n in rows.sql(tallied)] == rows.sql(by_code)
        and [(kind, int(size)) for kind, size in rows.sql(SIZES)] == [pair for pair in sizes if pair[1]]
    )


def test_the_tally_follows_inserts_changes_and_deletes(filled: Rows) -> None:
    assert agrees(filled)
    for i, status in enumerate(STATUSES):
        filled.replay(100 + i, status)
        assert agrees(filled)
    finished = "status = 'done', finished_at = '', available_at = NULL, claimed_by = NULL"
    filled.write(f"UPDATE replays SET {finished}, file_path = 'x', file_bytes = 1, sha256 = '{'0' * 64}'")
    assert agrees(filled)
    filled.write("UPDATE replays SET priority = 7")
    assert agrees(filled)
    filled.write("DELETE FROM replays WHERE replay_id > 11")
    assert agrees(filled)


def test_the_tally_follows_error_codes_and_file_sizes(filled: Rows) -> None:
    for change in (
        "file_bytes = 700 WHERE replay_id = 11",
        "file_bytes = 5 WHERE replay_id = 12",
        "error_code = 'tmx.gone' WHERE replay_id = 12",
        "error_code = 'x' WHERE replay_id = 11",
        "error_code = NULL, file_bytes = 70 WHERE replay_id = 11",
        "status = 'pending', error_code = NULL, available_at = NULL WHERE replay_id = 13",
        "status = 'pending', finished_at = NULL WHERE replay_id = 14",
        "file_bytes = NULL WHERE replay_id = 12",
    ):
        filled.write(f"UPDATE replays SET {change}")
        assert agrees(filled), change
    assert filled.sql("SELECT error_code, n, example_id, example FROM failures") == [("tmx.gone", 1, 12, "broken")]
    with filled.database.read() as connection:
        assert file_bytes(connection)["download"]["done"] == 70
        assert file_bytes(connection)["extract"]["done"] == 1


def test_failures_of_every_kind_have_an_example(rows: Rows) -> None:
    rows.track(1, "skipped", error="no such track")
    rows.replay(2, "failed", error="no replay")
    rows.map(1, "failed", error="no map")
    rows.capture(3, 2, "retry", error="no game")
    assert rows.sql("SELECT kind, n, example_id, example FROM failures ORDER BY kind") == [
        ("capture", 1, 3, "no game"),
        ("download", 1, 2, "no replay"),
        ("extract", 1, 1, "no map"),
        ("list", 1, 1, "no such track"),
    ]


def test_the_tally_follows_a_rollback(filled: Rows) -> None:
    with pytest.raises(KeyError), filled.database.write() as connection:  # noqa: PT012
        connection.execute(text("DELETE FROM maps"))
        connection.execute(text("INSERT INTO tracks (track_id) VALUES (9)"))
        raise KeyError
    assert agrees(filled)


def test_the_tally_counts_an_upsert_once(rows: Rows) -> None:
    for update in ((), ("name",)):
        for _ in range(2):
            with rows.database.write() as connection:
                upsert(connection, NewRows(table_of(TrackRow), [{"track_id": i, "name": "x"} for i in (1, 2)], update))
            assert agrees(rows)
    assert len(rows.all(TrackRow)) == 2


def test_counts_include_every_kind_and_status(filled: Rows) -> None:
    with filled.database.read() as connection:
        table = counts(connection)
        assert open_rows(connection, ["list", "download", "extract", "capture"]) == 3
    assert list(table) == ["list", "download", "extract", "capture"]
    assert table["download"] == {"pending": 0, "running": 0, "retry": 1, "done": 1, "failed": 1, "skipped": 1}
    assert set(STATES) == set(table["list"])


def test_compacting_a_long_tally_keeps_its_sums(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "COMPACT_ABOVE", 5)
    rows.track(1)
    for replay_id in range(1, 21):
        rows.replay(replay_id)
    rows.write("DELETE FROM replays WHERE replay_id > 15")
    with rows.database.write() as connection:
        compact_tally(connection)
    assert agrees(rows)
    if rows.database.path is None:
        assert rows.sql("SELECT kind, n FROM tally ORDER BY kind") == [("download", 15), ("list", 1)]


def test_an_upsert_updates_the_named_columns_and_keeps_known_values(rows: Rows) -> None:
    rows.track(1, name="old", uid="known", priority=3)
    table = table_of(TrackRow)
    new = [
        {"track_id": 1, "name": "new", "uid": None, "priority": 9},
        {"track_id": 2, "name": "b", "uid": "u", "priority": 1},
    ]
    with rows.database.write() as connection:
        upsert(connection, NewRows(table, new, ("name", "uid"), ("uid",)))
        upsert(connection, NewRows(table, []))
    found = [(row["track_id"], row["name"], row["uid"], row["priority"]) for row in rows.all(TrackRow)]
    assert found == [(1, "new", "known", 3), (2, "b", "u", 1)]


def test_the_last_row_counts_if_a_key_occurs_twice_in_an_upsert(rows: Rows) -> None:
    with rows.database.write() as connection:
        upsert(
            connection, NewRows(table_of(TrackRow), [{"track_id": 1, "name": name} for name in ("a", "b")], ("name",))
        )
    assert rows.one(TrackRow, 1)["name"] == "b"
    assert rows.one(ReplayRow, 1) == {}


def test_every_number_of_the_site_has_the_name_that_options_and_maps_use(rows: Rows) -> None:
    lists = {
        "primary_type": (0, PRIMARY_TYPES),
        "style": (0, TAGS),
        "routes": (0, ("single", "multi", "symmetric")),
        "difficulty": (0, DIFFICULTIES),
        "mood": (0, MOODS),
        "environment": (1, ENVIRONMENTS),
        "car": (1, ENVIRONMENTS),
    }
    longest = max(len(names) for _, names in lists.values())
    for i in range(longest + 1):
        rows.track(1 + i, **{column: first + i for column, (first, _) in lists.items()})
    for column, (_, names) in lists.items():
        found = [row[0] for row in rows.sql(f"SELECT {column}_name FROM tracks ORDER BY track_id")]
        assert found == [*names, *[None] * (longest + 1 - len(names))]


def test_maps_have_the_names_of_tracks(rows: Rows) -> None:
    stored = ("Alpine", "Speed", "Rally", "Island", "Coast", "Bay", "Stadium")
    for i, environment in enumerate(stored, 1):
        rows.track(i, environment=i, mood=1)
        rows.map(i, environment=environment, mood="Day", author_ms=i)
    assert rows.sql(
        "SELECT count(*) FROM tracks JOIN maps ON maps.track_id = tracks.track_id"
        " AND maps.environment_name = tracks.environment_name AND maps.mood_name = tracks.mood_name"
        " AND maps.author_time_ms = maps.track_id"
    ) == [(len(stored),)]


def test_tags_are_rows_with_names(rows: Rows) -> None:
    rows.track(1, tags="[5, 16]")
    rows.track(2, tags="[99]")
    rows.track(3, tags="[]")
    rows.track(4)
    assert rows.sql("SELECT track_id, tag, tag_name FROM track_tags ORDER BY track_id, tag") == [
        (1, 5, "fullspeed"),
        (1, 16, "endurance"),
        (2, 99, None),
    ]


def test_the_leaderboard_view_has_gaps_and_what_the_file_says(rows: Rows) -> None:
    rows.replay(11, "done", position=0, user_id=7, site_time_ms=1000, site_respawns=9, respawns=0, device="pad")
    rows.replay(12, position=1, user_id=8, site_time_ms=1100, site_respawns=2)
    rows.replay(21, position=1, track_id=2, site_time_ms=900)
    columns = "replay_id, user_id, gap_ms, device, respawns"
    assert rows.sql(f"SELECT {columns} FROM leaderboard ORDER BY replay_id") == [
        (11, 7, 0, "pad", 0),
        (12, 8, 100, None, 2),
        (21, None, None, None, None),  # the record is not listed
    ]


def test_the_drivers_view_counts_replays_tracks_and_records(rows: Rows) -> None:
    ann, bob = {"user_id": 1, "user_name": "Ann"}, {"user_id": 2, "user_name": "Bob"}
    rows.replay(1, position=0, **ann)
    rows.replay(2, position=3, **ann)
    rows.replay(3, position=0, track_id=2, **ann)
    rows.replay(4, position=1, **bob)
    rows.replay(5)
    columns = "user_id, user_name, replays, tracks, records"
    assert rows.sql(f"SELECT {columns} FROM drivers ORDER BY user_id") == [(1, "Ann", 3, 2, 2), (2, "Bob", 1, 1, 0)]
    assert rows.sql("SELECT replays FROM drivers WHERE user_name = 'Bob'") == [(1,)]


def test_keyboard_runs_are_finished_and_the_fastest_of_each_track_is_its_keyboard_record(rows: Rows) -> None:
    rows.track(1, name="A01")
    keyboard = {"status": "done", "device": "keyboard", "finished": True}
    rows.replay(11, **keyboard, race_time_ms=900, position=1, user_name="Ann")
    rows.replay(12, **keyboard, race_time_ms=900)
    rows.replay(13, **keyboard, race_time_ms=950)
    rows.replay(14, **{**keyboard, "finished": False}, race_time_ms=None)
    rows.replay(15, **{**keyboard, "device": "pad"}, race_time_ms=800, position=0)
    assert rows.sql("SELECT replay_id FROM keyboard_runs ORDER BY replay_id") == [(11,), (12,), (13,)]
    columns = "track_id, track_name, replay_id, user_name, race_time_ms, rank"
    assert rows.sql(f"SELECT {columns} FROM keyboard_records") == [(1, "A01", 11, "Ann", 900, 2)]


PLANS = {
    "SELECT * FROM drivers WHERE user_name = 'Ann'": "ix_replays_user_name (user_name=?)",
    "SELECT * FROM leaderboard WHERE user_id = 7": "ix_replays_user (user_id=?",
    "SELECT user_name, records FROM drivers ORDER BY records": "COVERING INDEX ix_replays_user_name",
    "SELECT * FROM keyboard_records WHERE track_id = 1": "ix_replays_runs (device=? AND track_id=?",
    "SELECT device, count(*) FROM replays WHERE finished GROUP BY device": "COVERING INDEX ix_replays_runs",
    "SELECT count(*) FROM replays WHERE replay_at > ago('2 days')": "ix_replays_replay_at (replay_at>?)",
    "SELECT count(*) FROM replays WHERE listed_at > ago('2 days')": "ix_replays_listed_at (listed_at>?)",
    "SELECT * FROM tracks WHERE name = 'A01'": "ix_tracks_name (name=?)",
}


@pytest.mark.parametrize("query", PLANS)
def test_questions_about_one_driver_or_track_use_an_index(sqlite: Database, query: str) -> None:
    plan = [row[3] for row in Rows(sqlite).sql(f"EXPLAIN QUERY PLAN {query}")]
    assert any(PLANS[query] in step for step in plan), plan


def test_ago_is_the_same_time_on_both_engines(rows: Rows) -> None:
    spans = ("2 days", "1 month", "1 year 3 hours", "90 min", "1 week", "0 days", "3 HOURS")
    for span in spans:
        ((found,),) = rows.sql(f"SELECT ago('{span}')")
        assert abs(from_iso(found) - from_iso(ago(span, wall_clock()))) < 60_000
        assert len(found) == len(iso(NOW))
    ((empty,),) = rows.sql("SELECT ago(NULL)")
    assert empty is None
