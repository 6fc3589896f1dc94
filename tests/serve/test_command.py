"""`tmxdb serve` as a process: it prints its address, answers, and ends with Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import needs
from tests.processes import killed_at_end
from tests.rows import Rows
from tmxdb.db.database import Database
from tmxdb.errors import InvalidInput


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a single process")
def test_the_command_serves_until_it_is_interrupted(sqlite: Database) -> None:
    for name in ("starlette", "jinja2", "uvicorn"):
        needs.module(name)
    Rows(sqlite).track(1, name="A01-Race")
    command = [sys.executable, "-m", "tmxdb", "--db", str(sqlite.path), "serve", "--port", "0"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        killed_at_end(process),
    ):
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{address}tracks", timeout=120) as answer:
            assert "A01-Race" in answer.read().decode()
        with urllib.request.urlopen(f"{address}events", timeout=120) as events:
            assert events.readline().startswith(b'data: <div id="status">')
            process.send_signal(signal.SIGINT)  # with a page open
            messages = process.communicate(timeout=120)[1]
    assert process.returncode == 0
    assert messages.splitlines() == ["Ctrl-C ends it.", "Stopped."]


def test_a_port_in_use_is_named() -> None:
    needs.module("starlette")
    from tmxdb.serve.server import listen

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InvalidInput, match=rf"cannot listen on 127.0.0.1:{port}: .*Choose another --port"):
            listen("127.0.0.1", port)
    with pytest.raises(InvalidInput, match=r"cannot listen on no\.such\.host"):
        listen("no.such.host.example", 0)


@pytest.mark.parametrize("host", ["", " ", "[]"])
def test_an_empty_host_is_not_every_address(host: str) -> None:
    needs.module("starlette")
    from tmxdb.serve.server import listen

    with pytest.raises(InvalidInput, match="--host is empty"):
        listen(host, 0)


@pytest.mark.parametrize("host", ["\x1b[2J\u202e", "x" * 300, "\udcff", "a..b"])
def test_a_host_that_is_no_name_is_one_sentence(host: str) -> None:
    needs.module("starlette")
    from tmxdb.serve.server import listen

    with pytest.raises(InvalidInput, match="cannot listen on"):
        listen(host, 0)


def test_the_address_has_the_token_only_where_it_is_needed(tmp_path: Path) -> None:
    needs.module("starlette")
    from tmxdb.serve.server import address, listen

    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert address(listening, "127.0.0.1", None) == f"http://127.0.0.1:{port}/"
        assert address(listening, "0.0.0.0", "abc") == f"http://{socket.gethostname()}:{port}/?token=abc"
