"""`tmxdb copy-db`: everything is over there, odd values too, and the copy is a database like any other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import PostgresServer
from tests.db.upgrades import old
from tests.queue.fakes import Bench
from tests.rows import FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import ensure_current
from tmxdb.db.models import AttemptRow, CaptureRow, ReplayRow, SettingRow
from tmxdb.db.transfer import digest, tables

Run = Callable[..., Any]


@pytest.fixture
def empty(server: PostgresServer, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Where a copy may go, by engine."""
    url = server.new()
    yield {"sqlite": str(tmp_path / "copy.db"), "postgresql": url}
    server.drop(url)


@pytest.fixture
def odd(database: Database) -> Rows:
    """Unusual rows in every table, and no worker."""
    old.fill(database)
    rows = Rows(database)
    rows.write("delete from workers")
    return rows


def _tally(database: Database) -> list[tuple[Any, ...]]:
    """With error codes and sizes of files."""
    sums = "select kind, status, error_code, sum(n), sum(bytes) from tally group by 1, 2, 3 having sum(n) <> 0"
    return Rows(database).sql(f"{sums} order by 1, 2, 3")


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_every_value_of_every_table_is_over_there_with_views_and_tally(
    tool: Run, odd: Rows, empty: dict[str, str], engine: str
) -> None:
    ran = tool("copy-db", odd.database.location, empty[engine], "--json")
    copy = Database(empty[engine])
    ensure_current(copy)
    before = old.everything(odd.database)
    assert old.everything(copy) == before
    assert old.counted(copy)[0] == old.counted(copy)[1] == old.counted(odd.database)[1]
    assert _tally(copy) == _tally(odd.database)
    assert old.views(copy) == old.views(odd.database)
    assert ran.json["tables"] == {name: len(rows) for name, rows in before.items()}
    assert ran.json["cleaned"] == []
    copy.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_the_copy_goes_on_counting_ids_and_statuses_and_hands_out_jobs(
    tool: Run, rows: Rows, clock: FakeClock, empty: dict[str, str], engine: str
) -> None:
    rows.capture(41, 1)
    rows.replays(2, 3)
    rows.write("insert into attempts (attempt_id, kind, item_id, attempt, ended_at, outcome, error_code, error)"
               " values (1000, 'download', 2, 1, 'x', 'lost', 'x', 'x')")  # fmt: skip
    tool("copy-db", rows.database.location, empty[engine])
    copy = Database(empty[engine])
    there = Rows(copy)
    there.write("insert into captures (replay_id, track_id, settings) values (2, 1, '{}')")
    assert [row["capture_id"] for row in there.all(CaptureRow)] == [41, 42]
    there.write("insert into attempts (kind, item_id, attempt, ended_at, outcome, error_code, error)"
                " values ('download', 2, 2, 'x', 'lost', 'x', 'x')")  # fmt: skip
    assert [row["attempt_id"] for row in there.all(AttemptRow)] == [1000, 1001]
    assert [job.item_id for job in Bench(copy, clock).claim(n=5)] == [1, 2, 3]
    assert old.counted(copy)[0] == old.counted(copy)[1]
    copy.close()


@pytest.mark.slow
def test_there_and_back_again_nothing_has_changed(tool: Run, odd: Rows, empty: dict[str, str]) -> None:
    tool("copy-db", odd.database.location, empty["postgresql"])
    tool("copy-db", empty["postgresql"], empty["sqlite"])
    back = Database(empty["sqlite"])
    assert old.everything(back) == old.everything(odd.database)
    back.close()


def test_more_rows_than_a_batch_are_each_over_there_once(
    tool: Run, rows: Rows, empty: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tmxdb.db.transfer.BATCH", 7)
    rows.replays(*range(1, 101))
    for engine in empty:
        assert tool("copy-db", rows.database.location, empty[engine], "--json").json["tables"]["replays"] == 100
        copy = Database(empty[engine])
        assert Rows(copy).statuses() == rows.statuses()
        copy.close()


def test_both_engines_digest_the_same_rows_alike_and_one_other_value_otherwise(
    tool: Run, odd: Rows, empty: dict[str, str]
) -> None:
    stop = threading.Event()
    tool("copy-db", odd.database.location, empty["postgresql"])
    copy = Database(empty["postgresql"])
    Rows(copy).write("update replays set validated = false where replay_id = 1")
    with odd.database.read() as here, copy.read() as there:
        differ = [
            t.name
            for t in tables()
            if digest(here, t, clean=True, stop=stop) != digest(there, t, clean=True, stop=stop)
        ]
    assert differ == ["replays"]
    copy.close()


def test_a_text_with_nul_reaches_postgresql_with_another_character_and_is_told(
    tool: Run, sqlite: Database, empty: dict[str, str]
) -> None:
    rows = Rows(sqlite)
    rows.replay(1, nickname="a\0b")
    rows.replay(2, nickname="a\\x00b")
    ran = tool("copy-db", sqlite.location, empty["postgresql"])
    assert "replays 1: a NUL character, which PostgreSQL cannot store, is U+FFFD in the copy." in ran.err
    copy = Database(empty["postgresql"])
    assert [row["nickname"] for row in Rows(copy).all(ReplayRow)] == ["a\ufffdb", "a\\x00b"]
    copy.close()
    tool("copy-db", sqlite.location, empty["sqlite"])
    assert Rows(Database(empty["sqlite"])).one(ReplayRow, 1)["nickname"] == "a\0b"


def test_a_text_too_long_for_an_index_names_its_row(tool: Run, sqlite: Database, empty: dict[str, str]) -> None:
    rows = Rows(sqlite)
    rows.track(1, name="x" * 9_000, author_comments="y" * 9_000)
    rows.track(2, name="".join(map(chr, Random(1).choices(range(0x4E00, 0x9FFF), k=3000))))
    rows.write("update tracks set name = 'x' where track_id = 1")
    refused = tool("copy-db", sqlite.location, empty["postgresql"], ends=1).error
    assert "tracks 2: name has 3,000 characters, too many for an index of PostgreSQL. Shorten it first." in refused


@pytest.mark.parametrize(("value", "shown"), [("5000000000", "5000000000"), ("'many'", "'many'")])
def test_a_value_that_postgresql_can_not_hold_stops_the_copy_and_names_its_row(
    tool: Run, sqlite: Database, empty: dict[str, str], value: str, shown: str
) -> None:
    rows = Rows(sqlite)
    rows.replays(1, 2)
    rows.write(f"update replays set user_id = {value} where replay_id = 2")
    refused = tool("copy-db", sqlite.location, empty["postgresql"], ends=1).error
    assert f"replays 2: user_id is {shown}, which PostgreSQL cannot store there." in refused
    rows.write("update replays set user_id = 5 where replay_id = 2")
    assert "Continuing" in tool("copy-db", sqlite.location, empty["postgresql"]).err


def test_settings_rate_limit_and_pauses_come_along(tool: Run, rows: Rows, empty: dict[str, str]) -> None:
    rows.write("insert into settings (key, value) values ('site', 'tmnf')")
    rows.write("insert into rate_limit (id, rate) values (1, 4)")
    rows.write("insert into pauses (kind, since) values ('all', 'x')")
    for url in empty.values():
        tool("copy-db", rows.database.location, url)
        copy = Database(url)
        assert [row["key"] for row in Rows(copy).all(SettingRow)] == ["site"]
        for table in ("rate_limit", "pauses"):
            query = f"select * from {table}"
            assert Rows(copy).sql(query) == rows.sql(query) != []
        copy.close()
