"""The game as the plugin sees it: implements `GameInterface`."""

from __future__ import annotations

import threading
from typing import Protocol

from tmxdb_sandbox.game.car.controls import Timeline
from tmxdb_sandbox.game.car.details import camera_text, car_text, events_text
from tmxdb_sandbox.game.car.script import read_script
from tmxdb_sandbox.game.car.state import FIXED_BYTES, race_time_of, state_bytes
from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin.message_handler import ScriptError
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.console import Console
from tmxdb_sandbox.game.world.fault_injector import FaultInjector
from tmxdb_sandbox.game.world.maps import LoadedMap
from tmxdb_sandbox.game.world.racing import Racing
from tmxdb_sandbox.game.world.screen import GameScreen
from tmxdb_sandbox.game.world.view import View


class SimulatedGameState(Protocol):
    """The parts of the game that the adapter reads and changes."""

    settings: GameSettings
    console: Console
    racing: Racing
    view: View
    journal: GameJournal
    injector: FaultInjector
    thawed: threading.Event
    showing: GameScreen
    loaded: LoadedMap | None
    greets_queued: bool

    def set_speed(self, speed: float) -> None: ...
    def give_up(self) -> None: ...


# TM::GameState: docs/facts/tminterface.md#plugin-api
_STATES = {
    GameScreen.START_UP: 16,
    GameScreen.MENUS: 32,
    GameScreen.LOADING: 128,
    GameScreen.NOTICE: 512,
    GameScreen.INTRO: 512,
    GameScreen.RACE: 512,
    GameScreen.DIALOG: 1024,
}


class PluginAdapter:
    """Translates the plugin's questions and commands to the parts of the game."""

    def __init__(self, game: SimulatedGameState) -> None:
        self._game = game
        self._script_inputs = -1
        self._script_ready_at = 0  # rendered frames
        self._frames = 0
        settings = game.settings
        self._has_camera = settings.plugin == "tmxdb_link" and "camera" in settings.capabilities
        self._camera = ""  # of the last rendered frame

    @property
    def is_starting_up(self) -> bool:
        return self._game.showing is GameScreen.START_UP

    @property
    def in_menus(self) -> bool:
        if self._game.greets_queued and not self._game.settings.menus_in_queued_greeting:
            return False
        return self._game.showing is GameScreen.MENUS

    @property
    def race_finished(self) -> bool:
        race = self._game.racing.race if self._in_race else None
        return race is not None and (race.finished or race.tick_ms > race.race_time_ms)

    @property
    def map_name(self) -> str:
        return self._game.loaded.file if self._game.loaded else ""

    @property
    def shown_time_ms(self) -> int | None:
        return self._game.racing.race.race_time_ms if self._in_race else None

    @property
    def _in_race(self) -> bool:
        return self._game.showing is GameScreen.RACE

    def wait_until_thawed(self) -> None:
        self._game.thawed.wait()

    def execute(self, command: bytes) -> None:
        self._game.console.queue(command.decode("utf-8", "replace"))

    def set_speed(self, speed: float) -> None:
        self._game.set_speed(speed)

    def give_up(self) -> None:
        self._game.give_up()

    def prevent_finish(self) -> None:
        if self._in_race:
            self._game.racing.race.prevent_finish()

    def rewind(self, state: bytes | None) -> None:
        if not self._in_race:
            return
        time_ms = self._game.racing.race.race_time_ms if state is None else race_time_of(state)
        if time_ms is None:
            raise ScriptError("these bytes are not a state")
        self._game.racing.rewind(time_ms)

    def press(self, left: bool, right: bool, accelerate: bool, brake: bool) -> None:
        if self._in_race:
            self._game.racing.race.press((accelerate, brake, left, right))

    def state(self) -> bytes:
        if self._in_race:
            return state_bytes(self._game.racing.race)
        if self._game.settings.state_outside_race == "error":
            raise ScriptError("there is no state outside a race")
        return bytes(FIXED_BYTES + 12) if self._game.settings.state_outside_race == "bytes" else b""

    def inputs(self) -> str:
        return self._game.racing.race.inputs(ranges=self._game.settings.input_ranges) if self._in_race else ""

    def game_state(self) -> int:
        return _STATES[self._game.showing]

    def running_map(self) -> tuple[str, str] | None:
        loaded = self._game.loaded
        return (loaded.course.uid, loaded.course.name) if loaded else None

    def focus_window(self) -> None:
        self._game.journal.note("focus")

    def camera(self) -> str:
        return self._camera if self._in_race else ""

    def car(self) -> str:
        return car_text(self._game.racing.race) if self._in_race else ""

    def events(self) -> str:
        return events_text(self._game.racing.race) if self._in_race else ""

    def load_script(self, text: str) -> None:
        changes, errors = read_script(text)
        self._game.racing.script = Timeline(changes)
        self._script_inputs = len(changes)
        self._script_ready_at = self._frames + self._game.settings.script_frames
        self._game.journal.note("script", file=None, changes=len(changes), errors=len(errors))

    def script_inputs(self) -> int:
        return self._script_inputs if self._frames >= self._script_ready_at else -2

    def read_script_file(self, name: str) -> str:
        try:
            return (self._game.settings.scripts / name).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ScriptError(f"cannot read the script {name}: {error}") from error

    def user_folder(self) -> str:
        return str(self._game.settings.scripts.parent)

    def forced_screenshot(self, width: int, height: int) -> bytes | bytearray:
        """Return a picture of the present tick, whatever the lag of other pictures."""
        if not self._in_race:
            return self.screenshot(width, height)
        return self._game.view.race(width, height, self._game.racing, is_forced=True)

    def rendered(self) -> None:
        self._frames += 1
        if self._has_camera and self._in_race:
            self._camera = camera_text(self._game.racing.race)

    def reset_camera(self) -> None:
        pass

    def show_hud(self, shown: bool) -> None:
        self._game.view.hud = shown

    def screenshot(self, width: int, height: int) -> bytes | bytearray:
        """Return a picture of the requested size, or of the window's if that is smaller."""
        width = min(max(0, width), self._game.settings.window_width)
        height = min(max(0, height), self._game.settings.window_height)
        if not width * height:
            return b""
        if self._in_race:
            return self._game.view.race(width, height, self._game.racing)
        uid = self._game.loaded.course.uid if self._game.loaded else None
        return self._game.view.screen(width, height, self._game.showing.value, uid, self._game.racing.attempt)

    # Faults

    def frame_outcome(self) -> str:
        if not self._game.view.may_send_picture():
            return "late"
        return self._game.injector.frame_outcome(self._game.journal, self.map_name)

    def script_fails_now(self) -> bool:
        return self._game.injector.script_fails_now()
