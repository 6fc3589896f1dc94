"""`tmxdb sandbox --games`: games beside the exchange, with folders of their own, gone when it ends."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

import pytest

from ..tool import Tool


def first_of_two_free_ports() -> int:
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                other.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C can not be sent to one process there")
def test_games_run_beside_the_exchange_until_ctrl_c(tool: Tool, tmp_path: Path) -> None:
    port, folder = first_of_two_free_ports(), tmp_path / "games"
    arguments = ["--plain", "--tracks", 3, "--port", 0, "--games", 2, "--game-port", port, "--games-dir", folder]
    with tool.started("sandbox", *arguments) as process:
        assert process.stdout is not None
        shown = []
        while "Sandbox of 3 tracks" not in (line := process.stdout.readline()):
            assert line, shown
            shown.append(line.strip())
        assert f"TRACKMANIA_BASE_PATH={folder.resolve() / 'TmForever'}" in shown
        assert f"BASE_TMI_PORT={port}" in shown
        for number in (0, 1):
            with socket.create_connection(("127.0.0.1", port + number), timeout=10) as link:
                assert link.recv(4) == b"\5\0\0\0"
                link.sendall(b"\x0d\0\0\0")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    for number in (0, 1):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port + number), timeout=10)
    assert (folder / "TmForever" / "Tracks" / "Challenges").is_dir()
    assert (folder / "TMInterface" / "Scripts").is_dir()


def test_a_taken_port_is_told_with_a_sentence(tool: Tool) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = tool("sandbox", "--tracks", 3, "--port", 0, "--games", 1, "--game-port", port, ends=1)
    assert f"can not listen on port {port}" in ran.error


def test_a_fault_that_is_none_is_told_with_the_known_ones(tool: Tool) -> None:
    ran = tool("sandbox", "--tracks", 3, "--port", 0, "--games", 1, "--game-fault", "nonsense", ends=None)
    assert ran.status != 0
    assert "there is no 'nonsense'" in ran.error


def test_the_faults_of_games_are_listed(tool: Tool) -> None:
    assert "freeze" in tool("sandbox", "--list-faults").out
