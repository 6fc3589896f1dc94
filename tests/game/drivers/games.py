"""Games under test, each in its own process."""

from __future__ import annotations

import mmap
import os
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.ports import free_port
from tests.processes import suspend
from tmxdb.game.driver import Driver, Frame
from tmxdb.game.tminterface1.memory_driver import MemoryDriver
from tmxdb.game.tminterface2.socket_driver import SocketDriver

REPLY_S = 60.0
"""How long a driver waits for a reply in tests: the usual 3 s pass on a busy machine."""
PEER = Path(__file__).with_name("peer.py")


class PeerGame:
    """peer.py behind its socket."""

    knows_menus = True
    checkpoint_ms = 500
    program: tuple[str, ...] = (sys.executable,)

    def __init__(self, *command: object) -> None:
        """`command`: a script with the behaviour of peer.py, and its arguments."""
        words = [*self.program, *map(str, command or (PEER, 0))]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def driver(self) -> Driver:
        return SocketDriver(self.port, reply_s=REPLY_S)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        self.send("race")

    def send(self, command: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def silence(self) -> None:
        suspend(self.process)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(300)

    def shown_ms(self, frame: Frame) -> int | None:
        shown: int = struct.unpack_from("<i", frame.pixels)[0]
        return shown

    def close(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()


class MemoryGame(PeerGame):
    """memory_game.py, with Windows' named mapping there and a file of that name elsewhere."""

    knows_menus = False

    def __init__(self, folder: Path) -> None:
        self.number = 1000 + os.getpid()  # mappings belong to the machine, and other processes run tests
        self.file = folder / f"TMInterface{self.number}"
        super().__init__(PEER.with_name("memory_game.py"), self.file)

    def driver(self) -> Driver:
        return memory_driver(self.file)

    def absent(self) -> Driver:
        return memory_driver(self.file.with_name(f"TMInterface{self.number + 10**7}"))


def memory_driver(file: Path) -> MemoryDriver:
    """Return a driver of the game that has this file, or on Windows the mapping of that name."""
    number = int(file.name.removeprefix("TMInterface"))
    if sys.platform == "win32":
        return MemoryDriver(number, reply_s=REPLY_S)
    return MemoryDriver(number, open_mapping=partial(open_file, file), reply_s=REPLY_S)


def open_file(file: Path, name: str, size: int) -> mmap.mmap:
    """Open the file instead of a mapping of Windows. Runs in the driver's child process."""
    with file.open("r+b") as opened:
        return mmap.mmap(opened.fileno(), size)
