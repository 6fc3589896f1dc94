"""The URI of a SQLite file: SQLite opens the same file as Python, whatever its name and wherever it is."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

import pytest

import tmxdb
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.db.engines.glance import glance
from tmxdb.db.engines.sqlite_uri import sqlite_uri
from tmxdb.db.file_identity import _wal_checkpoint
from tmxdb.db.migrate import ensure_current, upgrade
from tmxdb.db.settings import database_id
from tmxdb.paths import with_prefix

NAME = "100%25 ü & a=b.db" if os.name == "nt" else "100%25 ü & a=b?mode=ro#1.db"
"""A name that a URI must escape, as far as the system allows it."""


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        (PureWindowsPath(r"C:\tmx\tmx.db"), "file:///C:/tmx/tmx.db"),
        (PureWindowsPath(r"C:\a b\100%#ü.db"), "file:///C:/a%20b/100%25%23%C3%BC.db"),
        (PureWindowsPath(r"\\nas\share\tmx.db"), "file:////nas/share/tmx.db"),
        (PureWindowsPath(r"\\nas\my share\100%#ü.db"), "file:////nas/my%20share/100%25%23%C3%BC.db"),
        (PureWindowsPath(r"\\?\C:\a b\tmx.db"), "file:%5C%5C%3F%5CC%3A%5Ca%20b%5Ctmx.db"),
        (PureWindowsPath(r"\\?\UNC\nas\share\tmx.db"), "file:%5C%5C%3F%5CUNC%5Cnas%5Cshare%5Ctmx.db"),
        (PurePosixPath("/a b/100%?#ü.db"), "file:///a%20b/100%25%3F%23%C3%BC.db"),
        (PurePosixPath("//nas/tmx.db"), "file:////nas/tmx.db"),
        (PurePosixPath("/\\\\nas/tmx.db"), "file:///%5C%5Cnas/tmx.db"),
    ],
)
def test_no_server_is_an_authority_and_every_special_character_is_escaped(path: PurePath, uri: str) -> None:
    assert sqlite_uri(path) == uri


def test_no_other_module_makes_a_uri_of_a_path() -> None:
    modules = Path(tmxdb.__file__).parent.rglob("*.py")
    assert [module.name for module in modules if ".as_uri(" in module.read_text("utf-8")] == ["sqlite_uri.py"]


def opened(uri: str) -> str:
    """Return the path of the file that SQLite creates for `uri`."""
    with closing(sqlite3.connect(f"{uri}?mode=rwc", uri=True)) as connection:
        connection.execute("CREATE TABLE something (x)")
        ((_, _, path),) = connection.execute("PRAGMA database_list").fetchall()
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="the server would have to exist")
def test_sqlite_reads_the_path_of_a_share_from_its_uri(tmp_path: Path) -> None:
    share = PureWindowsPath("\\" + str(tmp_path / NAME).replace("/", "\\"))  # as if /tmp/pytest were \\tmp\pytest
    assert str(share).startswith("\\\\")
    assert opened(sqlite_uri(share)) == str(tmp_path / NAME)


@pytest.mark.skipif(os.name == "nt", reason="there it is not the name of a file")
def test_sqlite_reads_an_extended_path_from_its_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = r"\\?\UNC\nas\share\100% ü.db"
    opened(sqlite_uri(PureWindowsPath(path)))
    assert os.listdir() == [path]


@pytest.mark.parametrize("is_extended", [False, True] if os.name == "nt" else [False])
def test_a_database_with_special_characters_in_its_name_is_created_read_and_written(
    tmp_path: Path, is_extended: bool
) -> None:
    path = Path(with_prefix(str(tmp_path / NAME))) if is_extended else tmp_path / NAME
    database = Database(str(path))
    upgrade(database)
    Rows(database).track(1)
    with database.write() as connection:
        known = database_id(connection)
    assert _wal_checkpoint(path)
    assert database.identity.expect(known)
    database.close()
    reader = Database(str(path), read_only=True)
    ensure_current(reader)
    reader.close()
    assert glance(path, "SELECT track_id FROM tracks", []) == [(1,)]
    assert [name for name in os.listdir(tmp_path) if not name.endswith(("-wal", "-shm"))] == [NAME]
