"""The focus and the key Enter go to the game's window, and to no other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import needs
from tmxdb.errors import GameError
from tmxdb.game.frames.game_window import GameWindow
from tmxdb.game.frames.keyboard import focus_window, press_enter
from tmxdb.game.frames.window import WindowQuery

RETURN = 0xFF0D
"""X11's number of the key Enter (keysymdef.h)."""
SCRIPT = Path(__file__).with_name("pressed_window.py")
Open = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def show(display: str) -> Iterator[Open]:
    """Show windows: `show(title, left, "pid")`."""
    shown = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        words = [sys.executable, str(SCRIPT), *map(str, arguments)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        shown.append(process)
        assert process.stdout
        assert process.stdout.readline() == "shown\n"
        return process

    yield start
    for process in shown:
        process.kill()
        process.communicate()


def focused_title() -> str:
    display = needs.module("Xlib.display").Display()
    try:
        return str(display.get_input_focus().focus.get_wm_name())
    finally:
        display.close()


def test_enter_is_pressed_in_the_window_of_the_process(show: Open) -> None:
    first, second = show("Trackmania 1", 0, "pid"), show("Trackmania 2", 300, "pid")
    for process, title in ((second, "Trackmania 2"), (first, "Trackmania 1")):
        press_enter(WindowQuery("Trackmania", process.pid))
        assert process.stdout
        assert int(process.stdout.readline()) == RETURN
        assert focused_title() == title


def test_no_key_is_pressed_in_a_window_that_is_only_titled_like_a_game(show: Open) -> None:
    process = show("Trackmania - Web Browser", 0)
    with pytest.raises(GameError, match="may not be a game's"):
        press_enter(WindowQuery("Trackmania"))
    focus_window(WindowQuery("Trackmania"))
    assert focused_title() == "Trackmania - Web Browser"
    press_enter_in = show("Trackmania", 300, "pid")
    press_enter(WindowQuery("Trackmania", press_enter_in.pid))
    assert press_enter_in.stdout
    assert int(press_enter_in.stdout.readline()) == RETURN  # the first key of all
    process.kill()
    assert process.stdout
    assert process.stdout.read() == ""


def test_the_window_of_a_port_is_that_of_the_process_that_listens_on_it(show: Open) -> None:
    import socket

    other = show("Trackmania 1", 0, "pid")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        window = GameWindow("Trackmania", port)
        assert window.process() is not None
        assert window.query() == WindowQuery("Trackmania")  # this process has no window
        started = GameWindow("Trackmania", port, lambda: other.pid)
        assert started.query() == WindowQuery("Trackmania", other.pid)


def test_a_missing_window_is_one_sentence(display: str) -> None:
    with pytest.raises(GameError, match="there is no window"):
        press_enter(WindowQuery("Trackmania"))
    GameWindow("Trackmania", 1).focus()  # a game may run without a window that can be found
