"""A simulated game without socket or clock of its own: seconds pass as ticks do, so a race takes no time to test.

It implements `tmxdb/game/driver.py` in the order of docs/facts/tminterface.md: a tick with its step, then a rendered
frame. Faults are switched on by attribute. The bytes of a picture contain the tick that it shows. Real sockets and the
real protocol are tested with the sandbox's game (tests/e2e); this one is for deadlines and the order of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tests.capture.race.cars import car
from tmxdb.errors import GameExited, GameTimeout
from tmxdb.game.capabilities import NO_CAPABILITIES, Capabilities, RunningMap
from tmxdb.game.driver import CheckpointEvent, ConnectedEvent, Event, Frame, GameStateEvent, LapEvent, StepEvent
from tmxdb.game.state import Camera, CarState, GameInput

FIRST_MS = -2600
RIGHT_MAP = "tmxdb/1.Challenge.Gbx"
SCRIPT = "run.txt"
SCRIPT_TEXT = "0.00-0.99 press up\n"
_STATES = {"menus": 32, "loading": 128, "race": 512, "dialog": 1024}


class SimulatedGame:
    """A game whose race takes `race_ms` if the script was armed. Waiting takes no time; `now` is its clock (s)."""

    def __init__(self, race_ms: int = 500, *, place: str = "menus") -> None:
        self.now = 0.0
        self.race_ms = race_ms
        self.place = place
        self.map: str | None = RIGHT_MAP if place != "menus" else None
        self.time_ms = FIRST_MS
        self.script: str | None = None
        self.armed = False
        self.calls: list[str] = []
        self.period_ms = 10
        self.connected = False
        self.restarts = 0
        self.holds: Event | None = None
        # Faults
        self.maps = {RIGHT_MAP: (0.0, 0.0, 0.0)}  # where the car starts on each map that the game knows
        self.load_s = 1.0
        self.stale_steps = 0
        self.finish_shift_ms = 0
        self.picture_lag = 0  # ticks
        self.pictures_per_s = 0.0  # of wall time; 0: one for each request
        self.speed = 1.0
        self._next_picture_s = 0.0
        self.picture_delay: Callable[[], int] = lambda: 0  # ticks until it comes; below 0: never
        self.at_tick: dict[int, Callable[[SimulatedGame], Any]] = {}  # once each, when the race clock says so
        self.checkpoint_first = True
        self.dialog_after = 100  # ticks after the finish
        self.silent_for_s = 0.0
        self.refuses = 0
        self.exit_works_at = 1
        self.finished_says_late = False
        self.crossings = 2
        self.uids: dict[str, str] | None = None
        self.failing_loads = 0
        self.drives_from_ms = 0
        self.needs_enter = False  # the map waits for the key
        self.bounces = False  # loading a map ends in the menus
        self.linked = False  # its plugin is TmxdbLink
        self.script_takes = 0  # questions until a script from a text is loaded
        self.takes_texts = True
        self.texts_drive = True
        self.events: tuple[GameInput, ...] | None = None
        self._text_loaded = -1
        self._reports_states = False
        self._known_place = place
        self.on_restart: Callable[[SimulatedGame], Any] = lambda game: None
        self._exits = 0
        self._greets = False
        self._life = self._live()
        self._wanted: list[int] | None = None  # width, height, ticks to wait
        self._commands: list[str] = []
        self._rendered_ms = FIRST_MS
        self._shown: list[int] = []  # race times of the last ticks
        self._after_finish = 0
        self._begins_in = 0.0

    # The driver interface

    def connect(self, patience_s: float) -> None:
        if self.refuses:
            self.refuses -= 1
            self.now += patience_s
            raise GameExited("the game cannot be reached.", code="game.unreachable")
        self.connected, self.holds, self._greets, self._reports_states = True, None, True, False
        self._life = self._live()

    def wait(self, timeout_s: float) -> Event:
        assert self.holds is None
        until = self.now + timeout_s
        while self.connected:
            if self.silent_for_s or self.now >= until:
                passed = max(0.0, until - self.now)
                self.now = until
                self.silent_for_s = max(0.0, self.silent_for_s - passed)
                raise GameTimeout("nothing came.")
            self.holds = next(self._life)
            if self.holds is not None:
                return self.holds
        raise GameExited("the game hung up.")

    def answer(self) -> None:
        assert self.holds is not None
        self.holds = None

    def answer_and_get_state(self) -> CarState:
        state = self.state()
        self.answer()
        return state

    def close(self) -> None:
        if self.connected:
            self._wanted, self.connected, self.holds = None, False, None

    def execute(self, command: str) -> None:
        self._call(command)
        self._commands.append(command)

    def give_up(self) -> None:
        self._call("give up")
        self._restart()

    def set_speed(self, speed: float) -> None:
        self._call(f"speed {speed:g}")
        self.speed = speed

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._call(f"timeout {timeout_ms}")

    def set_step_period(self, period_ms: int) -> None:
        self._call(f"period {period_ms}")
        self.period_ms = period_ms

    def request_frame(self, width: int, height: int) -> None:
        self._call(f"frame {width}x{height}")
        assert not isinstance(self.holds, Frame)
        if self._wanted is None:
            self._wanted = [width, height, self.picture_delay()]
        elif self._wanted[2] < 0:
            self._wanted[2] = self.picture_delay()

    def unrequest_frame(self) -> None:
        self._call("no frame")
        self._wanted = None

    def show_hud(self, shown: bool) -> None:
        self._call(f"hud {shown}")

    def state(self) -> CarState:
        self._call("state?")
        position = self._position_at(self.time_ms)
        is_driven = position != self._position_at(0)
        crossings = (-1,) * self.crossings
        return car(self.time_ms, position=position, speed_kmh=36.0 if is_driven else 0.0, cp_times_ms=crossings)

    def _position_at(self, time_ms: int) -> tuple[float, float, float]:
        x, y, z = self.maps.get(self.map or "", (0.0, 0.0, 0.0))
        return (x + (max(0, time_ms - self.drives_from_ms) / 100 if self.armed else 0.0), y, z)

    def in_menus(self) -> bool | None:
        self._call("menus?")
        return self.place == "menus"

    def race_finished(self) -> bool:
        self._call("finished?")
        return self._after_finish > int(self.finished_says_late)

    def capabilities(self) -> Capabilities:
        return NO_CAPABILITIES

    def game_state(self) -> int | None:
        return None

    def running_map(self) -> RunningMap | None:
        """Return the map if the test sets `uids`, like a game that reports it."""
        if self.uids is None:
            return None
        self._call("map?")
        return RunningMap(self.uids.get(self.map or "", ""), "")

    def focus_window(self) -> None:
        pass

    def link(self) -> SimulatedGame | None:
        return self if self.linked else None

    def report_states(self) -> bool | None:
        self._reports_states, self._known_place = True, self.place
        return True

    def camera(self) -> Camera | None:
        x, y, z = self._position_at(self._rendered_ms)
        return Camera(((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), (x, y + 2, z), 75.0)

    def input_events(self) -> tuple[GameInput, ...] | None:
        self._call("events?")
        if self.events is not None:
            return self.events
        return (GameInput(100_000, "running", 1), GameInput(100_010, "up", 1), GameInput(101_000, "up", 0))

    def load_script(self, text: str) -> bool | None:
        self._call("text")
        if self.takes_texts:
            self._text_loaded = self.script_takes
            self.script = SCRIPT if self.texts_drive else "another"
        return True

    def script_inputs(self) -> int | None:
        self._call("script?")
        if not self.takes_texts:
            return 0
        self._text_loaded -= 1
        return -2 if self._text_loaded >= 0 else 1

    def inputs(self) -> str | None:
        self._call("inputs?")
        return SCRIPT_TEXT if self.armed else ""

    def _call(self, what: str) -> None:
        assert self.holds is not None, f"{what} while nothing is held"
        if not self.connected:
            raise GameExited("the game hung up.")
        self.calls.append(what)

    # The simulation

    def restart(self) -> None:
        """Restart the program."""
        self.restarts += 1
        self.place, self.map, self.connected, self.silent_for_s = "menus", None, False, 0.0
        self.on_restart(self)

    def focus(self) -> None:
        """As the window of the game."""
        self.calls.append("focus")

    def press_enter(self) -> None:
        """As the window of the game."""
        self.calls.append("enter")
        self.needs_enter = False

    def hang_up(self) -> None:
        self.connected = False

    def jump_to(self, time_ms: int) -> None:
        self.time_ms = time_ms

    def _restart(self) -> None:
        self.time_ms, self._after_finish = FIRST_MS - 10, 0
        self.armed = self.script == SCRIPT

    def _live(self) -> Iterator[Event | None]:
        """Yield its events; each is answered before the next. None: 10 ms have passed."""
        while True:
            self.now += 0.01 / self.speed
            for command in reversed(self._commands):  # last in, first out
                self._run(command)
            self._commands.clear()
            if self._greets:
                self._greets = False
                yield ConnectedEvent()
            if self.place == "loading":
                yield from self._load()
            if self.place == "race":
                yield from self._race()
            if self._reports_states and self.place != self._known_place:
                self._known_place = self.place
                yield GameStateEvent(_STATES[self.place])
            yield from self._render()
            yield None

    def _load(self) -> Iterator[Event]:
        self._begins_in -= 0.01
        if self.stale_steps:
            self.stale_steps -= 1
            yield StepEvent(3_000 + self.stale_steps)
        if self.needs_enter:
            return
        if self._begins_in <= 0 and self.bounces:
            self.place, self.map = "menus", None
        elif self._begins_in <= 0:
            self.place = "race"
            self._restart()

    def _race(self) -> Iterator[Event]:
        finish_ms = self.race_ms + self.finish_shift_ms
        if self._after_finish:
            self._after_finish += 1
        else:
            self.time_ms += 10
            act = self.at_tick.pop(self.time_ms, None) if self.armed else None
            if act:
                act(self)
        if self.armed and self.time_ms >= finish_ms and not self._after_finish:
            self._after_finish, self.time_ms = 1, finish_ms
            events: list[Event] = [CheckpointEvent(2, 2), LapEvent(1, 1), StepEvent(finish_ms)]
            yield from events if self.checkpoint_first else reversed(events)
        elif self.time_ms % self.period_ms == 0 or self._after_finish:
            yield StepEvent(self.time_ms)
        self._shown.append(self.time_ms)
        if self._after_finish > self.dialog_after:
            self.place = "dialog"

    def _render(self) -> Iterator[Event]:
        self._rendered_ms = self.time_ms
        if self._wanted is None or self._wanted[2] < 0:
            return
        width, height, ticks = self._wanted
        if ticks:
            self._wanted[2] -= 1
            return
        if self.pictures_per_s:
            if self.now < self._next_picture_s:
                return
            self._next_picture_s = max(self.now, self._next_picture_s) + 1 / self.pictures_per_s
        shown_ms = self._shown[-1 - self.picture_lag] if self.picture_lag < len(self._shown) else self.time_ms
        pixels = shown_ms.to_bytes(4, "little", signed=True)
        yield Frame(width, height, pixels + bytes(4 * width * height - 4))
        self._wanted = None

    def _run(self, command: str) -> None:
        verb, _, what = command.partition(" ")
        if verb == "map" and self.place == "menus" and what in self.maps:
            self.place, self.map, self._begins_in = "loading", what, self.load_s
        elif verb == "exit_map" and self.place != "menus":
            self._exits += 1
            if self._exits >= self.exit_works_at:
                self.place, self.map = "menus", None
        elif verb == "load" and self.failing_loads:
            self.failing_loads -= 1
        elif verb == "load":
            self.script = what
        elif verb == "unload":
            self.script = None
