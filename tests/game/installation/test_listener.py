"""Which process listens on a port."""

from __future__ import annotations

import os
import socket

from tmxdb.game.process.processes import listener_of


def test_the_process_that_listens_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listener_of(server.getsockname()[1]) == os.getpid()


def test_without_a_listener_there_is_none() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert listener_of(unused.getsockname()[1]) is None
