"""Starting, inspecting and stopping a sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.processes import killed_at_end, needs_ctrl_c
from tests.sandbox.client import Client
from tests.tool import until
from tmxdb.cli.commands.sandbox.sandbox import sandbox
from tmxdb.errors import InvalidInput
from tmxdb_sandbox import RunningSite, Settings, running_site
from tmxdb_sandbox.faults.table import FAULTS
from tmxdb_sandbox.server import Sandbox

_COMMAND = [sys.executable, "-c", "from tmxdb.cli.commands.sandbox.sandbox import sandbox; sandbox()"]


def accepts_connections(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), timeout=1).close()
    except OSError:
        return False
    return True


def stops_accepting(url: str, within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while accepts_connections(url):
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.02)
    return True


# In Python


def test_a_sandbox_runs_until_its_block_ends() -> None:
    with running_site(tracks=1) as site:
        assert accepts_connections(site.url)
    assert not accepts_connections(site.url)


def test_a_sandbox_dies_with_its_parent() -> None:
    code = (
        "import os\nfrom tmxdb_sandbox import running_site\n"
        "with running_site(tracks=1) as site:\n    print(site.url, flush=True)\n    os._exit(1)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert parent.stdout.startswith("http://127.0.0.1:")
    assert stops_accepting(parent.stdout.strip())


def test_unusable_settings_are_refused_with_a_message(tmp_path: Path, site: RunningSite) -> None:
    with pytest.raises(InvalidInput, match="unknown fault 'bang'"):
        Sandbox(Settings(faults=["bang"]))
    with pytest.raises(InvalidInput, match="cannot write the log"):
        Sandbox(Settings(log_file=str(tmp_path / "no" / "log")))
    busy = urlsplit(site.url).port
    with pytest.raises(InvalidInput, match=f"cannot listen on 127.0.0.1 port {busy}"), running_site(port=busy):
        pass


# Inspecting


def test_every_request_is_logged_with_its_response(site: RunningSite, site_client: Client) -> None:
    site.set_faults(["503:on=api"])
    site_client.get("/api/tracks", fields="TrackId")
    site_client.get("/recordgbx/5")
    first, second = site.log()
    assert (first["method"], first["path"]) == ("GET", "/api/tracks?fields=TrackId")
    assert (first["status"], first["fault"]) == (503, "503")
    assert (second["path"], second["status"], second["fault"]) == ("/recordgbx/5", 404, "")
    assert first["user_agent"] == "tests"
    assert first["connection"] == second["connection"]
    assert second["time"] >= first["time"]


@contextlib.contextmanager
def held(site: RunningSite) -> Iterator[None]:
    """Hold all responses in the block and send them at its end."""
    site.hold()
    try:
        yield
    finally:
        site.release()


def test_counters_cover_requests_connections_and_concurrency(site: RunningSite) -> None:
    url, headers = f"{site.url}/api/meta/tags", {"User-Agent": "tests"}
    with ThreadPoolExecutor(5) as threads:
        with held(site):
            responses = [threads.submit(requests.get, url, headers=headers, timeout=60) for _ in range(5)]
            until(lambda: site.stats()["in_flight"] == 5)
            assert not any(response.done() for response in responses)
        assert [response.result().status_code for response in responses] == [200] * 5
    stats = site.stats()
    assert stats["requests"] == stats["by_path"]["/api/meta/tags"] == stats["by_status"]["200"] == 5
    assert (stats["connections"], stats["max_connections"]) == (5, 5)
    assert (stats["in_flight"], stats["max_in_flight"]) == (0, 5)
    site.clear_log()
    assert site.stats()["requests"] == 0


def test_admin_paths_have_no_latency(site: RunningSite) -> None:
    site.set_latency(600_000)  # longer than any test
    assert site.track_ids()
    site.set_latency(0)


def test_latency_delays_each_response(site: RunningSite, site_client: Client) -> None:
    site.set_latency(60)
    began = time.monotonic()
    site_client.get("/api/meta/tags")
    site.set_latency(0)
    assert time.monotonic() - began >= 0.06


def test_the_log_file_has_a_line_of_json_for_each_request(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "requests.jsonl"
    with running_site(tracks=1, log_file=str(file)) as site:
        for n in range(3):
            session.get(f"{site.url}/recordgbx/{n}", timeout=60)
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["path"] for line in lines] == ["/recordgbx/0", "/recordgbx/1", "/recordgbx/2"]


# HTTP


def test_pipelined_requests_are_answered_in_order(site: RunningSite) -> None:
    parts = urlsplit(site.url)
    request = "GET /{} HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\nConnection: {}\r\n\r\n"
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        ahead = request.format("api/meta/tags", "keep-alive") + request.format("nothing", "close")
        connection.sendall(ahead[:70].encode())
        connection.sendall(ahead[70:].encode())
        got = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 404 " in got


def test_a_hundred_connections_are_kept_alive_and_served_concurrently(site: RunningSite) -> None:
    parts = urlsplit(site.url)
    replay_id = site.leaderboard(site.track_ids()[0])[0]["replay_id"]
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

    async def all_clients() -> list[bool]:
        return await asyncio.gather(*(fetch_thrice() for _ in range(100)))

    with ThreadPoolExecutor(1) as threads:
        with held(site):
            complete = threads.submit(asyncio.run, all_clients())
            until(lambda: site.stats()["in_flight"] == 100)
        assert all(complete.result())
    stats = site.stats()
    assert (stats["requests"], stats["connections"], stats["max_connections"]) == (300, 100, 100)


@pytest.mark.parametrize("sent", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"x" * 70_000])
def test_an_invalid_request_is_refused_and_the_connection_closed(site: RunningSite, sent: bytes) -> None:
    parts = urlsplit(site.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(sent)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def test_methods_other_than_get_are_not_allowed(site: RunningSite, session: requests.Session) -> None:
    assert session.post(f"{site.url}/api/tracks", data="x", timeout=60).status_code == 405


# From the command line


@needs_ctrl_c
def test_the_command_prints_its_url_and_exits_cleanly_on_ctrl_c() -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [*_COMMAND, "--tracks", "1200", "--port", "0"]
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        ) as process,
        killed_at_end(process),
    ):
        first = process.stdout.readline()
        url = first.split(" at ")[1].split(" ")[0]
        assert first.startswith("Sandbox of 1,200 tracks at http://127.0.0.1:")
        assert requests.get(f"{url}/api/meta/tags", headers={"User-Agent": "t"}, timeout=60).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0
        assert "sync-tracks" in process.stdout.read()
        assert process.stderr.read() == "\nStopped after 1 request.\n"


def test_the_command_lists_its_faults() -> None:
    listed = subprocess.run([*_COMMAND, "--list-faults"], capture_output=True, text=True, check=True).stdout
    assert "cut-silent" in listed
    assert "page-again" in listed


def test_the_manual_describes_every_fault() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md").read_text("utf-8")
    assert all(f"| `{name}` | {fault.help} |" in manual for name, fault in FAULTS.items())


def test_the_manual_names_every_option() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "reference" / "sandbox.md").read_text("utf-8")
    options = {name for option in sandbox.params for name in option.opts}
    assert all(f"`{name}" in manual for name in options)


@pytest.mark.parametrize(("older", "path"), [("board", "leaderboard"), ("forget", "clear-log")])
def test_older_names_of_admin_paths_are_accepted(site: RunningSite, older: str, path: str) -> None:
    track_id = site.track_ids()[0]
    answers = [requests.get(f"{site.url}/_sandbox/{name}?id={track_id}", timeout=60) for name in (older, path)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
