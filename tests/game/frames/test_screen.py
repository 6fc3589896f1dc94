"""Pictures of a real window on a virtual screen (Xvfb) have the right window, size and tick."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.frames import stored_jpeg
from tests.game.drivers.conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    connected,
    next_step,
)
from tests.game.drivers.games import PeerGame, open_file
from tests.game.frames.conftest import SCRIPT, MakeWindow, WindowGame, shown_ms
from tests.tool import Tool
from tmxdb.capture.settings import CaptureSettings
from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.driver import Driver, Frame, StepEvent
from tmxdb.game.frames.desktop import read_tminterface_version
from tmxdb.game.frames.screen import ScreenDriver, ScreenGrabber
from tmxdb.game.frames.window import TITLE, WindowQuery
from tmxdb.game.tminterface1.memory_driver import MemoryDriver
from tmxdb.game.tminterface2.socket_driver import SocketDriver

GAME = "TrackMania Nations Forever (TMInterface 1.4.3)"


class TestSocketWithScreen(Conformance, FrameConformance, CheckpointConformance):
    """The socket driver with pictures of the screen."""

    @pytest.fixture
    def game(self, window: MakeWindow) -> Iterator[GameUnderTest]:
        return window(GAME, 100, 60, 640, 480)


class MemoryWindowGame(WindowGame):
    """The stand-in of TMInterface 1.4 with a window."""

    knows_menus = False

    def __init__(self, file: Path) -> None:
        self.file = file
        PeerGame.__init__(self, SCRIPT, GAME, 100, 60, 640, 480, file)

    def driver(self) -> Driver:
        return ScreenDriver(MemoryDriver(0, open_mapping=partial(open_file, self.file)), WindowQuery(TITLE))


class TestMemoryWithScreen(FrameConformance, CheckpointConformance):
    """TMInterface 1.4, which has pictures of the screen only."""

    @pytest.fixture
    def game(self, display: str, tmp_path: Path) -> Iterator[GameUnderTest]:
        game = MemoryWindowGame(tmp_path / "TMInterface0")
        yield game
        game.close()


@pytest.fixture
def screen(display: str) -> Iterator[ScreenGrabber]:
    screen = ScreenGrabber()
    yield screen
    screen.close()


def grab_when_shown(screen: ScreenGrabber, query: WindowQuery, width: int, height: int, time_ms: int) -> Frame:
    """Return a picture as soon as the window shows that time: it was opened a moment ago."""
    deadline = time.monotonic() + 120
    while True:
        frame = screen.grab(query, width, height)
        if shown_ms(frame) == time_ms or time.monotonic() > deadline:
            return frame


def grab_error(screen: ScreenGrabber, query: WindowQuery, code: str) -> str:
    """Return the error of grabbing, as soon as it has this code."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            screen.grab(query, 64, 64)
        except GameError as error:
            if error.code == code:
                return str(error)
    raise AssertionError(f"never {code}")


def test_the_matching_window_is_taken_among_others(window: MakeWindow, screen: ScreenGrabber) -> None:
    window(GAME, 10, 10, 320, 240, 123_450)
    window("A browser that shows " + "Track...", 400, 10, 320, 240, 99)
    frame = grab_when_shown(screen, WindowQuery(TITLE), 320, 240, 123_450)
    assert (frame.width, frame.height, len(frame.pixels)) == (320, 240, 320 * 240 * 4)
    assert shown_ms(frame) == 123_450


@pytest.mark.parametrize("time_ms", [-2600, -1, 0, 0x55555555, 0x2AAAAAAA])
def test_the_picture_is_complete_and_upright(window: MakeWindow, screen: ScreenGrabber, time_ms: int) -> None:
    window(GAME, 33, 77, 321, 243, time_ms)  # 3 rows and 1 column of it are outside the blocks
    frame = grab_when_shown(screen, WindowQuery(TITLE), 321, 243, time_ms)
    assert shown_ms(frame) == time_ms


def test_a_larger_window_is_scaled_when_stored_not_cropped(window: MakeWindow, screen: ScreenGrabber) -> None:
    window(GAME, 0, 0, 1280, 800, 0x12345678)
    frame = grab_when_shown(screen, WindowQuery(TITLE), 64, 64, 0x12345678)
    assert (frame.width, frame.height, frame.source_size) == (64, 64, (1280, 800))  # not scaled while the game is held
    assert len(frame.pixels) == 1280 * 800 * 4
    assert shown_ms(stored(frame)) == 0x12345678


