"""`tmxdb query` reads and does nothing else, whatever SQL it gets, and Ctrl-C ends it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import needs_ctrl_c
from tests.rows import Rows
from tests.tool import Tool
from tmxdb.clock import iso, wall_clock
from tmxdb.db.database import Database
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.reports.query import run_query

CHANGES = [
    "update tracks set name = 'x'",
    "select 1; commit; update tracks set name = 'x'",
    "select 1; update tracks set name = 'x'",
    "commit; update tracks set name = 'x'",
    "rollback; update tracks set name = 'x'; begin",
    "set transaction read write; update tracks set name = 'x'",
    "with deleted as (delete from tracks returning track_id) select * from deleted",
    "delete from tracks returning *",
    "create table copy as select * from tracks",
    "select * into copy from tracks",
    "drop view jobs",
    "/* select */ update tracks set name = 'x'",
    "vacuum",
]
ON_SERVER = [
    "do $$ begin update tracks set name = 'x'; end $$",
    "do $$ begin set transaction read write; update tracks set name = 'x'; end $$",
    "explain analyze update tracks set name = 'x'",
    "select set_config('transaction_read_only', 'off', false) from tracks",
    "select nextval('attempts_attempt_id_seq')",
    "copy (select 1) to program 'touch {file}'",
    "copy tracks to '{file}'",
    "prepare x as update tracks set name = 'x'",
]
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


@pytest.fixture
def reader(database: Database, rows: Rows) -> Iterator[Reader]:
    rows.track(1, name="A01")
    reading = Reader(database.location)
    yield reading
    reading.close()


def answer(reader: Reader, sql: str, **parameters: str) -> tuple[list[str], list[Any]]:
    with run_query(reader, sql, parameters) as result:
        return result.columns, [tuple(row) for row in result.rows]


@pytest.mark.parametrize(
    "sql",
    [
        "select track_id, name from tracks",
        "SELECT track_id, name FROM tracks;",
        "-- the tracks\nselect track_id, name from tracks",
        "/* a */ with t as (select * from tracks) select track_id, name from t",
    ],
)
def test_reading_statements_are_answered(reader: Reader, sql: str) -> None:
    assert answer(reader, sql) == (["track_id", "name"], [(1, "A01")])


def test_values_and_percent_signs_are_taken_as_they_are(reader: Reader) -> None:
    assert answer(reader, "select '%s %(x)s 100 %' as text")[1] == [("%s %(x)s 100 %",)]


def test_parameters_are_values_and_never_sql(reader: Reader, rows: Rows) -> None:
    rows.track(2, name="a'; drop table tracks; --")
    found = "select track_id from tracks where name = :name"
    assert answer(reader, found, name="a'; drop table tracks; --")[1] == [(2,)]
    assert answer(reader, "select name from tracks where track_id = :id order by name limit :n", id="1", n="5")[1] == [
        ("A01",)
    ]
    assert answer(reader, "select ':name' as text, '5 %' as share from tracks where track_id = :id -- :b", id="1")[
        1
    ] == [(":name", "5 %")]


def test_a_name_of_digits_is_found_as_it_is_written(reader: Reader, rows: Rows) -> None:
    for track_id, name in enumerate(("007", "7", "-0", "0"), 11):
        rows.track(track_id, name=name)
        assert answer(reader, "select track_id from tracks where name = :name", name=name)[1] == [(track_id,)]
    less = "select track_id from tracks where track_id * 0.5 < :most and track_id > 10 order by track_id"
    assert answer(reader, less, most="6.50")[1] == [(11,), (12,)]


@pytest.mark.parametrize(
    ("sql", "given", "says"),
    [
        ("select :a", {}, "The SQL has the parameter :a. Give it with -p a=VALUE."),
        ("select 1", {"a": "1"}, "The SQL has no parameter :a."),
        ("select :b", {"b": "1", "a": "1"}, "The SQL has no parameter :a. Its parameters: :b."),
    ],
)
def test_a_parameter_without_a_value_and_a_value_without_a_parameter_are_named(
    reader: Reader, sql: str, given: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidInput, match=re.escape(says)):
        answer(reader, sql, **given)


def test_a_time_is_compared_with_now(reader: Reader, rows: Rows) -> None:
    rows.replay(1, replay_at=iso(wall_clock() - 3_600_000))
    rows.replay(2, replay_at=iso(wall_clock() - 3 * 86_400_000))
    assert answer(reader, "select replay_id from replays where replay_at > ago('2 days')")[1] == [(1,)]
    with pytest.raises(InvalidInput):
        answer(reader, "select ago('soon')")


@pytest.mark.parametrize("sql", CHANGES)
def test_no_statement_changes_anything(reader: Reader, rows: Rows, sql: str) -> None:
    with pytest.raises(InvalidInput):
        answer(reader, sql)
    assert rows.sql("select track_id, name from tracks") == [(1, "A01")]
    assert rows.sql("select count(*) from jobs") == [(1,)]


@pytest.mark.parametrize("sql", ON_SERVER)
def test_no_statement_changes_anything_on_a_server_or_its_disk(postgresql: Database, sql: str, tmp_path: Path) -> None:
    rows = Rows(postgresql)
    rows.track(1, name="A01")
    reading = Reader(postgresql.location)
    file = Path(tempfile.gettempdir()) / f"tmxdb-query-{os.getpid()}"
    with pytest.raises(InvalidInput):
        answer(reading, sql.format(file=file))
    assert not file.exists()
    assert rows.sql("select track_id, name from tracks") == [(1, "A01")]
    reading.close()


def test_a_statement_that_runs_too_long_is_cancelled_by_the_server(
    postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.reports.query.TIMEOUT_S", 1)
    reading = Reader(postgresql.location)
    with pytest.raises(InvalidInput, match="was cancelled after 1 s"):
        answer(reading, "select pg_sleep(60)")
    reading.close()


def test_rows_stay_on_the_server_until_they_are_fetched(postgresql: Database) -> None:
    sql = "select repeat(md5(n::text), 32) as text from generate_series(1, 200000) as n"
    memory_before = psutil.Process().memory_info().rss
    with closing(Reader(postgresql.location)) as reading, run_query(reading, sql) as result:
        assert len(next(result.rows)[0]) == 1024
        assert psutil.Process().memory_info().rss - memory_before < 50_000_000  # of 200 MB
        assert sum(1 for _ in result.rows) == 199_999
        assert psutil.Process().memory_info().rss - memory_before < 50_000_000


@needs_ctrl_c
def test_ctrl_c_ends_an_endless_query(reader: Reader) -> None:
    sql = ENDLESS if reader.path is not None else "select pg_sleep(600)"
    press = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    press.start()
    with pytest.raises(KeyboardInterrupt):
        answer(reader, sql)
    press.join()
    assert answer(reader, "select name from tracks")[1] == [("A01",)]


# As another user from the second command on: what commands import lazily may not be readable for them.
_AS_ANOTHER_USER = """
import os, sys
from tmxdb.cli import main

