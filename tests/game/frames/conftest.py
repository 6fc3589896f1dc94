"""A virtual screen (Xvfb), and games with a window on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import needs
from tests.game.drivers.games import REPLY_S, PeerGame
from tests.tool import tool
from tmxdb.game.driver import Driver, Frame
from tmxdb.game.frames.screen import ScreenDriver
from tmxdb.game.frames.window import WindowQuery
from tmxdb.game.tminterface2.socket_driver import SocketDriver

__all__ = ["tool"]

SCRIPT = Path(__file__).with_name("window_game.py")


@pytest.fixture(scope="package")
def xvfb() -> Iterator[str]:
    """The name of a virtual display of 1280 x 800 pixels."""
    program = needs.program("Xvfb")
    reading, writing = os.pipe()
    words = [program, "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(words, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as output:
            number = output.readline().strip()
        assert number
        yield f":{number}"
        server.terminate()


@pytest.fixture
def display(xvfb: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the virtual display the one of this process and its children."""
    monkeypatch.setenv("DISPLAY", xvfb)
    monkeypatch.delenv("XAUTHORITY", raising=False)
    return xvfb


class WindowGame(PeerGame):
    """window_game.py. Its driver takes pictures of the screen."""

    def __init__(self, title: str, left: int, top: int, width: int, height: int, *time_ms: int) -> None:
        self.title = title
        super().__init__(SCRIPT, title, left, top, width, height, *time_ms)

    def driver(self) -> Driver:
        return ScreenDriver(SocketDriver(self.port, reply_s=REPLY_S), WindowQuery(self.title))

    def shown_ms(self, frame: Frame) -> int:
        return shown_ms(frame)


def shown_ms(frame: Frame) -> int:
    """Return the time in the 32 blocks of the picture."""
    time_ms = 0
    width, height = frame.pixels_size
    for bit in range(32):
        row, column = divmod(bit, 8)
        x = int((column + 0.5) * width / 8)
        y = int((row + 0.5) * height / 4)
        blue, green, red = frame.pixels[(y * width + x) * 4 :][:3]
        assert blue == green == red
        assert blue in (0, 255)
        time_ms |= (blue == 255) << bit
    return time_ms - (time_ms >> 31 << 32)


MakeWindow = Callable[..., WindowGame]


@pytest.fixture
def window(display: str) -> Iterator[MakeWindow]:
    """Open windows: `window(title, left, top, width, height)` is a game; with a time it only shows that time."""
    opened: list[WindowGame] = []

    def make(*arguments: object) -> WindowGame:
        opened.append(WindowGame(*arguments))  # type: ignore[arg-type]
        return opened[-1]

    yield make
    for game in opened:
        game.close()