def stored(frame: Frame) -> Frame:
    """Store the frame as JPEG, and return it with black and white restored."""
    data = stored_jpeg(frame, CaptureSettings(width=frame.width, height=frame.height, quality=95))
    picture = Image.open(io.BytesIO(data))
    assert (picture.mode, picture.size) == ("RGB", (frame.width, frame.height))
    plain = picture.convert("L").point([0] * 128 + [255] * 128).convert("RGBX")
    return Frame(*picture.size, plain.tobytes())


def test_every_picture_of_a_countdown_has_the_right_label(window: MakeWindow) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    seen: list[int] = []
    with connected(game) as driver:
        last = next_step(driver)
        while len(seen) < 200:
            driver.request_frame(64, 48)
            driver.answer()
            frame = driver.wait(60)
            assert isinstance(frame, Frame)
            assert shown_ms(frame) == last.race_time_ms
            seen.append(last.race_time_ms)
            driver.state()  # a question while a frame is unanswered
            driver.answer()
            event = driver.wait(60)
            assert isinstance(event, StepEvent)
            last = event
    assert seen == list(range(seen[0], seen[0] + 2000, 10))


def test_two_windows_with_one_title_are_distinguished_by_process(window: MakeWindow, screen: ScreenGrabber) -> None:
    window(GAME, 0, 0, 320, 240, 111)
    second = window(GAME, 400, 0, 320, 240, 222)
    assert shown_ms(grab_when_shown(screen, WindowQuery(TITLE, second.process.pid), 320, 240, 222)) == 222
    assert "2 windows" in grab_error(screen, WindowQuery(TITLE), "game.windows")


def test_a_browser_window_with_the_title_is_not_the_game(
    display: str, window: MakeWindow, screen: ScreenGrabber, tmp_path: Path
) -> None:
    """Two windows have the title; one belongs to a process with the game's name."""
    program = tmp_path / "TmForever"
    program.write_text(f"#!{sys.executable}\nimport runpy\nrunpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n")
    program.chmod(0o755)

    class NamedGame(WindowGame):
        program = ()

        def __init__(self) -> None:
            PeerGame.__init__(self, tmp_path / "TmForever", GAME, 0, 0, 320, 240, 111)

    game = NamedGame()
    try:
        window(f"{GAME} - a page", 400, 0, 320, 240, 222)
        assert shown_ms(grab_when_shown(screen, WindowQuery(TITLE), 320, 240, 111)) == 111
    finally:
        game.close()


def test_a_window_of_a_restarted_game_is_found(window: MakeWindow, screen: ScreenGrabber) -> None:
    first = window(GAME, 0, 0, 320, 240, 111)
    assert shown_ms(grab_when_shown(screen, WindowQuery(TITLE), 320, 240, 111)) == 111
    first.kill()
    window(GAME, 500, 300, 400, 300, 222)
    refused = 0
    for _ in range(100):
        try:
            frame = screen.grab(WindowQuery(TITLE), 320, 240)
        except GameError:
            refused += 1
        else:
            if shown_ms(frame) == 222:
                break
    else:
        raise AssertionError("the new window was not found")


def test_each_problem_of_a_window_has_its_error(window: MakeWindow, screen: ScreenGrabber) -> None:
    assert "no window" in grab_error(screen, WindowQuery("No such game"), "game.no_window")
    game = window(GAME, 200, 200, 320, 240, 5)
    grab_when_shown(screen, WindowQuery(TITLE), 64, 64, 5)
    over = window("A clock", 150, 150, 100, 100, 0)
    assert "'A clock'" in grab_error(screen, WindowQuery(TITLE), "game.window_covered")
    over.kill()
    frame = grab_when_uncovered(screen)
    assert shown_ms(frame) == 5
    game.send("hide")
    assert "minimised" in grab_error(screen, WindowQuery(TITLE), "game.window_minimised")
    game.send("show")
    grab_when_uncovered(screen)
    game.send("small")
    assert "40 x 40" in grab_error(screen, WindowQuery(TITLE), "game.window_small")


