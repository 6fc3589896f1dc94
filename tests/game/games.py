"""Games under test that are processes of their own."""

from __future__ import annotations

import mmap
import signal
import socket
import struct
import subprocess
import sys
from functools import partial
from pathlib import Path

from tmxdb.game.driver import Driver, Frame
from tmxdb.game.memory_driver import MemoryDriver
from tmxdb.game.socket_driver import SocketDriver

PEER = Path(__file__).with_name("peer.py")


class PeerGame:
    """peer.py, over its socket."""

    knows_menus = True
    checkpoint_ms = 500
    program: tuple[str, ...] = (sys.executable,)

    def __init__(self, *command: object) -> None:
        """`command`: a script that speaks as peer.py does, and its arguments."""
        words = [*self.program, *map(str, command or (PEER, 0))]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def driver(self) -> Driver:
        return SocketDriver(self.port)

    def absent(self) -> Driver:
        return SocketDriver(free_port())

    def race(self) -> None:
        self.tell("race")

    def tell(self, what: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()

    def silence(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def shown_ms(self, frame: Frame) -> int | None:
        shown: int = struct.unpack_from("<i", frame.pixels)[0]
        return shown

    def close(self) -> None:
        self.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()


def free_port() -> int:
    """One on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class MemoryGame(PeerGame):
    """memory_game.py, over a file in the place of Windows' named mapping."""

    knows_menus = False

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(PEER.with_name("memory_game.py"), file)

    def driver(self) -> Driver:
        return MemoryDriver(0, open_mapping=partial(open_file, self.file))

    def absent(self) -> Driver:
        return MemoryDriver(0, open_mapping=partial(open_file, self.file.with_name("absent")))


def open_file(file: Path, name: str, size: int) -> mmap.mmap:
    """Instead of a mapping of Windows; runs in the driver's helper process."""
    with file.open("r+b") as opened:
        return mmap.mmap(opened.fileno(), size)
