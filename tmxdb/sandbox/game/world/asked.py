"""What the plugin asks of the game, and orders: see `GameSide`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmxdb.sandbox.game.car.state import FIXED_BYTES, race_time_of, state_bytes
from tmxdb.sandbox.game.plugin.obeying import ScriptError
from tmxdb.sandbox.game.world.screen import Screen

if TYPE_CHECKING:
    from tmxdb.sandbox.game.world.game import Game


class Asked:
    def __init__(self, game: Game) -> None:
        self._game = game

    @property
    def is_starting_up(self) -> bool:
        return self._game.showing is Screen.START_UP

    @property
    def in_menus(self) -> bool:
        if self._game.greets_late and not self._game.settings.menus_in_queued_greeting:
            return False
        return self._game.showing is Screen.MENUS

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
        return self._game.showing is Screen.RACE

    def gate(self) -> None:
        self._game.awake.wait()

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
            raise ScriptError("these bytes are no state")
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

    def reset_camera(self) -> None:
        pass

    def show_hud(self, shown: bool) -> None:
        self._game.view.hud = shown

    def screenshot(self, width: int, height: int) -> bytes | bytearray:
        """Of the size that was asked for, or of what the window can give."""
        width = min(max(0, width), self._game.settings.window_width)
        height = min(max(0, height), self._game.settings.window_height)
        if not width * height:
            return b""
        if self._in_race:
            return self._game.view.race(width, height, self._game.racing)
        uid = self._game.loaded.course.uid if self._game.loaded else None
        return self._game.view.screen(width, height, self._game.showing.value, uid, self._game.racing.attempt)

    # Faults

    def fate_of_frame(self) -> str:
        return self._game.troubles.fate_of_frame(self._game.journal, self.map_name)

    def script_fails_now(self) -> bool:
        return self._game.troubles.script_fails_now()
