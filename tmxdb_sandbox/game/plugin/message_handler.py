"""Handle the messages of a client while the game stands still: one branch for each message."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin import message_ids
from tmxdb_sandbox.game.plugin.client import Client

_MAX_BYTES = 1 << 24  # of a state, a command or a script; a larger number is a miscounted length
_WITHOUT_EFFECT = {
    message_ids.RUN_STEP,
    message_ids.CHECKPOINT,
    message_ids.FRAME,
    message_ids.GREETING,
    message_ids.SHUTDOWN,
    message_ids.STATE_CHANGED,
}
"""Answers with a branch of their own, which does nothing. The answer to a lap has none: see below."""


class ScriptError(Exception):
    """A call into the game failed: the callback ends immediately, without a reply, and the connection stays."""


class GameInterface(Protocol):
    """What the plugin needs of the game. Calls that are invalid in the current state raise ScriptError."""

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
        """The race time in a picture taken now."""

    def wait_until_thawed(self) -> None:
        """Block while the game is frozen."""

    def execute(self, command: bytes) -> None: ...
    def set_speed(self, speed: float) -> None: ...
    def give_up(self) -> None: ...
    def prevent_finish(self) -> None: ...
    def rewind(self, state: bytes | None) -> None: ...
    def press(self, left: bool, right: bool, accelerate: bool, brake: bool) -> None: ...
    def state(self) -> bytes: ...
    def inputs(self) -> str: ...
    def game_state(self) -> int: ...
    def running_map(self) -> tuple[str, str] | None:
        """Uid and name of the loaded map."""

    def focus_window(self) -> None: ...
    def rendered(self) -> None:
        """Note that a frame was rendered."""

    def camera(self) -> str: ...
    def car(self) -> str: ...
    def events(self) -> str: ...
    def load_script(self, text: str) -> None: ...
    def script_inputs(self) -> int: ...
    def read_script_file(self, name: str) -> str: ...
    def user_folder(self) -> str: ...
    def forced_screenshot(self, width: int, height: int) -> bytes | bytearray: ...
    def reset_camera(self) -> None: ...
    def show_hud(self, shown: bool) -> None: ...
    def screenshot(self, width: int, height: int) -> bytes | bytearray: ...

    # Faults

    def frame_outcome(self) -> str: ...
    def script_fails_now(self) -> bool: ...


class MessageHandler:
    """The plugin's variables that survive a client, and the effect of each message."""

    def __init__(self, game: GameInterface, journal: GameJournal, plugin: str, capabilities: Sequence[str]) -> None:
        self._game = game
        self._plugin, self._capabilities = plugin, capabilities
        self._journal = journal
        self.step_period_ms = 10
        self.width = -1
        self.height = -1  # below 0: no frame is requested
        self.known_state: int | None = None  # None: the client does not want to know

    def handle(self, client: Client, number: int, deadline: Callable[[], float]) -> int | None:
        """Handle message `number`. Return a new response timeout in ms if the message sets one."""
        game = self._game

        def read(layout: str) -> list[int]:
            return [int(value) for value in client.numbers(layout, deadline)]

        def read_bytes() -> bytes:
            (size,) = read("i")
            if not 0 <= size <= _MAX_BYTES:
                raise ScriptError(f"cannot read {size} bytes")
            return client.read(size, deadline)

        match number:
            case message_ids.SET_SPEED:
                game.set_speed(float(client.numbers("f", deadline)[0]))
            case message_ids.REWIND_TO_STATE:
                game.rewind(read_bytes())
            case message_ids.REWIND_TO_CURRENT_STATE:
                game.rewind(None)
            case message_ids.GET_STATE:
                state = game.state()
                client.write(struct.pack("<i", len(state)) + state)
            case message_ids.SET_INPUTS:
                left, right, accelerate, brake = (value > 0 for value in read("4B"))
                game.press(left, right, accelerate, brake)
            case message_ids.GIVE_UP:
                game.give_up()
            case message_ids.PREVENT_FINISH:
                game.prevent_finish()
            case message_ids.EXECUTE:
                game.execute(read_bytes())
            case message_ids.SET_TIMEOUT:
                return read("I")[0]
            case message_ids.RACE_FINISHED:
                client.write(struct.pack("<i", int(game.race_finished)))
            case message_ids.REQUEST_FRAME:
                self.width, self.height = read("2i")
            case message_ids.RESET_CAMERA:
                game.reset_camera()
            case message_ids.SET_STEP_PERIOD:
                (self.step_period_ms,) = read("i")
            case message_ids.UNREQUEST_FRAME:
                self.height = -1
            case message_ids.SHOW_HUD:
                game.show_hud(read("i")[0] > 0)
            case message_ids.IN_MENUS:
                client.write(struct.pack("<i", int(game.in_menus)))
            case message_ids.GET_INPUTS if self._plugin != "old_python_link":
                client.write(_with_length(game.inputs()))
            case message_ids.HELLO if self._plugin == "tmxdb_link":
                client.write(struct.pack("<i", message_ids.HELLO_REPLY) + _with_length(self._hello()))
            case message_ids.GET_GAME_STATE if self._plugin == "tmxdb_link":
                client.write(struct.pack("<i", game.game_state()))
            case message_ids.GET_MAP if self._has("map"):
                client.write(_with_length("\n".join(game.running_map() or ("", ""))))
            case message_ids.FOCUS_WINDOW if self._has("focus"):
                game.focus_window()
            case _ if self._plugin == "tmxdb_link" and number > message_ids.FOCUS_WINDOW:
                self._handle_capability(client, number, read, read_bytes)
            case _ if number not in _WITHOUT_EFFECT:
                # Only the number is skipped: what follows is read as messages.
                self._journal.note("console", text=f"Server: got unknown message {number}", number=number)
        return None

    def _handle_capability(
        self, client: Client, number: int, read: Callable[[str], list[int]], read_bytes: Callable[[], bytes]
    ) -> None:
        """Handle a message that needs a capability. TmxdbLink drops a client that uses one it does not have."""
        game = self._game
        match number:
            case message_ids.GET_CAMERA if self._has("camera"):
                client.write(_with_length(game.camera()))
            case message_ids.GET_CAR if self._has("car"):
                client.write(_with_length(game.car()))
            case message_ids.GET_EVENTS if self._has("events"):
                client.write(_with_length(game.events()))
            case message_ids.SET_SCRIPT if self._has("script"):
                game.load_script(read_bytes().decode("ascii", "replace"))
            case message_ids.GET_SCRIPT if self._has("script"):
                client.write(struct.pack("<i", game.script_inputs()))
            case message_ids.READ_SCRIPT_FILE if self._has("script"):
                client.write(_with_length(game.read_script_file(read_bytes().decode("ascii", "replace"))))
            case message_ids.GET_USER_FOLDER if self._has("folder"):
                client.write(_with_length(game.user_folder()))
            case message_ids.FORCE_FRAME if self._has("render"):
                width, height = read("2i")
                pixels = game.forced_screenshot(width, height)
                is_whole = len(pixels) == 4 * width * height
                client.write(struct.pack("<i", len(pixels) if is_whole else 0) + (pixels if is_whole else b""))
            case message_ids.REPORT_STATES:
                self.known_state = game.game_state() if read("i")[0] else None
            case _ if number not in _WITHOUT_EFFECT:
                raise ScriptError(f"unknown message {number}")

    def _has(self, capability: str) -> bool:
        return self._plugin == "tmxdb_link" and capability in self._capabilities

    def _hello(self) -> str:
        lines = ["version 3", "game_state", "state_events", *(name for name in self._capabilities if name != "process")]
        return "\n".join([*lines, *([f"process {os.getpid()}"] if self._has("process") else [])]) + "\n"


def _with_length(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<i", len(data)) + data
