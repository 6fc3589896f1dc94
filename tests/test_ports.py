"""Two processes that run tests never get the same port, although nothing listens on it yet."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests import ports

ROOT = Path(__file__).parents[1]


def test_a_port_given_out_is_given_to_no_other_process() -> None:
    port = ports.free_port()
    others = f"from tests import ports; ports._PORTS = range({port}, {port} + 3); print(ports.free_port())"
    ran = subprocess.run([sys.executable, "-c", others], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ran.stdout) in (port + 1, port + 2)
    with socket.create_server(("127.0.0.1", port)):
        pass  # a program can listen on it


def test_consecutive_ports_are_all_free() -> None:
    first = ports.free_ports(3)
    assert not set(range(first, first + 3)) & {ports.free_port() for _ in range(20)}
