"""Files under a temporary name: errors name the file that the user knows, and what is in its place."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from tests.rows import FakeClock
from tests.test_storage import PATH, publish, storage
from tmxdb.db.database import Database
from tmxdb.errors import DatabaseError, DiskError, PermanentError
from tmxdb.failure_policy import Action, policy_for
from tmxdb.paths import plain
from tmxdb.storage import Storage, disk_errors
from tmxdb.upkeep.backup import back_up, partial_of
from tmxdb.upkeep.copying import Copying

__all__ = ["storage"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.EMFILE])
@pytest.mark.parametrize(
    "temporary",
    [".0e9eca4f.partial", "data/.partial/w~a.Gbx", "data\\.partial\\w", "TmxdbLink.as.partial", "x.1-2.tmxdb-partial"],
)
def test_an_error_of_a_temporary_file_names_the_final_one(temporary: str, number: int) -> None:
    with pytest.raises(DiskError) as caught, disk_errors("film.mp4"):
        raise OSError(number, os.strerror(number), temporary)
    assert str(caught.value).startswith("film.mp4: ")
    with pytest.raises(DiskError) as caught, disk_errors("film.mp4"):
        raise OSError(number, os.strerror(number), "another.mp4")
    assert str(caught.value).startswith("another.mp4: ")


def test_a_backup_that_fails_in_sqlite_names_the_final_file(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "monday.db"
    target = Database(str(partial_of(file)))
    copying = Copying(sqlite, target, FakeClock(), threading.Event())

    def fill(step: str) -> None:
        if step == "checking":
            partial_of(file).write_bytes(b"no database")
            raise DatabaseError(f"{partial_of(file)}: {sqlite3.Error('disk is full')}", code="disk.full")

    copying.on_step = fill
    with pytest.raises(DatabaseError) as caught:
        back_up(copying, file, force=False)
    assert str(caught.value) == f"{file}: disk is full"
    assert list(tmp_path.glob("monday*")) == []


def test_a_folder_in_the_place_of_a_file_fails_its_row_only(storage: Storage) -> None:
    storage.absolute(PATH).mkdir(parents=True)
    with pytest.raises(PermanentError) as caught:
        publish(storage)
    assert caught.value.code == "disk.not_a_file"
    place = storage.absolute(PATH)
    shown = plain(str(place))
    assert str(caught.value) == f"{shown}: a folder is in the place of this file. Move it elsewhere, then try again."
    assert policy_for(caught.value).action is Action.FAIL
    assert place.is_dir()


def test_a_file_in_the_place_of_the_folder_of_a_track_fails_its_rows_only(storage: Storage) -> None:
    folder = storage.absolute(PATH).parent
    folder.parent.mkdir(parents=True)
    folder.write_bytes(b"the user's")
    with pytest.raises(PermanentError) as caught:
        publish(storage)
    shown = plain(str(folder))
    assert str(caught.value) == f"{shown}: a file is in the place of this folder. Move it elsewhere, then try again."
    assert folder.read_bytes() == b"the user's"
