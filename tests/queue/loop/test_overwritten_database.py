"""A database that is overwritten just before a worker writes its heartbeat, which would hide what is in the file."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.queue.fakes import FakeKind
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database
from tmxdb.db.settings import count_heartbeat, database_id
from tmxdb.errors import DatabaseError
from tmxdb.queue.loop import job_store as store_module
from tmxdb.queue.loop.cycle import CycleInput
from tmxdb.queue.loop.job_store import JobStore
from tmxdb.queue.worker_registry import new_identity


def opened(database: Database) -> str:
    """Give the database an id and a heartbeat, both in the file itself."""
    with database.write() as connection:
        known = database_id(connection)
        count_heartbeat(connection)
    database.wal_checkpoint()
    database.expect_id(known)
    return known


def worker_with(database: Database, check: Callable[[], None]) -> JobStore:
    return JobStore(
        database, {"download": FakeKind()}, new_identity(),
        n=1, max_attempts=5, clock=wall_clock, rng=random.Random(1), concurrency=lambda: None, check=check,
    )  # fmt: skip


@pytest.mark.parametrize("by", ["another one", "an older copy of itself"])
def test_it_is_noticed_after_the_look_at_the_file_and_before_the_transaction(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 0)
    monkeypatch.setattr("tmxdb.db.file_identity.READ_PAUSE_S", 0.001)
    source = tmp_path / "other.db"
    if by == "another one":
        shutil.copyfile(sqlite_template, source)
        other = Database(str(source))
        opened(other)
        other.close()
    opened(sqlite)
    if by != "another one":
        shutil.copyfile(tmp_path / "tmx.db", source)
    waiting: list[Path] = []

    def overwrite() -> None:
        if waiting:
            shutil.copyfile(waiting.pop(), tmp_path / "tmx.db")

    store = worker_with(sqlite, overwrite)
    store.open()
    for _ in range(3):
        store.cycle(CycleInput())
    waiting.append(source)
    with pytest.raises(DatabaseError, match=f"was overwritten by {by}") as caught:
        store.cycle(CycleInput())
    assert caught.value.code == "db.replaced"


def test_another_database_is_noticed_before_the_log_is_copied_into_it(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "HEARTBEAT_MS", 0)
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    other = Database(str(tmp_path / "other.db"))
    opened(other)
    other.close()
    opened(sqlite)
    store = worker_with(sqlite, lambda: None)
    store.open()
    store.cycle(CycleInput())

    def overwrite(*_: object) -> None:
        shutil.copyfile(tmp_path / "other.db", tmp_path / "tmx.db")

    monkeypatch.setattr(store_module, "record_progress", overwrite)  # the last step of a heartbeat
    with pytest.raises(DatabaseError, match="was overwritten by another one"):
        store.cycle(CycleInput())
