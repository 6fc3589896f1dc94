"""Take pictures of the game's window on the screen, for games that send none themselves.

`ScreenDriver` adds them to any driver. The window must be entirely on the screen, with nothing in front of it. Only
this module uses mss.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from tmxdb.errors import GameError, InvalidInput
from tmxdb.game.capabilities import Capabilities, RunningMap
from tmxdb.game.driver import CheckpointEvent, Driver, Event, Frame, LapEvent, PluginLink, StepEvent
from tmxdb.game.frames.desktop import open_window_finder
from tmxdb.game.frames.window import Area, WindowFinder, WindowQuery
from tmxdb.game.state import CarState
from tmxdb.game.tminterface2 import messages


class ScreenGrabber:
    """Take pictures of windows. Use it only in the thread that created it."""

    def __init__(self) -> None:
        try:
            import mss
        except ImportError as error:
            raise InvalidInput(
                'mss, which takes pictures of the screen, is not installed. Run: pip install "tmxdb[capture]"',
                code="input.package",
            ) from error
        self._windows: WindowFinder = open_window_finder()
        try:
            self._mss: Any = getattr(mss, "MSS", mss.mss)()  # MSS from version 10.2 on, mss before
        except mss.ScreenShotError as error:
            raise InvalidInput(
                f"cannot take pictures of this screen ({error}). Run tmxdb on the desktop of the game.",
                code="input.display",
            ) from error
        self._failed = mss.ScreenShotError

    def close(self) -> None:
        """Release the desktop. Any thread may call it.

        Before version 10.2, mss kept its handles for each thread: in another one, `close` finds none (AttributeError),
        and the system releases them when the thread ends.
        """
        with contextlib.suppress(self._failed, AttributeError):
            self._mss.close()
        self._windows.close()

    def grab(self, window: WindowQuery, width: int, height: int) -> Frame:
        """Return the client area of the window as it is on the screen now, for a picture of this size.

        It is not scaled here: `Frame.source_size` is the size of the area. Raise GameError if there is no such window,
        or it is minimised, covered, or smaller than the picture.
        """
        area = self._windows.area(window)
        if area.width < width or area.height < height:
            raise GameError(
                f"the {window} is {area.width} x {area.height} pixels inside, too small for pictures of"
                f" {width} x {height}. Enlarge it, or choose smaller pictures.",
                code="game.window_small",
            )
        source_size = (area.width, area.height)
        return messages.frame(
            width, height, self._take(area), source_size=None if source_size == (width, height) else source_size
        )

    def _take(self, area: Area) -> bytearray:
        try:
            shot = self._mss.grab({"left": area.left, "top": area.top, "width": area.width, "height": area.height})
        except self._failed as error:
            raise GameError(
                f"the screen could not be captured ({error}). Trying again later.", code="game.screen"
            ) from error
        pixels: bytearray = shot.raw  # blue, green, red, alpha; top row first (mss documentation)
        return pixels


class ScreenDriver:
    """A driver whose pictures come from the screen.

    A requested frame is taken when the first event of the next tick arrives: the game stands still then, and the screen
    shows what was drawn after the tick before. It is returned before that event, so its tick is that of the last
    StepEvent, as for the plugin's frames. Answering the frame sends nothing to the game, which waits for the answer to
    the event. The car's state says whether a checkpoint belongs to the tick of the step before or after it.

    Assumed, not established: the game draws between two steps (100 a second at speed 1), and the picture is on the
    screen when the next step begins. If it draws less often, a label may be one tick late.
    """

    def __init__(self, driver: Driver, window: WindowQuery | Callable[[], WindowQuery]) -> None:
        """`window`: which window, or a function called after each connect: a restarted game is another process."""
        self._driver = driver
        self._choose_window = window if callable(window) else lambda: window
        self._window: WindowQuery | None = None
        self._screen: ScreenGrabber | None = None
        self._thread = 0
        self._size: tuple[int, int] | None = None
        self._next: Event | None = None  # arrived with a frame, which is returned first
        self._frame_held = False
        self._at_checkpoint = False  # a CheckpointEvent or LapEvent is unanswered
        self._step_ms: int | None = None  # of the last StepEvent
        self._skips_step = False  # the next StepEvent is of the tick in which the frame was requested

    def __repr__(self) -> str:
        return repr(self._driver)

    def connect(self, timeout_s: float) -> None:
        self._reset()
        self._open_screen()
        self._driver.connect(timeout_s)
        self._window = None

    def wait(self, timeout_s: float) -> Event:
        if self._frame_held:
            raise RuntimeError(f"{self}: the last event is unanswered")
        if self._next is not None:
            event, self._next = self._next, None
            return event
        event = self._driver.wait(timeout_s)
        is_drawn = self._is_drawn_before(event)
        self._at_checkpoint = isinstance(event, CheckpointEvent | LapEvent)
        if isinstance(event, StepEvent):
            self._step_ms = event.race_time_ms
        if self._size is None or not is_drawn:
            return event
        size, self._size = self._size, None
        self._next = event  # set first: the event needs an answer even if the picture fails
        if self._window is None:
            self._window = self._choose_window()
        frame = self._open_screen().grab(self._window, *size)
        self._frame_held = True
        return frame

    def _is_drawn_before(self, event: Event) -> bool:
        """Return whether the game drew between the request and this event, which then is of another tick."""
        if isinstance(event, StepEvent):
            skips, self._skips_step = self._skips_step, False
            return not skips
        is_requested = self._size is not None and not self._skips_step
        return is_requested and isinstance(event, CheckpointEvent | LapEvent) and self._is_before_step()

    def _is_before_step(self) -> bool:
        """Return whether the game, at a checkpoint, is in a tick whose StepEvent has not come yet."""
        return self._driver.state().race_time_ms != self._step_ms

    def answer(self) -> None:
        if self._frame_held:
            self._frame_held = False
        elif self._next is not None:
            raise RuntimeError(f"{self}: no event to answer; the next one was not returned yet")
        else:
            self._driver.answer()

    def answer_and_get_state(self) -> CarState:
        if self._frame_held or self._next is not None:
            state = self.state()
            self.answer()
            return state
        return self._driver.answer_and_get_state()

    def close(self) -> None:
        self._reset()
        self._driver.close()
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    def _open_screen(self) -> ScreenGrabber:
        """Return the grabber of this thread: on Windows its handles are valid in one thread only."""
        if self._screen is not None and self._thread != threading.get_ident():
            self._screen.close()
            self._screen = None
        if self._screen is None:
            self._screen, self._thread = ScreenGrabber(), threading.get_ident()
        return self._screen

    def request_frame(self, width: int, height: int) -> None:
        messages.request_frame(width, height)  # the same limits
        if self._frame_held:
            raise RuntimeError(f"{self} would forget a frame that is requested while one is unanswered")
        self._check_turn()
        self._skips_step = self._at_checkpoint and self._is_before_step()
        self._size = width, height

    def unrequest_frame(self) -> None:
        self._check_turn()
        self._driver.unrequest_frame()
        self._size = None

    def execute(self, command: str) -> None:
        self._check_turn()
        self._driver.execute(command)

    def give_up(self) -> None:
        self._check_turn()
        self._driver.give_up()

    def set_speed(self, speed: float) -> None:
        self._check_turn()
        self._driver.set_speed(speed)

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._check_turn()
        self._driver.set_response_timeout(timeout_ms)

    def set_step_period(self, period_ms: int) -> None:
        self._check_turn()
        self._driver.set_step_period(period_ms)

    def show_hud(self, shown: bool) -> None:
        self._check_turn()
        self._driver.show_hud(shown)

    def state(self) -> CarState:
        self._check_turn()
        return self._driver.state()

    def in_menus(self) -> bool | None:
        self._check_turn()
        return self._driver.in_menus()

    def race_finished(self) -> bool:
        self._check_turn()
        return self._driver.race_finished()

    def capabilities(self) -> Capabilities:
        return self._driver.capabilities()

    def game_state(self) -> int | None:
        self._check_turn()
        return self._driver.game_state()

    def running_map(self) -> RunningMap | None:
        self._check_turn()
        return self._driver.running_map()

    def focus_window(self) -> None:
        self._check_turn()
        self._driver.focus_window()

    def link(self) -> PluginLink | None:
        self._check_turn()
        return self._driver.link()

    def inputs(self) -> str | None:
        self._check_turn()
        return self._driver.inputs()

    def _check_turn(self) -> None:
        """Raise RuntimeError between a frame and the event that arrived with it: the user has no unanswered event."""
        if self._next is not None and not self._frame_held:
            raise RuntimeError(f"{self} reads commands only while an event is unanswered")

    def _reset(self) -> None:
        self._size = self._next = self._step_ms = None
        self._frame_held = self._at_checkpoint = self._skips_step = False
