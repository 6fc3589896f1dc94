"""The command line as a test uses it: in this process and a folder of its own; as a process where that matters."""

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

from tmxdb.cli import main
from tmxdb.sandbox import RunningSite, running_site

_QUICK = {
    "tmxdb.queue.backoff.LONGEST_S": 0.02,
    "tmxdb.queue.desk.LOOK_S": 0.05,
    "tmxdb.queue.worker.LOOK_S": 0.05,
    "tmxdb.queue.worker.AGAIN_S": 0.2,
    "tmxdb.sync.patience.NEVER_SEEN_S": 0.02,
    "tmxdb.capture.assumptions.GREETING_S": 3.0,
    "tmxdb.capture.assumptions.CONNECT_S": 3.0,
    "tmxdb.capture.assumptions.START_UP_S": 15.0,
    "tmxdb.capture.assumptions.LOADING_S": 4.0,
    "tmxdb.capture.assumptions.ARMING_S": 4.0,
    "tmxdb.capture.assumptions.COUNTDOWN_S": 4.0,
    "tmxdb.capture.assumptions.RACING_S": 4.0,
    "tmxdb.capture.assumptions.ENDING_S": 1.0,
    "tmxdb.capture.assumptions.EXIT_PAUSES_S": (0.05, 0.1, 0.2, 0.4),
}
_QUICK_MAIN = f"""
import importlib
for name, value in {_QUICK}.items():
    module, _, constant = name.rpartition(".")
    setattr(importlib.import_module(module), constant, value)
from tmxdb.cli import main
main()
"""


@dataclass(frozen=True)
class Ran:
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one sentence on stderr, which it has to be."""
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
    def started(self, *arguments: object, before: Callable[[], None] | None = None) -> Iterator[subprocess.Popen[str]]:
        """The same as a process of its own, quick to retry; killed at the end of the block if it still runs.

        `before` is called in it before it begins, on POSIX only.
        """
        with subprocess.Popen(
            [sys.executable, "-c", _QUICK_MAIN, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @staticmethod
    def environment() -> dict[str, str]:
        """For a process that has to find this very tmxdb."""
        package = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}

    def rows(self, sql: str, *values: object, db: str = "tmx.db") -> list[dict[str, Any]]:
        """What the database says, past all of tmxdb."""
        with contextlib.closing(sqlite3.connect(self.folder / db, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(sql, values)]

    def column(self, sql: str, *values: object, db: str = "tmx.db") -> list[Any]:
        """The first column of the rows."""
        return [next(iter(row.values())) for row in self.rows(sql, *values, db=db)]

    def one(self, sql: str, *values: object, db: str = "tmx.db") -> Any:
        """The only value there is."""
        (value,) = self.column(sql, *values, db=db)
        return value

    def change(self, sql: str, *values: object, db: str = "tmx.db") -> None:
        with contextlib.closing(sqlite3.connect(self.folder / db, timeout=30)) as connection, connection:
            connection.execute(sql, values)

    def files(self) -> set[str]:
        """Everything below the folder but what SQLite keeps beside a database."""
        every = (path for path in self.folder.rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix() for path in every if not path.name.endswith(("-wal", "-shm"))}


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows in backoff are due at once and looked for often: what is waited for is the same, but sooner."""
    for name, value in _QUICK.items():
        monkeypatch.setattr(name, value)


def outside(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """In `folder`, with none of this shell's own settings."""
    for name in [name for name in os.environ if name.startswith("TMXDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """The command line, quick to retry, in an empty folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    outside(monkeypatch, folder)
    quickly(monkeypatch)
    return Tool(folder, monkeypatch)


def until(condition: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    """Wait for something to become true; answers it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


@contextlib.contextmanager
def lent(shared: RunningSite, *, anew: bool = False) -> Iterator[RunningSite]:
    """A site for one test: the shared one with an empty log, left without faults; or another like it, to be changed."""
    if anew:
        with running_site(shared.settings) as own:
            yield own
        return
    shared.forget()
    yield shared
    shared.set_faults([])