def grab_when_uncovered(screen: ScreenGrabber) -> Frame:
    """Return a picture as soon as grabbing works again."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return grab_when_shown(screen, WindowQuery(TITLE), 64, 64, 5)
        except GameError:
            if time.monotonic() > deadline:
                raise


def test_a_window_partly_off_the_screen_is_refused(window: MakeWindow, screen: ScreenGrabber) -> None:
    window(GAME, 1200, 0, 320, 240, 5)
    assert "edge of the screen" in grab_error(screen, WindowQuery(TITLE), "game.window_covered")


@pytest.mark.parametrize("name", ["", ":987", ":65000", "nonsense"])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # python-xlib leaks its sockets
def test_a_missing_display_is_reported_before_connecting(
    window: MakeWindow, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    game = window(GAME, 0, 0, 320, 240)
    monkeypatch.setenv("DISPLAY", name)
    with pytest.raises(InvalidInput, match="DISPLAY"):
        ScreenDriver(SocketDriver(game.port), WindowQuery(TITLE)).connect(1)


def test_a_driver_can_change_threads_and_chooses_the_window_after_each_connect(window: MakeWindow) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    queries: list[WindowQuery] = []

    def choose() -> WindowQuery:
        queries.append(WindowQuery(TITLE, game.process.pid))
        return queries[-1]

    driver = ScreenDriver(SocketDriver(game.port), choose)
    shown: list[int] = []

    def take() -> None:
        """Take one picture between two answered steps."""
        next_step(driver)
        driver.request_frame(64, 48)
        driver.answer()
        frame = driver.wait(60)
        assert isinstance(frame, Frame)
        shown.append(shown_ms(frame))
        driver.answer()
        next_step(driver)
        driver.answer()

    for _ in range(2):
        driver.connect(60)
        take()
        with ThreadPoolExecutor(1) as another:
            another.submit(take).result(20)
        driver.close()
    assert len(shown) == 4
    assert len(queries) == 2


def test_handles_of_another_thread_do_not_keep_the_screen_open(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before version 10.2, mss looks for its handles in the thread that closes it."""
    grabber = ScreenGrabber()

    def close() -> None:
        raise AttributeError("'_thread._local' object has no attribute 'display'")

    closed = grabber._mss.close
    monkeypatch.setattr(grabber._mss, "close", close, raising=False)
    grabber.close()
    closed()


def test_after_a_failed_picture_its_event_still_comes(window: MakeWindow) -> None:
    game = window(GAME, 0, 0, 320, 240)
    game.race()
    with connected(game) as driver:
        first = next_step(driver)
        driver.request_frame(640, 480)
        driver.answer()
        with pytest.raises(GameError, match="too small"):
            driver.wait(60)
        assert next_step(driver).race_time_ms == first.race_time_ms + 10
        driver.answer()
        assert next_step(driver).race_time_ms == first.race_time_ms + 20


def test_game_check_reports_the_size_of_the_window(window: MakeWindow, tool: Tool) -> None:
    game = window(GAME, 0, 0, 640, 480)
    findings = tool("game", "check", "--base-tmi-port", game.port, "--json", ends=None).json
    (finding,) = [finding for finding in findings if finding["what"] == "window"]
    assert finding["ok"] is True
    assert finding["found"].startswith("640 x 480 pixels")


def test_the_version_of_tminterface_is_read_from_the_titles(window: MakeWindow) -> None:
    assert read_tminterface_version(WindowQuery(TITLE)) is None
    title = "Trackmania Modded Forever (2.12.0) [default]: TMInterface (2.2.1), CoreMod (1.0.10)"
    first = window(title, 0, 0, 320, 240, 1)
    window(title, 400, 0, 320, 240, 2)
    eventually_version(WindowQuery(TITLE), "2.2.1")
    other = window(GAME, 0, 300, 320, 240, 3)
    eventually_version(WindowQuery(TITLE), None)  # two versions
    assert read_tminterface_version(WindowQuery(TITLE, first.process.pid)) == "2.2.1"
    assert read_tminterface_version(WindowQuery(TITLE, other.process.pid)) == "1.4.3"


def eventually_version(query: WindowQuery, version: str | None) -> None:
    """Wait until this version is read: windows take a moment to appear."""
    deadline = time.monotonic() + 120
    while read_tminterface_version(query) != version:
        assert time.monotonic() < deadline
