"""`tmxdb sandbox --games`: games beside the exchange, with folders of their own, gone when it ends."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.ports import free_ports
from tests.processes import needs_ctrl_c
from tests.tool import Tool


@needs_ctrl_c
def test_games_run_beside_the_exchange_until_ctrl_c(tool: Tool, tmp_path: Path) -> None:
    port, folder = free_ports(2), tmp_path / "games"
    arguments = ["--plain", "--tracks", 3, "--port", 0, "--games", 2, "--game-port", port, "--games-dir", folder]
    with tool.started("sandbox", *arguments) as process:
        assert process.stdout is not None
        shown = []
        while "Sandbox of 3 tracks" not in (line := process.stdout.readline()):
            assert line, shown
            shown.append(line.strip())
        assert f"TRACKMANIA_BASE_PATH={folder.resolve() / 'TmForever'}" in shown
        assert f"BASE_TMI_PORT={port}" in shown
        assert shown[0].startswith(f"2 games on ports {port} to {port + 1}. Their folders are in {folder}")
        for number in (0, 1):
            with socket.create_connection(("127.0.0.1", port + number), timeout=60) as link:
                assert link.recv(4) == b"\5\0\0\0"
                link.sendall(b"\x0d\0\0\0")
        process.send_signal(signal.SIGINT)
        assert process.wait(300) == 0
    for number in (0, 1):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port + number), timeout=60)
    assert (folder / "TmForever" / "Tracks" / "Challenges").is_dir()
    assert (folder / "TMInterface" / "Scripts").is_dir()


def test_a_taken_port_is_reported_with_the_option_that_changes_it(tool: Tool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = tool("sandbox", "--tracks", 3, "--port", 0, "--games", 1, "--game-port", port, ends=1)
    assert f"port {port}: cannot listen" in ran.error
    assert "Choose another port with --game-port." in ran.error


def test_an_unknown_fault_is_refused_with_the_known_ones(tool: Tool) -> None:
    ran = tool("sandbox", "--tracks", 3, "--port", 0, "--games", 1, "--game-fault", "nonsense", ends=None)
    assert ran.status != 0
    assert "unknown name 'nonsense'" in ran.error


def test_the_faults_of_games_are_listed(tool: Tool) -> None:
    assert "freeze" in tool("sandbox", "--list-faults").out
