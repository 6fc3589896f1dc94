"""The socket driver against random bytes."""

from __future__ import annotations

import random
import socket
import struct

import pytest

from tests.game.drivers.test_socket_driver import Line
from tmxdb.errors import GameExited
from tmxdb.game.driver import Frame
from tmxdb.game.tminterface2.socket_driver import SocketDriver


def noise(rng: random.Random) -> bytes:
    """Return random messages, some of them invalid, cut anywhere."""
    parts = [
        struct.pack("<i", rng.choice([1, 1, 1, 2, 3, 4, 5, 0, -1, 6, 2**31 - 1])),
        struct.pack("<i", rng.choice([0, 1, 10, 8356, 1440, -1, 2**20])),
        rng.randbytes(rng.randrange(40)),
        bytes(rng.randrange(9000)),
    ]
    said = b"".join(rng.choices(parts, k=rng.randrange(1, 30)))
    return said[: rng.randrange(len(said) + 1)]


def test_random_bytes_never_hang_or_crash_the_driver() -> None:
    rng = random.Random(1)
    for _ in range(200):
        line = Line()
        line.game.sendall(noise(rng))
        line.game.shutdown(socket.SHUT_WR)
        with pytest.raises(GameExited):
            drive(line.driver, rng)
        line.close()


def drive(driver: SocketDriver, rng: random.Random) -> None:
    """Use the driver until it raises."""
    while True:
        event = driver.wait(1)
        if not isinstance(event, Frame):
            driver.request_frame(rng.choice([1, 5, 60]), rng.choice([1, 6, 60]))
        for ask in (driver.state, driver.inputs, driver.in_menus, driver.race_finished):
            if rng.random() < 0.2:
                ask()
        driver.answer()
