"""Starting, watching and stopping a sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tmxdb.cli.sandbox import sandbox
from tmxdb.errors import BadInput
from tmxdb.sandbox import RunningSite, Settings, running_site
from tmxdb.sandbox.faults.table import FAULTS
from tmxdb.sandbox.server import Sandbox

from .client import Client

_COMMAND = [sys.executable, "-c", "from tmxdb.cli.sandbox import sandbox; sandbox()"]


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=1).close()
    except OSError:
        return False
    return True


def falls_silent(url: str, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while answers(url):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


# In Python


def test_a_sandbox_lives_as_long_as_its_with() -> None:
    with running_site(tracks=1) as site:
        assert answers(site.url)
    assert not answers(site.url)


def test_a_sandbox_dies_with_its_parent() -> None:
    code = (
        "import os\nfrom tmxdb.sandbox import running_site\n"
        "with running_site(tracks=1) as site:\n    print(site.url, flush=True)\n    os._exit(1)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert parent.stdout.startswith("http://127.0.0.1:")
    assert falls_silent(parent.stdout.strip())


def test_what_can_not_be_used_is_refused_with_a_sentence(tmp_path: Path, site: RunningSite) -> None:
    with pytest.raises(BadInput, match="there is no 'bang'"):
        Sandbox(Settings(faults=["bang"]))
    with pytest.raises(BadInput, match="can not write the log"):
        Sandbox(Settings(log_file=str(tmp_path / "no" / "log")))
    busy = urlsplit(site.url).port
    with pytest.raises(BadInput, match=f"can not listen on 127.0.0.1 port {busy}"), running_site(port=busy):
        pass


# Watching


def test_every_request_is_logged_with_what_became_of_it(site: RunningSite, visitor: Client) -> None:
    site.set_faults(["503:on=api"])
    visitor.get("/api/tracks", fields="TrackId")
    visitor.get("/recordgbx/5")
    first, second = site.log()
    assert (first["method"], first["path"]) == ("GET", "/api/tracks?fields=TrackId")
    assert (first["status"], first["fault"]) == (503, "503")
    assert (second["path"], second["status"], second["fault"]) == ("/recordgbx/5", 404, "")
    assert first["user_agent"] == "tests"
    assert first["connection"] == second["connection"]
    assert second["time"] >= first["time"]


def test_counters_count_requests_connections_and_what_goes_on_at_once(site: RunningSite) -> None:
    site.set_latency(100)
    try:
        asked = {"args": (f"{site.url}/api/meta/tags",), "kwargs": {"headers": {"User-Agent": "tests"}}}
        threads = [threading.Thread(target=requests.get, **asked) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        site.set_latency(0)
    stats = site.stats()
    assert stats["requests"] == stats["by_path"]["/api/meta/tags"] == stats["by_status"]["200"] == 5
    assert stats["connections"] == 5
    assert 2 <= stats["max_in_flight"] <= 5
    assert 2 <= stats["max_connections"] <= 5
    site.forget()
    assert site.stats()["requests"] == 0


def test_whoever_watches_does_not_wait(site: RunningSite) -> None:
    site.set_latency(600_000)  # a test that waits for it never ends
    assert site.track_ids()
    site.set_latency(0)


def test_latency_is_waited_before_each_answer(site: RunningSite, visitor: Client) -> None:
    site.set_latency(60)
    began = time.monotonic()
    visitor.get("/api/meta/tags")
    site.set_latency(0)
    assert time.monotonic() - began >= 0.06


def test_the_log_file_has_a_line_of_json_for_each_request(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "requests.jsonl"
    with running_site(tracks=1, log_file=str(file)) as site:
        for n in range(3):
            session.get(f"{site.url}/recordgbx/{n}", timeout=5)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["path"] for line in lines] == ["/recordgbx/0", "/recordgbx/1", "/recordgbx/2"]


# On the wire


def test_requests_sent_ahead_are_answered_in_order(site: RunningSite) -> None:
    parts = urlsplit(site.url)
    request = "GET /{} HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\nConnection: {}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        ahead = request.format("api/meta/tags", "keep-alive") + request.format("nothing", "close")
        connection.sendall(ahead[:70].encode())
        connection.sendall(ahead[70:].encode())
        got = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 404 " in got


def test_a_hundred_connections_are_kept_alive_and_waited_for_together(site: RunningSite) -> None:
    parts = urlsplit(site.url)
    replay_id = site.board(site.track_ids()[0])[0]["replay_id"]
    whole = site.expected_replay(replay_id)
    request = f"GET /recordgbx/{replay_id} HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\n\r\n".encode()

    async def fetch_thrice() -> bool:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        bodies = []
        for _ in range(3):
            writer.write(request)
            await reader.readuntil(b"\r\n\r\n")
            bodies.append(await reader.readexactly(len(whole)))
        writer.close()
        await writer.wait_closed()
        return bodies == [whole] * 3

    async def everybody() -> list[bool]:
        return await asyncio.gather(*(fetch_thrice() for _ in range(100)))

    site.set_latency(50)
    began = time.monotonic()
    assert all(asyncio.run(everybody()))
    took_s = time.monotonic() - began
    site.set_latency(0)
    stats = site.stats()
    assert (stats["requests"], stats["connections"], stats["max_connections"]) == (300, 100, 100)
    assert stats["max_in_flight"] > 50
    assert took_s < 5  # one after the other would take 15 s


@pytest.mark.parametrize("sent", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"x" * 70_000])
def test_what_is_no_request_is_refused_and_closed(site: RunningSite, sent: bytes) -> None:
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_other_methods_than_get_are_not_allowed(site: RunningSite, session: requests.Session) -> None:
    assert session.post(f"{site.url}/api/tracks", data="x", timeout=5).status_code == 405


# From the command line


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process alone")
def test_the_command_says_where_it_is_and_ends_well_on_ctrl_c() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [*_COMMAND, "--tracks", "1200", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        first = process.stdout.readline()
        url = first.split(" at ")[1].split(" ")[0]
        assert first.startswith("Sandbox of 1,200 tracks at http://127.0.0.1:")
        assert requests.get(f"{url}/api/meta/tags", headers={"User-Agent": "t"}, timeout=5).status_code == 200
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(20) == 0
        finally:
            process.kill()
        assert "sync-tracks" in process.stdout.read()
        assert process.stderr.read() == "\nStopped. Requests served: 1\n"


def test_the_command_lists_its_faults() -> None:
    listed = subprocess.run([*_COMMAND, "--list-faults"], capture_output=True, text=True, check=True).stdout
    assert "cut-silent" in listed
    assert "page-again" in listed


def test_the_manual_describes_every_fault() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    assert all(f"| `{name}` | {fault.help} |" in manual for name, fault in FAULTS.items())


def test_the_manual_names_every_option() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
    options = {name for option in sandbox.params for name in option.opts}
    assert all(f"`{name}" in manual for name in options)
