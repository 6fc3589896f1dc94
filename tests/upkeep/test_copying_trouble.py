"""`tmxdb copy-db` that is killed, comes to the wrong place, or is written to meanwhile."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table

from tests import forked
from tests.conftest import PostgresServer
from tests.db.upgrades import old
from tests.processes import needs_symlinks, was_killed
from tests.queue.fakes import Bench
from tests.rows import FakeClock, Rows
from tests.tool import Tool
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.upkeep import copying as copying_module

Run = Callable[..., Any]
# Seven rows a batch; in the fifth of replays it says so and stands still: in front of the transaction or inside.
_SLOW = """
import sys, time
from tmxdb.db import transfer
from tmxdb.upkeep import copying
transfer.BATCH, where, batches = 7, sys.argv.pop(1), []
quick = getattr(copying, where)
def slow(*arguments):
    batches.append(arguments[1].name)
    if batches.count("replays") == 5:
        print("in the middle", flush=True)
        time.sleep(60)
    return quick(*arguments)
setattr(copying, where, slow)
from tmxdb.cli import main
main()
"""


@contextmanager
def in_the_middle(source: str, target: str, where: str = "read_after") -> Iterator[forked.AnyProcess]:
    arguments = (where, "copy-db", source, target)
    with forked.python(_SLOW, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert "in the middle" in process.stdout.readline(), process.communicate()
            yield process
        finally:
            process.kill()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, server: PostgresServer, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "copy.db")
        return
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def source(sqlite: Database) -> Rows:
    rows = Rows(sqlite)
    rows.replays(*range(1, 101))
    return rows


def killed(source: Rows, target: str, where: str = "read_after") -> None:
    with in_the_middle(source.database.location, target, where) as process:
        process.kill()
        process.wait(300)


@pytest.fixture
def rows(source: Rows) -> Rows:
    """The command line of these tests needs no database of its own."""
    return source


@pytest.mark.parametrize("where", ["read_after", "put"])
def test_a_killed_copy_continues_and_is_equal(tool: Run, source: Rows, target: str, where: str) -> None:
    killed(source, target, where)
    half = Database(target)
    there = len(Rows(half).statuses())
    assert 0 < there < 100
    ran = tool("copy-db", source.database.location, target)
    assert "Continuing the copy of" in ran.err
    assert Rows(half).statuses() == source.statuses()
    assert old.counted(half)[0] == old.counted(half)[1] == old.counted(source.database)[1]
    half.close()


def test_no_other_command_uses_an_unfinished_copy(tool: Run, source: Rows, target: str) -> None:
    killed(source, target)
    for command in (["status"], ["run"], ["migrate"], ["verify"], ["backup", "x.db"]):
        refused = tool("--db", target, *command, ends=1).error
        assert "is an unfinished copy. Continue it with the same `tmxdb copy-db` command" in refused
    refused = tool("copy-db", target, "elsewhere.db", ends=1).error
    assert "is an unfinished copy" in refused


def test_an_unfinished_copy_of_another_database_is_refused_also_with_restart(
    tool: Run, source: Rows, target: str, tmp_path: Path
) -> None:
    killed(source, target)
    other = Database(str(tmp_path / "other.db"))
    upgrade(other)
    for more in ([], ["--restart"]):
        refused = tool("copy-db", other.location, target, *more, ends=1).error
        assert f"is an unfinished copy of {Path(source.database.location).resolve()}" in refused
    other.close()


def test_a_target_with_rows_is_refused_and_left_alone(tool: Run, source: Rows, target: str) -> None:
    full = Database(target)
    upgrade(full)
    Rows(full).replay(5)
    before = old.everything(full)
    for more in ([], ["--restart"]):
        refused = tool("copy-db", source.database.location, target, *more, ends=1).error
        assert "is not empty, and differs from " in refused
        assert "replays (100 rows, 1 in the copy)" in refused
    assert old.everything(full) == before
    full.close()


def test_a_second_run_says_whether_anything_has_changed(tool: Run, source: Rows, target: str) -> None:
    rows = tool("copy-db", source.database.location, target, "--json").json
    again = tool("copy-db", source.database.location, target, "--json")
    assert "Already copied" in again.err
    assert "Nothing was changed" in again.err
    assert again.json == rows
    source.write("update replays set user_name = 'Anna' where replay_id = 1")
    refused = tool("copy-db", source.database.location, target, ends=1).error
    assert "replays (100 rows, 100 in the copy)" in refused
    assert "tracks" not in refused


# Killed behind the commit that makes the target a database of its own.
_KILLED_AT_THE_END = """
import os, signal
from tmxdb.upkeep import copying
copying._update_statistics = lambda target: os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
from tmxdb.cli import main
main()
"""


def test_a_copy_killed_after_its_last_commit_is_complete(tool: Run, source: Rows, target: str) -> None:
    words = [sys.executable, "-c", _KILLED_AT_THE_END, "copy-db", source.database.location, target]
    ended = subprocess.run(words, env=Tool.environment(), capture_output=True, timeout=300)
    assert was_killed(ended.returncode)
    assert "Already copied" in tool("copy-db", source.database.location, target).err
    copy = Database(target)
    assert old.everything(copy) == old.everything(source.database)
    copy.close()


def test_a_source_that_changed_after_it_was_copied_is_noticed_and_restart_repairs_it(
    tool: Run, source: Rows, target: str
) -> None:
    killed(source, target)
    source.write("update replays set user_name = 'Anna' where replay_id = 1")
    refused = tool("copy-db", source.database.location, target, ends=1).error
    assert "replays (100 rows, 100 in the copy)" in refused
    assert "--restart" in refused
    tool("copy-db", source.database.location, target, "--restart")
    copy = Database(target)
    assert old.everything(copy) == old.everything(source.database)
    assert old.counted(copy)[0] == old.counted(copy)[1]
    copy.close()


def test_workers_on_either_side_are_named_and_nothing_is_copied(
    tool: Run, source: Rows, target: str, clock: FakeClock
) -> None:
    Bench(source.database, clock).register("busy-one")
    assert "busy-one" in tool("copy-db", source.database.location, target, ends=1).error
    source.write("delete from workers")
    there = Database(target)
    upgrade(there)
    Bench(there, clock).register("busy-two")
    assert "busy-two" in tool("copy-db", source.database.location, target, ends=1).error
    assert Rows(there).statuses() == {}
    there.close()


@pytest.mark.parametrize("options", [(), ("--restart",)])
def test_a_second_copy_into_one_target_waits_for_the_end_of_the_first(
    tool: Run, source: Rows, target: str, options: tuple[str, ...]
) -> None:
    with in_the_middle(source.database.location, target) as process:
        refused = tool("copy-db", source.database.location, target, *options, ends=1).error
        assert f"another `tmxdb copy-db` is running (process {process.pid}). Wait until it ends" in refused
        process.kill()
        process.wait(300)
    tool("copy-db", source.database.location, target, *options)
    copy = Database(target)
    assert Rows(copy).statuses() == source.statuses()
    copy.close()


def test_a_database_is_not_copied_onto_itself_or_from_nothing(tool: Run, source: Rows, tmp_path: Path) -> None:
    here = source.database.location
    assert "cannot be copied onto itself" in tool("copy-db", here, f"sqlite:///{here}", ends=1).error
    assert "no database at nothing.db" in tool("copy-db", "nothing.db", "new.db", ends=1).error
    assert not (tmp_path / "new.db").exists()
    assert "not made by tmxdb" in tool("copy-db", here, _foreign(tmp_path), ends=1).error


def test_advice_fits_the_arguments(tool: Run, source: Rows, tmp_path: Path) -> None:
    here, folder, text = source.database.location, tmp_path / "folder", tmp_path / "text.db"
    inside = folder / "tmx.db"
    folder.mkdir()
    text.write_text("no database" * 100)
    for words, advice in {
        ("nothing.db", "new.db"): "no database at nothing.db. Give one that exists as FROM.",
        (here, str(folder)): f'Give the file in it, for example "{inside}".',
        (here, "none/new.db"): "Create it, or choose another.",
        (here, str(text)): "Choose another file.",
        (str(text), "new.db"): "Choose another file.",
    }.items():
        error = tool("copy-db", *words, ends=1).error
        assert error.endswith(advice)
        assert "--db" not in error


def test_an_older_database_is_upgraded_under_its_own_name(tool: Run, source: Rows, target: str) -> None:
    source.write("update alembic_version set version_num = '0003'")
    here = source.database.location
    assert tool("copy-db", here, target, ends=1).error.endswith(f"Upgrade it with `tmxdb --db {here} migrate`.")


@pytest.mark.parametrize("link", [os.link, pytest.param(os.symlink, marks=needs_symlinks)])
def test_a_database_is_not_copied_onto_a_link_to_itself(
    tool: Run, sqlite: Database, tmp_path: Path, link: Callable[[str, str], None]
) -> None:
    link(sqlite.location, str(tmp_path / "linked.db"))
    for options in ([], ["--restart"]):
        ran = tool("copy-db", sqlite.location, "linked.db", *options, ends=1)
        assert "cannot be copied onto itself: the source and the target are one database" in ran.error
    assert "linked.db is the database itself" in tool("backup", "linked.db", "--force", ends=1).error


def _foreign(folder: Path) -> str:
    database = Database(str(folder / "photos.db"))
    Rows(database).write("create table photos (id integer)")
    database.close()
    return database.location


def test_an_interrupted_copy_continues(tool: Run, source: Rows, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            "tmxdb.cli.actions.maintain.copy_db._RowCounter.__call__",
            lambda self, table, n: signal.raise_signal(signal.SIGINT),
        )
        assert (
            "Run the same command again to continue." in tool("copy-db", source.database.location, target, ends=130).err
        )
    ran = tool("copy-db", source.database.location, target, "--json")
    assert "Continuing" in ran.err
    assert json.loads(ran.out)["tables"]["replays"] == 100


def test_a_server_that_goes_away_is_one_sentence_and_the_same_command_continues(
    tool: Run, source: Rows, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.new()
    quick = copying_module.put

    def cut_off(connection: Connection, table: Table, *rest: Any) -> None:
        if table.name == "replays":
            (pid,) = connection.exec_driver_sql("select pg_backend_pid()").one()
            server.execute(f"SELECT pg_terminate_backend({pid})")
        quick(connection, table, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(copying_module, "put", cut_off)
        error = tool("copy-db", source.database.location, url, ends=1).error
        assert "\n" not in error
        assert "again" in error or "Check that the server runs" in error
    assert "Continuing" in tool("copy-db", source.database.location, url).err
    server.drop(url)


# Two rows a batch, and a line before each commit.
_TELLING = """
from tmxdb.db import transfer
from tmxdb.upkeep import copying
transfer.BATCH, quick = 2, copying.put
def put(*arguments):
    quick(*arguments)
    print(flush=True)
copying.put = put
from tmxdb.cli import main
main()
"""


@pytest.mark.slow
def test_a_copy_killed_at_any_moment_again_and_again_ends_equal(source: Rows, target: str) -> None:
    source.replays(*range(101, 601))
    rng, kills, ended = random.Random(4), 0, False
    while not ended:
        arguments = ("copy-db", source.database.location, target)
        with forked.python(_TELLING, *arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            for _ in itertools.islice(process.stdout, rng.randrange(1, 100)):
                pass
            time.sleep(rng.uniform(0, 0.005))  # into the commit, or behind it
            ended = process.stdout.readline() != "\n"  # the sum of all rows, or nothing more
            if not ended:
                process.kill()
                kills += 1
        assert process.returncode == 0 if ended else was_killed(process.returncode)
        assert kills < 100
    assert kills > 3
    copy = Database(target)
    assert old.everything(copy) == old.everything(source.database)
    assert old.counted(copy)[0] == old.counted(copy)[1]
    copy.close()
