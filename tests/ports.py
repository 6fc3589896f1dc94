"""TCP ports for programs that tests start, reserved among all test processes of the machine.

A port that was free a moment ago can be given to another process before the program listens on it: two games on one
port, or a client of one test in the game of another. These ports are below those that systems give to port 0.
"""

from __future__ import annotations

import random
import socket
from collections import deque
from contextlib import ExitStack

_HOST = "127.0.0.1"
_PORTS = range(20_000, 32_000)
_MOST = 100
_reservations: deque[socket.socket] = deque()
"""UDP sockets on the ports that this process has given out last: no other process can have these."""


def free_port() -> int:
    """Return a port on which nothing listens."""
    return free_ports(1)


def free_ports(number: int) -> int:
    """Return the first of several consecutive ports on which nothing listens."""
    while True:
        first = random.SystemRandom().choice(_PORTS)
        with ExitStack() as stack:
            try:
                reserved = [_bound(stack, socket.SOCK_DGRAM, first + i) for i in range(number)]
                for i in range(number):
                    _bound(stack, socket.SOCK_STREAM, first + i).close()
            except OSError:
                continue
            stack.pop_all()
        _reservations.extend(reserved)
        while len(_reservations) > _MOST:
            _reservations.popleft().close()
        return first


def _bound(stack: ExitStack, kind: socket.SocketKind, port: int) -> socket.socket:
    made = stack.enter_context(socket.socket(socket.AF_INET, kind))
    made.bind((_HOST, port))
    return made
