"""Filled databases of older revisions, on each engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.db.upgrades import old
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade

OLDER = old.revisions()[:-1]
OldRows = dict[str, list[old.Row]]
Older = Callable[[str], tuple[Database, OldRows]]


@pytest.fixture(scope="session")
def templates() -> dict[tuple[bool, str], tuple[str, OldRows]]:
    """By engine and revision: where a filled database of it is, and its rows. Each is made once."""
    return {}


@pytest.fixture(scope="session")
def schemas() -> dict[bool, set[tuple[object, ...]]]:
    """The schema of a database that was made by this tmxdb, by engine."""
    return {}


@pytest.fixture
def fresh(
    new_location: str, schemas: dict[bool, set[tuple[object, ...]]], request: pytest.FixtureRequest, tmp_path: Path
) -> set[tuple[object, ...]]:
    """The schema of a database that was made by this tmxdb, on the same engine as `new_location`."""
    on_server = "://" in new_location
    if on_server not in schemas:
        location = request.getfixturevalue("server").new() if on_server else str(tmp_path / "fresh.db")
        database = Database(location)
        upgrade(database)
        schemas[on_server] = old.schema(database)
        database.close()
    return schemas[on_server]


@pytest.fixture
def older(
    new_location: str,
    templates: dict[tuple[bool, str], tuple[str, OldRows]],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Older:
    """A function that fills `new_location` with a database of a revision, and returns it with its rows."""
    on_server = "://" in new_location
    server = request.getfixturevalue("server") if on_server else None

    def copied(revision: str) -> tuple[Database, OldRows]:
        if (on_server, revision) not in templates:
            location = server.new() if server else str(tmp_path_factory.mktemp(revision) / "old.db")
            database = old.make(location, revision)
            old.fill(database)
            rows = old.everything(database)
            database.close()
            assert all(rows.values())
            templates[on_server, revision] = location, rows
        location, rows = templates[on_server, revision]
        if server:
            server.copy(location, new_location)
        else:
            shutil.copyfile(location, new_location)
        return Database(new_location), rows

    return copied
