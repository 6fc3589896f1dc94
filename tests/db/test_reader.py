"""The reader for plain SQL: both engines alike, one moment in a snapshot, and the same refusals as `Database`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import ensure_current
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import DatabaseError


def test_rows_come_by_name_with_parameters(database: Database, rows: Rows) -> None:
    rows.track(1, name="A: 50 %")
    reader = Reader(database.location)
    assert reader.rows("SELECT track_id, name FROM tracks WHERE name = :name", name="A: 50 %") == [
        {"track_id": 1, "name": "A: 50 %"}
    ]
    assert reader.row("SELECT 1 FROM tracks WHERE track_id = :id", id=2) is None
    assert reader.value("SELECT count(*) FROM tracks") == 1
    reader.close()


def test_a_snapshot_is_of_one_moment(database: Database, rows: Rows) -> None:
    reader = Reader(database.location)
    with reader.snapshot():
        assert reader.value("SELECT count(*) FROM tracks") == 0
        rows.track(1)
        assert reader.value("SELECT count(*) FROM tracks") == 0
    assert reader.value("SELECT count(*) FROM tracks") == 1
    reader.close()


@pytest.mark.parametrize("revision", ["0001", "9999", "copying"])
def test_other_revisions_are_refused_with_the_same_words(database: Database, rows: Rows, revision: str) -> None:
    rows.write(f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(DatabaseError) as expected:
        ensure_current(database)
    with pytest.raises(DatabaseError) as caught:
        Reader(database.location)
    assert (str(caught.value), caught.value.code) == (str(expected.value), expected.value.code)


@pytest.mark.parametrize("content", [None, b"", b"not a database" * 100, "folder", "foreign"])
def test_what_is_no_database_is_refused_with_the_same_words(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "tmx.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    elif content == "foreign":
        other = Database(str(path))
        Rows(other).write("CREATE TABLE other (x INTEGER)")
        other.close()
    database = Database(str(path), read_only=True)
    with pytest.raises(DatabaseError) as expected:
        ensure_current(database)
    for location in (str(path), f"sqlite:///{path}"):
        with pytest.raises(DatabaseError) as caught:
            Reader(location)
        assert caught.value.code == expected.value.code
        assert str(caught.value).replace("sqlite:///", "") == str(expected.value)
    database.close()


def test_nothing_can_be_changed_through_it(sqlite: Database) -> None:
    reader = Reader(sqlite.location)
    with pytest.raises(DatabaseError, match="readonly"):
        reader.rows("INSERT INTO tracks (track_id) VALUES (1)")
    reader.close()
