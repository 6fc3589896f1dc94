"""Pictures of the game's window on the screen, for a game that gives none itself: any driver, and `request_frame`.

The one door to mss. The window has to be whole on the screen; what covers it would be on the picture.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from tmxdb.errors import BadInput, GameTrouble
from tmxdb.game import messages
from tmxdb.game.driver import Checkpoint, Driver, Event, Frame, Lap, Step
from tmxdb.game.frames.window import Area, Wanted, Windows, open_windows
from tmxdb.game.state import CarState


class Screen:
    """The desktop that this process is on. Used by the thread that made it."""

    def __init__(self) -> None:
        try:
            import mss
        except ImportError as lacking:
            raise BadInput(
                "mss is not installed, which takes pictures of the screen: pip install 'tmxdb[capture]'.",
                code="input.package",
            ) from lacking
        self._windows: Windows = open_windows()
        try:
            self._mss: Any = getattr(mss, "MSS", mss.mss)()  # the one name is of version 10.2 on, the other until then
        except mss.ScreenShotError as error:
            raise BadInput(f"no pictures can be taken of this screen ({error}).", code="input.display") from error
        self._failed = mss.ScreenShotError

    def close(self) -> None:
        """Let go of the desktop."""
        with contextlib.suppress(self._failed):
            self._mss.close()
        self._windows.close()

    def grab(self, window: Wanted, width: int, height: int) -> Frame:
        """The client area of the window as it is on the screen now, to be made smaller to this size (`Frame.grabbed`).

        Raises GameTrouble if there is no such window, or it is minimised, covered, or smaller than that.
        """
        area = self._windows.area(window)
        if area.width < width or area.height < height:
            raise GameTrouble(
                f"the {window} is {area.width} x {area.height} pixels inside, too small for pictures of"
                f" {width} x {height}: make it larger, or ask for smaller ones.",
                code="game.window_small",
            )
        grabbed = (area.width, area.height)
        return messages.frame(width, height, self._take(area), grabbed=None if grabbed == (width, height) else grabbed)

    def _take(self, area: Area) -> bytearray:
        try:
            shot = self._mss.grab({"left": area.left, "top": area.top, "width": area.width, "height": area.height})
        except self._failed as error:
            raise GameTrouble(f"no picture could be taken of the screen ({error}).", code="game.screen") from error
        pixels: bytearray = shot.raw  # blue, green, red, alpha; top row first (documentation of mss)
        return pixels


class ScreenDriver:
    """`driver`, with pictures of the screen in the place of its own.

    A frame that was asked for is taken when the first event of the next tick is there: the game stands still in it, and
    the screen shows what was drawn after the tick before. It is handed out before that event, so that its tick is the
    one of the last Step, as with the plugin's frames; answering it says nothing to the game, which waits for that of
    the event. Whether a checkpoint is of the tick of the Step before it or after it, the car's state tells.

    Assumed, for want of the real game: that a picture is drawn between two steps (100 of them a second at speed 1) and
    is on the screen when the next one begins. Where fewer are drawn, a label may be one tick late.
    """

    def __init__(self, driver: Driver, window: Wanted | Callable[[], Wanted]) -> None:
        """`window`: which one, or what tells it each time the game is reached: started anew, it is another process."""
        self._driver = driver
        self._tell_window = window if callable(window) else lambda: window
        self._window: Wanted | None = None
        self._screen: Screen | None = None
        self._thread = 0
        self._size: tuple[int, int] | None = None
        self._next: Event | None = None  # came with a frame, which is handed out first
        self._frame_held = False
        self._at_checkpoint = False  # one, or a lap, is held
        self._step_ms: int | None = None  # of the last Step
        self._skips_step = False  # the next Step is of the tick in which the frame was asked for

    def __repr__(self) -> str:
        return repr(self._driver)

    def connect(self, patience_s: float) -> None:
        self._forget()
        self._open_screen()
        self._driver.connect(patience_s)
        self._window = None

    def wait(self, timeout_s: float) -> Event:
        if self._frame_held:
            raise RuntimeError(f"{self} still waits for an answer")
        if self._next is not None:
            event, self._next = self._next, None
            return event
        event = self._driver.wait(timeout_s)
        drawn = self._was_drawn_before(event)
        self._at_checkpoint = isinstance(event, Checkpoint | Lap)
        if isinstance(event, Step):
            self._step_ms = event.race_time_ms
        if self._size is None or not drawn:
            return event
        size, self._size = self._size, None
        self._next = event  # also when no picture can be taken: it came, and has to be answered
        if self._window is None:
            self._window = self._tell_window()
        frame = self._open_screen().grab(self._window, *size)
        self._frame_held = True
        return frame

    def _was_drawn_before(self, event: Event) -> bool:
        """Whether a picture was drawn between the asking and this event, which is of another tick then."""
        if isinstance(event, Step):
            skips, self._skips_step = self._skips_step, False
            return not skips
        asked = self._size is not None and not self._skips_step
        return asked and isinstance(event, Checkpoint | Lap) and self._before_its_step()

    def _before_its_step(self) -> bool:
        """Whether the game, at a checkpoint, is in a tick of which no Step has come yet."""
        return self._driver.state().race_time_ms != self._step_ms

    def answer(self) -> None:
        if self._frame_held:
            self._frame_held = False
        elif self._next is not None:
            raise RuntimeError(f"{self} waits for no answer: its event was not handed out yet")
        else:
            self._driver.answer()

    def answer_and_tell(self) -> CarState:
        if self._frame_held or self._next is not None:
            state = self.state()
            self.answer()
            return state
        return self._driver.answer_and_tell()

    def close(self) -> None:
        self._forget()
        self._driver.close()
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    def _open_screen(self) -> Screen:
        """The desktop, for this thread: Windows lends its parts to one thread only."""
        if self._screen is not None and self._thread != threading.get_ident():
            self._screen.close()
            self._screen = None
        if self._screen is None:
            self._screen, self._thread = Screen(), threading.get_ident()
        return self._screen

    def request_frame(self, width: int, height: int) -> None:
        messages.request_frame(width, height)  # the same limits
        if self._frame_held:
            raise RuntimeError(f"{self} would forget a frame that is asked for while one is held")
        self._in_turn()
        self._skips_step = self._at_checkpoint and self._before_its_step()
        self._size = width, height

    def unrequest_frame(self) -> None:
        self._in_turn()
        self._driver.unrequest_frame()
        self._size = None

    def execute(self, command: str) -> None:
        self._in_turn()
        self._driver.execute(command)

    def give_up(self) -> None:
        self._in_turn()
        self._driver.give_up()

    def set_speed(self, speed: float) -> None:
        self._in_turn()
        self._driver.set_speed(speed)

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._in_turn()
        self._driver.set_response_timeout(timeout_ms)

    def set_step_period(self, period_ms: int) -> None:
        self._in_turn()
        self._driver.set_step_period(period_ms)

    def show_hud(self, shown: bool) -> None:
        self._in_turn()
        self._driver.show_hud(shown)

    def state(self) -> CarState:
        self._in_turn()
        return self._driver.state()

    def in_menus(self) -> bool | None:
        self._in_turn()
        return self._driver.in_menus()

    def race_finished(self) -> bool:
        self._in_turn()
        return self._driver.race_finished()

    def inputs(self) -> str | None:
        self._in_turn()
        return self._driver.inputs()

    def _in_turn(self) -> None:
        """Between a frame and the event that came with it, the game waits, but the user holds nothing."""
        if self._next is not None and not self._frame_held:
            raise RuntimeError(f"{self} listens only while an event is held")

    def _forget(self) -> None:
        self._size = self._next = self._step_ms = None
        self._frame_held = self._at_checkpoint = self._skips_step = False
