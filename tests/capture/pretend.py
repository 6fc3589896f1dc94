"""A game without a socket or a clock of its own: seconds pass as ticks do, so that a race takes no time to test.

It speaks the words of `tmxdb/game/driver.py` in the order of the TMInterface fact sheet: a tick with its step, then a
rendered frame. Troubles are put on by name. The picture's bytes hold the tick that it shows. Real sockets and a real
protocol are for the sandbox's game (tests/e2e); this one is for deadlines and the order of calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tmxdb.capture.orders import Keep
from tmxdb.errors import GameGone, GameSilent
from tmxdb.game.driver import Checkpoint, Connected, Event, Frame, Lap, Step
from tmxdb.game.state import CarState

from .cars import car

FIRST_MS = -2600
RIGHT_MAP = "tmxdb/1.Challenge.Gbx"
SCRIPT = "run.txt"
WORDS = "0.00-0.99 press up\n"


def tick_of(frame: Frame) -> int:
    """What the picture shows."""
    return int.from_bytes(frame.pixels[:4], "little", signed=True)


class PretendGame:
    """Its race takes `race_ms`, if the script was armed. Waiting takes no time; `now` is its clock in seconds."""

    def __init__(self, race_ms: int = 500, *, place: str = "menus") -> None:
        self.now = 0.0
        self.race_ms = race_ms
        self.place = place
        self.map: str | None = RIGHT_MAP if place != "menus" else None
        self.time_ms = FIRST_MS
        self.script: str | None = None
        self.armed = False
        self.said: list[str] = []
        self.period_ms = 10
        self.connected = False
        self.restarts = 0
        self.holds: Event | None = None
        # Troubles
        self.maps = {RIGHT_MAP: (0.0, 0.0, 0.0)}  # where the car starts on each map that the game knows
        self.load_s = 1.0
        self.stale_steps = 0
        self.finish_shift_ms = 0
        self.picture_delay: Callable[[], int] = lambda: 0  # ticks until it comes; below 0: never
        self.at_tick: dict[int, Callable[[PretendGame], Any]] = {}  # once each, when the race clock says so
        self.checkpoint_first = True
        self.dialog_after = 100  # ticks after the finish
        self.silent_for_s = 0.0
        self.refuses = 0
        self.exit_works_at = 1
        self.finished_says_late = False
        self.crossings = 2
        self.loads_in_vain = 0
        self.drives_from_ms = 0
        self.on_restart: Callable[[PretendGame], Any] = lambda game: None
        self._exits = 0
        self._greets = False
        self._life = self._live()
        self._wanted: list[int] | None = None  # width, height, ticks to wait
        self._commands: list[str] = []
        self._after_finish = 0
        self._begins_in = 0.0

    # The driver's words

    def connect(self, patience_s: float) -> None:
        if self.refuses:
            self.refuses -= 1
            self.now += patience_s
            raise GameGone("the game can not be reached.")
        self.connected, self.holds, self._greets = True, None, True
        self._life = self._live()

    def wait(self, timeout_s: float) -> Event:
        assert self.holds is None
        until = self.now + timeout_s
        while self.connected:
            if self.silent_for_s or self.now >= until:
                passed = until - self.now
                self.now = until
                self.silent_for_s = max(0.0, self.silent_for_s - passed)
                raise GameSilent("nothing came.")
            self.holds = next(self._life)
            if self.holds is not None:
                return self.holds
        raise GameGone("the game hung up.")

    def answer(self) -> None:
        assert self.holds is not None
        self.holds = None

    def answer_and_tell(self) -> CarState:
        state = self.state()
        self.answer()
        return state

    def close(self) -> None:
        if self.connected:
            self._wanted, self.connected, self.holds = None, False, None

    def execute(self, command: str) -> None:
        self._order(command)
        self._commands.append(command)

    def give_up(self) -> None:
        self._order("give up")
        self._restart()

    def set_speed(self, speed: float) -> None:
        self._order(f"speed {speed:g}")

    def set_response_timeout(self, timeout_ms: int) -> None:
        self._order(f"timeout {timeout_ms}")

    def set_step_period(self, period_ms: int) -> None:
        self._order(f"period {period_ms}")
        self.period_ms = period_ms

    def request_frame(self, width: int, height: int) -> None:
        self._order(f"frame {width}x{height}")
        assert not isinstance(self.holds, Frame)
        if self._wanted is None:
            self._wanted = [width, height, self.picture_delay()]
        elif self._wanted[2] < 0:
            self._wanted[2] = self.picture_delay()

    def unrequest_frame(self) -> None:
        self._order("no frame")
        self._wanted = None

    def show_hud(self, shown: bool) -> None:
        self._order(f"hud {shown}")

    def state(self) -> CarState:
        self._order("state?")
        x, y, z = self.maps.get(self.map or "", (0.0, 0.0, 0.0))
        driven = max(0, self.time_ms - self.drives_from_ms) / 100 if self.armed else 0.0
        crossings = (-1,) * self.crossings
        return car(self.time_ms, position=(x + driven, y, z), speed_kmh=36.0 if driven else 0.0, cp_times_ms=crossings)

    def in_menus(self) -> bool | None:
        self._order("menus?")
        return self.place == "menus"

    def race_finished(self) -> bool:
        self._order("finished?")
        return self._after_finish > int(self.finished_says_late)

    def inputs(self) -> str | None:
        self._order("inputs?")
        return WORDS if self.armed else ""

    def _order(self, what: str) -> None:
        assert self.holds is not None, f"{what} while nothing is held"
        if not self.connected:
            raise GameGone("the game hung up.")
        self.said.append(what)

    # What happens in it

    def restart(self) -> None:
        """Somebody starts the program anew."""
        self.restarts += 1
        self.place, self.map, self.connected, self.silent_for_s = "menus", None, False, 0.0
        self.on_restart(self)

    def hang_up(self) -> None:
        self.connected = False

    def jump_to(self, time_ms: int) -> None:
        self.time_ms = time_ms

    def _restart(self) -> None:
        self.time_ms, self._after_finish = FIRST_MS - 10, 0
        self.armed = self.script == SCRIPT

    def _live(self) -> Iterator[Event | None]:
        """What it says, one after the other; each is answered before it goes on. None: 10 ms have passed."""
        while True:
            self.now += 0.01
            for command in reversed(self._commands):  # last in, first out
                self._run(command)
            self._commands.clear()
            if self._greets:
                self._greets = False
                yield Connected()
            if self.place == "loading":
                yield from self._load()
            if self.place == "race":
                yield from self._race()
            yield from self._render()
            yield None

    def _load(self) -> Iterator[Event]:
        self._begins_in -= 0.01
        if self.stale_steps:
            self.stale_steps -= 1
            yield Step(3_000 + self.stale_steps)
        if self._begins_in <= 0:
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
            events: list[Event] = [Checkpoint(2, 2), Lap(1, 1), Step(finish_ms)]
            yield from events if self.checkpoint_first else reversed(events)
        elif self.time_ms % self.period_ms == 0 or self._after_finish:
            yield Step(self.time_ms)
        if self._after_finish > self.dialog_after:
            self.place = "dialog"

    def _render(self) -> Iterator[Event]:
        if self._wanted is None or self._wanted[2] < 0:
            return
        width, height, ticks = self._wanted
        if ticks:
            self._wanted[2] -= 1
            return
        pixels = self.time_ms.to_bytes(4, "little", signed=True)
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
        elif verb == "load" and self.loads_in_vain:
            self.loads_in_vain -= 1
        elif verb == "load":
            self.script = what
        elif verb == "unload":
            self.script = None


class Pictures:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.kept: list[Keep] = []
        self.discarded = 0

    def keep(self, kept: Keep) -> None:
        self.kept.append(replace(kept))

    def discard(self) -> None:
        self.discarded += 1
        self.kept.clear()

    @property
    def times(self) -> list[int]:
        return [kept.time_ms for kept in self.kept]
