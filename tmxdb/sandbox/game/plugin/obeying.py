"""What a client may ask and order while the game stands still: one branch for each message."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin import numbers
from tmxdb.sandbox.game.plugin.client import Client

_MOST_BYTES = 1 << 20  # of a state or a command; a number beyond it is one that was miscounted
_SILENT = {numbers.RUN_STEP, numbers.CHECKPOINT, numbers.FRAME, numbers.GREETING, numbers.SHUTDOWN}
"""Answers that have a branch of their own, which does nothing here. That of a lap has none: see below."""


class ScriptError(Exception):
    """A call into the game failed: the callback that made it ends at once, without an answer, and the link stays up."""


class GameSide(Protocol):
    """What the plugin asks of the game. Calls that make no sense in the present state raise ScriptError."""

    @property
    def is_starting_up(self) -> bool: ...
    @property
    def in_menus(self) -> bool: ...
    @property
    def race_finished(self) -> bool: ...
    @property
    def map_name(self) -> str: ...
    @property
    def shown_time_ms(self) -> int | None:
        """The race time that a picture shows now."""

    def gate(self) -> None:
        """Does not return while the game is frozen."""

    def execute(self, command: bytes) -> None: ...
    def set_speed(self, speed: float) -> None: ...
    def give_up(self) -> None: ...
    def prevent_finish(self) -> None: ...
    def rewind(self, state: bytes | None) -> None: ...
    def press(self, left: bool, right: bool, accelerate: bool, brake: bool) -> None: ...
    def state(self) -> bytes: ...
    def inputs(self) -> str: ...
    def reset_camera(self) -> None: ...
    def show_hud(self, shown: bool) -> None: ...
    def screenshot(self, width: int, height: int) -> bytes | bytearray: ...

    # Faults

    def fate_of_frame(self) -> str: ...
    def script_fails_now(self) -> bool: ...


class Obedience:
    """The variables of the plugin's script that survive a client, and what each message does."""

    def __init__(self, game: GameSide, journal: Journal) -> None:
        self._game = game
        self._journal = journal
        self.step_period_ms = 10
        self.width = -1
        self.height = -1  # below 0: no frame is wanted

    def obey(self, client: Client, number: int, deadline: Callable[[], float]) -> int | None:
        """Do what message `number` says. Returns a new response timeout in ms, if it was that."""
        game = self._game

        def read(layout: str) -> list[int]:
            return [int(value) for value in client.numbers(layout, deadline)]

        def read_bytes() -> bytes:
            (size,) = read("i")
            if not 0 <= size <= _MOST_BYTES:
                raise ScriptError(f"can not read {size} bytes")
            return client.read(size, deadline)

        match number:
            case numbers.SET_SPEED:
                game.set_speed(float(client.numbers("f", deadline)[0]))
            case numbers.REWIND_TO_STATE:
                game.rewind(read_bytes())
            case numbers.REWIND_TO_CURRENT_STATE:
                game.rewind(None)
            case numbers.GET_STATE:
                state = game.state()
                client.write(struct.pack("<i", len(state)) + state)
            case numbers.SET_INPUTS:
                left, right, accelerate, brake = (value > 0 for value in read("4B"))
                game.press(left, right, accelerate, brake)
            case numbers.GIVE_UP:
                game.give_up()
            case numbers.PREVENT_FINISH:
                game.prevent_finish()
            case numbers.EXECUTE:
                game.execute(read_bytes())
            case numbers.SET_TIMEOUT:
                return read("I")[0]
            case numbers.RACE_FINISHED:
                client.write(struct.pack("<i", int(game.race_finished)))
            case numbers.REQUEST_FRAME:
                self.width, self.height = read("2i")
            case numbers.RESET_CAMERA:
                game.reset_camera()
            case numbers.SET_STEP_PERIOD:
                (self.step_period_ms,) = read("i")
            case numbers.UNREQUEST_FRAME:
                self.height = -1
            case numbers.SHOW_HUD:
                game.show_hud(read("i")[0] > 0)
            case numbers.IN_MENUS:
                client.write(struct.pack("<i", int(game.in_menus)))
            case numbers.GET_INPUTS:
                text = game.inputs().encode()
                client.write(struct.pack("<i", len(text)) + text)
            case _ if number not in _SILENT:
                # Nothing behind the number is skipped: what follows is taken for messages, right or wrong.
                self._journal.note("console", text=f"Server: got unknown message {number}", number=number)
        return None
