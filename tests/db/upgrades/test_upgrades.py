"""Every older database, full of rows, becomes one of the present revision: nothing is lost, whatever interrupts it."""

from __future__ import annotations

import subprocess

import pytest

from tests import forked
from tests.db.upgrades import old
from tests.db.upgrades.conftest import OLDER, Older
from tests.queue.fakes import FakeKind, worker
from tests.rows import Rows
from tests.tool import Tool, tool
from tmxdb.db import migrate
from tmxdb.db.database import Database
from tmxdb.db.migrate import HEAD, ensure_current, upgrade
from tmxdb.errors import DatabaseError

__all__ = ["tool"]

STOPS = """
import sys, time
from sqlalchemy import event
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade

database, moment = Database(sys.argv[1]), sys.argv[2]

def stop(*_):
    print("there", flush=True)
    time.sleep(600)

def changed(connection, cursor, statement, *_):
    if statement.lstrip().startswith(("CREATE", "ALTER", "INSERT", "UPDATE", "DROP")):
        stop()

if moment == "after the first change":
    event.listen(database.engine, "after_cursor_execute", changed)
else:
    event.listen(database.engine, "commit", lambda connection: stop() if wrote(connection) else None)

def wrote(connection):
    return connection.get_execution_options().get("tmxdb_writes")

upgrade(database)
"""


@pytest.mark.parametrize("revision", OLDER)
def test_an_upgrade_keeps_every_row_and_gives_the_schema_of_a_new_database(
    older: Older, fresh: set[tuple[object, ...]], revision: str
) -> None:
    database, before = older(revision)
    seen = old.views(database)
    assert upgrade(database) == (revision, HEAD)
    ensure_current(database)
    before = old.without_dropped(before)
    assert old.only_old(old.everything(database), before) == before
    assert old.schema(database) == fresh
    now = old.views(database)
    assert {name: now[name] for name in seen} == seen
    assert min(now.values()) > 0
    tally, rows = old.counted(database)
    assert tally == rows
    database.close()


@pytest.mark.parametrize("revision", OLDER)
def test_the_tally_and_the_queue_work_after_an_upgrade(older: Older, revision: str) -> None:
    database, _ = older(revision)
    upgrade(database)
    rows = Rows(database)
    rows.write("DELETE FROM captures WHERE status = 'failed'")
    rows.write("UPDATE tracks SET status = 'pending', finished_at = NULL, error_code = NULL WHERE status = 'skipped'")
    rows.write("DELETE FROM workers")  # odd as they are
    rows.write("DELETE FROM past_progress")
    rows.write("UPDATE replays SET available_at = '2020-01-01T00:00:00.000Z' WHERE status = 'retry'")
    assert worker(database, [FakeKind()]).run().of("done") == 3  # pending, due, and lost with its worker
    tally, counted = old.counted(database)
    assert tally == counted
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["after the first change", "before the commit"])
@pytest.mark.parametrize("revision", [None, *OLDER])
def test_an_upgrade_that_is_killed_leaves_the_older_database_and_the_next_one_succeeds(
    tool: Tool, new_location: str, older: Older, fresh: set[tuple[object, ...]], revision: str | None, moment: str
) -> None:
    before: dict[str, list[old.Row]] = {}
    if revision is not None:
        database, before = older(revision)
        database.close()
    with forked.python(STOPS, new_location, moment, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout
            assert child.stdout.readline() == "there\n"
        finally:
            child.kill()

    database = Database(new_location)
    with pytest.raises(DatabaseError) as caught:
        ensure_current(database)
    assert caught.value.code == ("db.missing" if revision is None else "db.older")
    assert old.everything(database) == before

    ran = tool("--db", new_location, "migrate")
    assert ran.status == 0
    assert not ran.err or ran.err.startswith("Packing the inputs of 6 replays.")
    assert (f"from revision {revision} to {HEAD}" if revision else f"created at revision {HEAD}") in ran.out
    before = old.without_dropped(before)
    assert old.only_old(old.everything(database), before) == before
    assert old.schema(database) == fresh
    database.close()


@pytest.mark.parametrize("revision", OLDER)
def test_an_older_tmxdb_refuses_a_newer_database_by_name_and_changes_nothing(
    older: Older, revision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = older(HEAD)
    before = old.everything(database), old.schema(database)
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "HEAD", revision)
        patch.setattr(migrate, "_KNOWN", tuple(OLDER[: OLDER.index(revision) + 1]))
        for act in (ensure_current, upgrade):
            with pytest.raises(DatabaseError) as caught:
                act(database)
            assert caught.value.code == "db.newer"
            expected = f"was made by a newer tmxdb (revision {HEAD}; this one knows up to {revision}). Update tmxdb."
            assert str(caught.value).endswith(expected)
    assert (old.everything(database), old.schema(database)) == before
    database.close()


def test_these_tests_fill_every_table_of_the_current_revision(older: Older) -> None:
    """So that the next revision finds rows in the tables of this one."""
    database, rows = older(HEAD)
    assert {name for name, found in rows.items() if not found} == set()
    for name, found in rows.items():
        empty = [column for column in found[0] if all(row[column] is None for row in found)]
        assert empty == [], name
    database.close()