warm, path, *command = sys.argv[1:]
sys.argv = ["tmxdb", "--db", warm, *command]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
if os.geteuid() == 0:
    os.setuid(65534)
sys.argv = ["tmxdb", "--db", path, *command]
main()
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user may enter: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-read-only-"))
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no permissions of POSIX")
@pytest.mark.parametrize("in_use", [False, True])
def test_a_database_in_a_place_that_cannot_be_written_is_read(
    sqlite_template: Path, open_folder: Path, in_use: bool
) -> None:
    path = open_folder / "tmx.db"
    shutil.copyfile(sqlite_template, path)
    owner = Database(str(path))
    Rows(owner).track(1, name="A01")
    if not in_use:
        owner.close()
        assert [file.name for file in open_folder.iterdir()] == ["tmx.db"]
    for file in open_folder.iterdir():
        file.chmod(0o444)
    open_folder.chmod(0o555)
    before = path.read_bytes()
    for command in (["query", "--csv", "select name from tracks"], ["status"]):
        ran = subprocess.run(
            [sys.executable, "-c", _AS_ANOTHER_USER, str(sqlite_template), str(path), *command],
            env=Tool.environment(), capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        assert "A01" in ran.stdout or command == ["status"]
    assert path.read_bytes() == before
    owner.close()
