"""A second Ctrl-C ends `tmxdb work` within seconds although the database does not answer."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.processes import needs_ctrl_c
from tests.tool import Tool, until
from tmxdb.db.database import ABANDON_AFTER_S, Database
from tmxdb_sandbox import RunningSite, running_site

pytestmark = needs_ctrl_c
MARGIN_S = 15.0
"""For a busy machine: what ends the command after the database was given up. It would wait for 30 s and more."""


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site(tracks=4, replays=10, plain=True) as site:
        yield site


def seconds_to_end(process: subprocess.Popen[str]) -> float:
    """Press Ctrl-C twice; return how long the process takes to end after the second one."""
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)  # for the first one to be handled: two signals in a row may become one
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    pressed_s = time.monotonic()
    _, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    assert process.returncode in (1, 130), err
    return time.monotonic() - pressed_s


@pytest.mark.parametrize("begin", ["begin immediate", "begin exclusive"])
def test_it_ends_although_another_process_holds_the_lock_of_a_sqlite_file(
    tool: Tool, site: RunningSite, begin: str
) -> None:
    tool("--site", site.url, "sync-tracks")
    tool("work", "--kind", "list")
    with tool.started("work", "--kind", "download", "--n", 2, "--rate", 5) as process:
        until(lambda: tool.one("select count(*) from replays where status = 'done'") >= 2)
        with closing(sqlite3.connect(tool.folder / "tmx.db", isolation_level=None, timeout=30)) as holder:
            holder.execute(begin)
            time.sleep(1)  # until the worker waits for its turn
            assert seconds_to_end(process) < ABANDON_AFTER_S + MARGIN_S


def test_it_ends_although_the_server_accepts_connections_and_never_answers(tool: Tool) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        url = f"postgresql+psycopg://someone@127.0.0.1:{port}/tmx?connect_timeout=600"
        with tool.started("--db", url, "work", "--kind", "download") as process:
            silent.settimeout(60)
            connection, _ = silent.accept()
            with closing(connection):
                assert connection.recv(8)  # it waits for the answer from now on
                process.send_signal(signal.SIGINT)
                assert process.stderr
                until(lambda: "Press Ctrl-C again" in process.stderr.readline())  # type: ignore[union-attr]
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=250)  # far below the 600 s of the connection
    assert process.returncode == 130
    assert "without an answer from the database" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("table", ["workers", "replays"])
def test_it_ends_although_another_client_holds_a_lock_on_the_server(
    tool: Tool, site: RunningSite, server: Any, postgresql: Database, table: str
) -> None:
    import psycopg

    url = postgresql.location
    tool("--db", url, "--site", site.url, "sync-tracks")
    tool("--db", url, "work", "--kind", "list")

    with (
        psycopg.connect(url.replace("+psycopg", "")) as holder,
        tool.started("--db", url, "work", "--kind", "download", "--n", 2, "--rate", 5) as process,
    ):
        count = "select count(*) from replays where status = 'done'"
        until(lambda: holder.execute(count).fetchone()[0] >= 2 or holder.rollback())  # type: ignore[index]
        holder.rollback()
        holder.execute(f"lock table {table} in access exclusive mode")  # type: ignore[call-overload]
        time.sleep(1)  # until the worker waits for the lock
        assert seconds_to_end(process) < ABANDON_AFTER_S + MARGIN_S
