"""Writing many rows: any value arrives as it was, and one statement writes many rows."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import exc

from tests.rows import Rows
from tmxdb.db import dialect
from tmxdb.db.bulk import ROWS_AT_ONCE, NewRows, RowStream, execute_many, inserting, upsert, upsert_streams
from tmxdb.db.database import Database
from tmxdb.db.dialect import engine_name, update_many
from tmxdb.db.models import AttemptRow, ReplayRow, TrackRow, table_of

TEXTS = (
    *("", "NULL", "null", 'a "quote"', "it's", "100 %", "%(rows)s", ":name", "\\", "\\u0041", "\n\t", "{}[],"),
    "\u00e9 \u6f22 \U0001f600",
)


def tracks(n: int) -> list[dict[str, Any]]:
    return [{"track_id": i, "name": f"track {i}", "priority": i} for i in range(1, n + 1)]


@pytest.mark.parametrize("chars", [1, 200, dialect.MAX_PACKED_CHARS], ids=["each alone", "some", "all together"])
def test_every_value_arrives_as_it_was(rows: Rows, monkeypatch: pytest.MonkeyPatch, chars: int) -> None:
    monkeypatch.setattr(dialect, "MAX_PACKED_CHARS", chars)
    numbers = (0, -1, 2**31 - 1, -(2**31), None, 7, 8, 9, 10, 11, 12, 13, 14)
    truths = (True, False, None)
    new = [
        {"track_id": 2**53 + i, "name": name, "author_time_ms": number, "has_thumbnail": truths[i % 3], "uid": None}
        for i, (name, number) in enumerate(zip(TEXTS, numbers, strict=True))
    ]
    with rows.database.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), new))
    found = [{name: row[name] for name in new[0]} for row in rows.all(TrackRow)]
    assert found == new
    with rows.database.write() as connection:
        changes = [{"key": row["track_id"], "uid": row["name"], "name": None} for row in new]
        table = table_of(TrackRow)
        statement = update_many(table, {"key": table.c.track_id}, ["uid", "name"], engine_name(connection))
        execute_many(connection, statement, changes)
    assert [(row["uid"], row["name"]) for row in rows.all(TrackRow)] == [(name, None) for name in TEXTS]


def test_rows_that_the_database_numbers_are_inserted_in_their_order(rows: Rows) -> None:
    attempts = [
        {"kind": "list", "item_id": i, "attempt": 1, "ended_at": "", "outcome": "lost", "error_code": "x", "error": "y"}
        for i in range(50, 0, -1)
    ]
    with rows.database.write() as connection:
        execute_many(connection, inserting(table_of(AttemptRow), tuple(attempts[0]), engine_name(connection)), attempts)
    assert [row["item_id"] for row in rows.attempts()] == [row["item_id"] for row in attempts]


def test_on_postgresql_one_statement_writes_all_rows(postgresql: Database) -> None:
    """The triggers are run for each statement, so that each would add rows to the tally."""
    rows = Rows(postgresql)
    with postgresql.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), tracks(100), update=("name",)))
    assert rows.sql("SELECT kind, status, n FROM tally") == [("list", "pending", 100)]
    with postgresql.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), tracks(100), update=("name",)))
    assert len(rows.sql("SELECT * FROM tally")) == 1
    table = table_of(TrackRow)
    skipped = [{"key": i, "status": "skipped", "finished_at": "", "error_code": "x"} for i in range(1, 101)]
    with postgresql.write() as connection:
        names = ["status", "finished_at", "error_code"]
        statement = update_many(table, {"key": table.c.track_id}, names, engine_name(connection))
        execute_many(connection, statement, skipped)
    assert sorted(rows.sql("SELECT status, n FROM tally")) == [("pending", -100), ("pending", 100), ("skipped", 100)]


def test_only_the_rows_with_all_keys_are_updated(rows: Rows) -> None:
    for replay_id in (1, 2):
        rows.replay(replay_id, user_name="old")
    table = table_of(ReplayRow)
    changes = [{"of": 1, "key": key, "user_name": "new"} for key in (2, 3)] + [{"of": 9, "key": 1, "user_name": "no"}]
    with rows.database.write() as connection:
        keys = {"of": table.c.track_id, "key": table.c.replay_id}
        execute_many(connection, update_many(table, keys, ["user_name"], engine_name(connection)), changes)
    assert [row["user_name"] for row in rows.all(ReplayRow)] == ["old", "new"]


def test_the_last_row_of_streams_with_the_same_key_counts(rows: Rows) -> None:
    streams = [
        RowStream(table_of(TrackRow), ("track_id", "name"), [(1, "a"), (1, "b"), (2, "a")], {}, ("name",)),
        RowStream(table_of(TrackRow), ("track_id", "name"), [(2, "c"), (3, "c")], {}, ("name",)),
    ]
    for _ in range(2):
        with rows.database.write() as connection:
            upsert_streams(connection, streams)
        assert {row["track_id"]: row["name"] for row in rows.all(TrackRow)} == {1: "b", 2: "c", 3: "c"}


@pytest.mark.parametrize("value", [{"a": 1}, ["a"], ("a",), 2**70, "\ud800"])
def test_a_value_that_no_column_takes_is_refused(rows: Rows, value: Any) -> None:
    column = "author_time_ms" if isinstance(value, int) else "name"
    new = NewRows(table_of(TrackRow), [{"track_id": 1, column: 5}, {"track_id": 2, column: value}])
    with pytest.raises(Exception) as caught, rows.database.write() as connection:
        upsert(connection, new)
    # These two would end the run instead of failing the row of the value.
    assert not isinstance(caught.value, exc.OperationalError | exc.InternalError)
    assert rows.all(TrackRow) == []


def test_postgresql_refuses_a_text_with_a_zero_byte(postgresql: Database) -> None:
    with pytest.raises(exc.DataError), postgresql.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), [{"track_id": 1, "name": "a\0b"}]))


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 2 * ROWS_AT_ONCE + 3])
def test_an_upsert_stores_every_row_whatever_their_number(rows: Rows, count: int) -> None:
    for known in range(1, count + 1, 3):
        rows.track(known, name="old", priority=5)
    new = [{"track_id": number, "name": f"track {number}", "priority": 9} for number in range(count, 0, -1)]
    with rows.database.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), new, ("name",)))
    found = [(row["track_id"], row["name"], row["priority"]) for row in rows.all(TrackRow)]
    assert found == [(i, f"track {i}", 5 if i % 3 == 1 else 9) for i in range(1, count + 1)]
    assert rows.sql("SELECT sum(n) FROM tally WHERE kind = 'list' AND status = 'pending'") == [(count,)]


def test_a_row_that_breaks_a_rule_stores_none_of_them(rows: Rows) -> None:
    new = [{"track_id": number, "priority": 1} for number in range(ROWS_AT_ONCE)]  # 0 is no track
    with pytest.raises(exc.IntegrityError), rows.database.write() as connection:
        upsert(connection, NewRows(table_of(TrackRow), new, ("priority",)))
    assert rows.all(TrackRow) == []
