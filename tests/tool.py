"""Run the command line in a test: in this process and a folder of its own, or as a process where that matters."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import forked
from tmxdb.cli import main
from tmxdb.db.packed_inputs import inputs_json
from tmxdb.storage.folder_identity import MARKER
from tmxdb_sandbox import RunningSite, running_site

_SHORT_WAITS = {
    "tmxdb.queue.backoff.MAX_BACKOFF_S": 0.02,
    "tmxdb.queue.loop.job_store.RECOVERY_S": 0.05,
    "tmxdb.queue.loop.worker.RECOVERY_S": 0.05,
    "tmxdb.queue.loop.worker.DATABASE_RETRY_S": 0.2,
    "tmxdb.sync.retrying_client.NEVER_SEEN_S": 0.02,
    "tmxdb.capture.map_starts.FIRST_WAIT_S": 0.2,
    "tmxdb.capture.race.assumptions.GREETING_S": 3.0,
    "tmxdb.capture.race.assumptions.CONNECT_S": 3.0,
    "tmxdb.capture.race.assumptions.START_UP_S": 15.0,
    "tmxdb.capture.race.assumptions.LOADING_S": 4.0,
    "tmxdb.capture.race.assumptions.ARMING_S": 4.0,
    "tmxdb.capture.race.assumptions.COUNTDOWN_S": 4.0,
    "tmxdb.capture.race.assumptions.RACING_S": 4.0,
    "tmxdb.capture.race.assumptions.ENDING_S": 1.0,
    "tmxdb.capture.race.assumptions.EXIT_PAUSES_S": (0.05, 0.1, 0.2, 0.4),
}
_MAIN_WITH_SHORT_WAITS = f"""
import importlib
for name, value in {_SHORT_WAITS}.items():
    module, _, constant = name.rpartition(".")
    setattr(importlib.import_module(module), constant, value)
from tmxdb.cli import main
from tmxdb.db.packed_inputs import inputs_json
main()
"""


@dataclass(frozen=True)
class Ran:
    """Output and exit status of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """Return the error on stderr, which must be one line."""
        (line,) = [line for line in self.err.splitlines() if line.startswith(("Error:", "Traceback"))]
        return line


class Tool:
    """`tool("status", "--json")` is `tmxdb status --json` in `folder`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch

    def __call__(self, *arguments: object, ends: int | None = 0) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        self._monkeypatch.setattr(sys, "argv", ["tmxdb", *map(str, arguments)])
        status = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 0
        ran = Ran(status, out.getvalue(), err.getvalue())
        assert "Traceback" not in ran.err
        assert ends is None or ran.status == ends, ran
        return ran

    @contextlib.contextmanager
    def started(self, *arguments: object, before: Callable[[], None] | None = None) -> Iterator[forked.AnyProcess]:
        """Start the same as a process with short waits; kill it at the end of the block if it still runs.

        `before` is called in the process before the command starts; POSIX only.
        """
        with forked.python(
            _MAIN_WITH_SHORT_WAITS,
            *arguments,
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            before=before,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @staticmethod
    def environment() -> dict[str, str]:
        """Return an environment in which a process imports this checkout."""
        package = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}

    def rows(self, sql: str, *values: object, db: str = "tmx.db") -> list[dict[str, Any]]:
        """Return rows of the database, read without tmxdb, except for the function that unpacks inputs."""
        with contextlib.closing(sqlite3.connect(self.folder / db, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            connection.create_function("inputs_json", 1, inputs_json)
            return [dict(row) for row in connection.execute(sql, values)]

    def column(self, sql: str, *values: object, db: str = "tmx.db") -> list[Any]:
        """Return the first column of the rows."""
        return [next(iter(row.values())) for row in self.rows(sql, *values, db=db)]

    def one(self, sql: str, *values: object, db: str = "tmx.db") -> Any:
        """Return the only value of the result."""
        (value,) = self.column(sql, *values, db=db)
        return value

    def change(self, sql: str, *values: object, db: str = "tmx.db") -> None:
        with contextlib.closing(sqlite3.connect(self.folder / db, timeout=30)) as connection, connection:
            connection.execute(sql, values)

    def files(self) -> set[str]:
        """Return all files below the folder except SQLite's -wal and -shm and the marker of a data folder."""
        every = (path for path in self.folder.rglob("*") if path.is_file() and path.name != MARKER)
        return {path.relative_to(self.folder).as_posix() for path in every if not path.name.endswith(("-wal", "-shm"))}


def lengthen_capture_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give captures without trouble deadlines that no busy machine misses."""
    for name in _SHORT_WAITS:
        if ".assumptions." in name and not name.endswith("EXIT_PAUSES_S"):
            monkeypatch.setattr(name, 60.0)


def shorten_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits of workers and captures; what they wait for stays the same."""
    for name, value in _SHORT_WAITS.items():
        monkeypatch.setattr(name, value)


def isolate(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Work in `folder`, without the settings of this shell."""
    for name in [name for name in os.environ if name.startswith("TMXDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """The command line with short waits, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    isolate(monkeypatch, folder)
    shorten_waits(monkeypatch)
    return Tool(folder, monkeypatch)


def until(condition: Callable[[], Any], *, seconds: float = 120.0) -> Any:
    """Wait until `condition` returns something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition was not true within {seconds:.0f} s"
        time.sleep(0.01)
    return value


@pytest.fixture
def site(request: pytest.FixtureRequest, shared: RunningSite) -> Iterator[RunningSite]:
    """The exchange of the package (`shared`); one of its own for a test that changes it (`changing`)."""
    with site_for_test(shared, fresh="changing" in request.fixturenames) as site:
        yield site


@pytest.fixture
def changing() -> None:
    """For tests that change the catalogue."""


@contextlib.contextmanager
def site_for_test(shared: RunningSite, *, fresh: bool = False) -> Iterator[RunningSite]:
    """Yield a site for one test: the shared one with an empty log, later without faults; or a new one."""
    if fresh:
        with running_site(shared.settings) as own:
            yield own
        return
    shared.clear_log()
    yield shared
    shared.set_faults([])
