"""What pages show after the database was replaced, deleted or upgraded while the server runs."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.upkeep.actions import Actions

PATHS = ("/tracks", "/track/1", "/captures", "/sql", "/sql?q=select+1")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
def test_pages_read_the_database_that_replaced_the_first_one(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    Rows(sqlite).track(1, name="first")
    client = serve(sqlite)
    assert "first" in client.get("/track/1").text
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    other = Database(str(tmp_path / "other.db"))
    Rows(other).track(1, name="second")
    other.close()
    sqlite.close()
    for ending in ("-wal", "-shm"):  # they belong to the first one
        Path(f"{sqlite.location}{ending}").unlink(missing_ok=True)
    os.replace(tmp_path / "other.db", sqlite.location)
    assert "second" in client.get("/track/1").text
    assert "second" in client.get("/sql?q=select+name+from+tracks").text


@pytest.mark.parametrize("in_place", [False, True])
def test_a_restored_backup_gets_nothing_from_the_database_that_it_replaces(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, serve: Callable[..., Any], in_place: bool
) -> None:
    client = serve(sqlite)
    assert [client.get(path).status_code for path in PATHS[-3:]] == [200] * 3
    Rows(sqlite).track(1, name="first")
    assert "first" in client.get("/track/1").text
    sqlite.close()  # the last worker ends
    shutil.copyfile(sqlite_template, tmp_path / "backup.db")
    if in_place:
        shutil.copyfile(tmp_path / "backup.db", sqlite.location)
    else:
        os.replace(tmp_path / "backup.db", sqlite.location)
    assert client.get("/track/1").status_code == 404
    assert Path(sqlite.location).read_bytes() == sqlite_template.read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not replace a file that is open")
def test_actions_change_the_database_that_replaced_the_first_one(
    sqlite: Database, sqlite_template: Path, tmp_path: Path, serve: Callable[..., Any]
) -> None:
    client = serve(sqlite, token="a-token", actions=Actions(sqlite.location))
    found = re.search(r'name="csrf" value="(\w+)"', client.get("/?token=a-token").text)
    assert found is not None
    fields, here = {"csrf": found[1], "kind": "list"}, {"origin": "http://127.0.0.1:8421"}
    shutil.copyfile(sqlite_template, tmp_path / "other.db")
    sqlite.close()
    os.replace(tmp_path / "other.db", sqlite.location)
    assert "list is paused" in client.post("/actions/pause", data=fields, headers=here).text
    other = Rows(Database(sqlite.location))
    assert other.sql("SELECT kind FROM pauses") == [("list",)]
    other.write("UPDATE alembic_version SET version_num = '9999'")
    assert "was made by a newer tmxdb" in client.post("/actions/resume", data=fields, headers=here).text
    assert other.sql("SELECT kind FROM pauses") == [("list",)]


@pytest.mark.skipif(os.name == "nt", reason="Windows does not rename a file that is open")
def test_pages_say_that_the_database_is_missing_until_it_is_back(sqlite: Database, serve: Callable[..., Any]) -> None:
    Rows(sqlite).track(1, name="first")
    client = serve(sqlite)
    assert [client.get(path).status_code for path in PATHS] == [200] * len(PATHS)
    path = Path(sqlite.location)
    path.rename(path.with_suffix(".away"))
    answers = [client.get(path) for path in PATHS]
    assert [answer.status_code for answer in answers] == [503] * len(PATHS)
    assert all("no database at" in answer.text for answer in answers)
    path.with_suffix(".away").rename(path)
    assert [client.get(path).status_code for path in PATHS] == [200] * len(PATHS)


def test_pages_do_not_read_a_database_that_a_newer_version_upgraded(
    database: Database, rows: Rows, serve: Callable[..., Any]
) -> None:
    rows.track(1, name="first")
    client = serve(database)
    assert [client.get(path).status_code for path in PATHS] == [200] * len(PATHS)
    rows.write("UPDATE alembic_version SET version_num = '9999'")
    assert all("was made by a newer tmxdb" in client.get(path).text for path in PATHS)


def test_an_index_that_cannot_be_built_again_stays(
    database: Database, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.module("starlette")
    from tmxdb.serve.mirror import ReaderPool
    from tmxdb.serve.track_index import KeptTrackIndex

    tracebacks: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", tracebacks.append)
    rows.track(1, name="first")
    now_s = [0.0]
    pool = ReaderPool(database.location)
    kept = KeptTrackIndex(pool.reader, steady=lambda: now_s[0], max_age_s=60)
    kept.get()
    rows.write("UPDATE alembic_version SET version_num = '9999'")
    now_s[0] = 61.0
    kept.get()  # starts building
    for thread in threading.enumerate():
        if thread.name == "track index":
            thread.join()
    assert (len(kept.get()), tracebacks) == (1, [])
    pool.close()
