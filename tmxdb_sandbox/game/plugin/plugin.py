"""The Python Link plugin, callback by callback, in the order of its script.

It reads only while it waits for the answer to one of its own messages. The game's thread is in here then, so the game
stands still (docs/facts/tminterface.md#who-may-speak-when).
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from typing import Any

from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin.client import Client, ClientTimeout
from tmxdb_sandbox.game.plugin.message_handler import GameInterface, MessageHandler, ScriptError
from tmxdb_sandbox.game.plugin.message_ids import (
    CHECKPOINT,
    FRAME,
    GREETING,
    LAP,
    RUN_STEP,
    SHUTDOWN,
    STATE_CHANGED,
    SYNC_NAMES,
)

_TIMEOUT_MS = 2000
_HOST = "127.0.0.1"


class Plugin:
    """One listening socket and at most one client. Used by the game's thread, except `listen`."""

    def __init__(
        self,
        game: GameInterface,
        journal: GameJournal,
        kind: str = "python_link",
        capabilities: Sequence[str] = (),
    ) -> None:
        self._game = game
        self._journal = journal
        self._handler = MessageHandler(game, journal, kind, capabilities)
        self._listener: socket.socket | None = None
        self.client: Client | None = None
        self._connections = 0
        self._greeting_queued = False
        self._timeout_ms = _TIMEOUT_MS
        self._sync_began_s = 0.0
        self.port = 0

    # Callbacks of the game

    def run_step(self, race_time_ms: int, tick_ms: int) -> None:
        """A tick has been simulated."""
        period_ms = self._handler.step_period_ms
        if self.client is None:
            return
        if period_ms == 0:
            self._log_script_error("division by zero in OnRunStep")
        elif race_time_ms % abs(period_ms) == 0 or tick_ms > race_time_ms:
            self._callback(RUN_STEP, struct.pack("<2i", RUN_STEP, race_time_ms), race_time_ms=race_time_ms)

    def checkpoint(self, current: int, target: int) -> None:
        """The number of passed checkpoints has changed."""
        self._send_count(CHECKPOINT, current, target)

    def lap(self, current: int, target: int) -> None:
        """The number of finished laps has changed."""
        self._send_count(LAP, current, target)

    def reached_menus(self) -> None:
        """The start-up screens are over: greet a client that connected meanwhile."""
        if self._greeting_queued:
            self._callback(GREETING, struct.pack("<i", GREETING))
            self._greeting_queued = False

    def render(self) -> None:
        """A frame was drawn: accept one connection, and send a picture if one is requested."""
        self._game.rendered()
        try:
            self._accept()
            self._send_state()
            if self._handler.height >= 0:
                self._send_frame()
        except ScriptError as error:
            self._log_script_error(str(error))

    # Listening

    def listen(self, port: int) -> None:
        """Listen on `port`. Raise OSError if it is in use."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows this option would let two games share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, port))
            listener.listen(16)
        except OSError:
            listener.close()
            raise
        listener.setblocking(False)
        self._listener = listener
        self.port = listener.getsockname()[1]
        self._journal.note("console", text=f"Port set to {self.port}")

    def stop_listening(self) -> None:
        """Close the port and the connection, as if the plugin had been unloaded."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._drop("plugin gone")

    # Inside

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            return
        self._connections += 1
        replaced = self.client
        # Written first: a client that sees its connection closed may read the journal at once.
        self._journal.note("connect", number=self._connections, replaces=replaced.number if replaced else None)
        if replaced is not None:
            replaced.close()
        self.client = Client(connection, self._connections)
        self._handler.known_state = None
        if self._game.is_starting_up:
            self._greeting_queued = True
        else:
            self._sync(GREETING, struct.pack("<i", GREETING))

    def _send_state(self) -> None:
        state = self._game.game_state()
        if self._handler.known_state in (None, state):
            return
        self._handler.known_state = state
        self._sync(STATE_CHANGED, struct.pack("<2i", STATE_CHANGED, state), state=state)

    def _send_frame(self) -> None:
        width, height = self._handler.width, self._handler.height
        outcome = self._game.frame_outcome()
        if outcome == "late":
            return
        if outcome == "lost":
            self._handler.height = -1
            self._journal.note("frame_lost", race_time_ms=self._game.shown_time_ms)
            return
        pixels = self._game.screenshot(width, height)
        if outcome == "wrong-size":
            pixels = pixels[: len(pixels) // 2 // 4 * 4]
        # In one piece with the number: nothing ever comes between them.
        self._sync(
            FRAME,
            struct.pack("<i", FRAME) + pixels,
            race_time_ms=self._game.shown_time_ms,
            map=self._game.map_name,
            width=width,
            height=height,
        )
        self._handler.height = -1

    def _send_count(self, number: int, current: int, target: int) -> None:
        if self.client is not None:
            self._callback(number, struct.pack("<3i", number, current, target), current=current, target=target)

    def _callback(self, number: int, data: bytes, **fields: Any) -> None:
        try:
            self._sync(number, data, **fields)
        except ScriptError as error:
            self._log_script_error(str(error))

    def _sync(self, number: int, data: bytes, **fields: Any) -> None:
        """Send a message, and handle others until its number comes back. Raise ScriptError, which ends the callback."""
        client = self.client
        if client is None:
            raise ScriptError("null pointer access")
        client.write(data)
        self._sync_began_s = time.monotonic()
        ids: list[int] = []
        end = "error"
        try:
            if self._game.script_fails_now():
                raise ScriptError("a simulated error")
            end = self._wait(client, number, ids)
        finally:
            held_ms = round((time.monotonic() - self._sync_began_s) * 1000, 3)
            self._journal.note(SYNC_NAMES[number], **fields, ids=ids, held_ms=held_ms, end=end)

    def _wait(self, client: Client, number: int, ids: list[int]) -> str:
        while True:
            try:
                number_read = int(client.numbers("i", self._deadline)[0])
                self._game.wait_until_thawed()
                ids.append(number_read)
                self._handle(client, number_read)
            except ClientTimeout:
                self._journal.note("console", text=f"Client disconnected due to timeout ({self._timeout_ms}ms)")
                self._drop("timeout")
                return "timeout"
            if number_read == number:
                return "answered"
            if number_read == SHUTDOWN:
                self._journal.note("console", text="Client disconnected")
                self._drop("shutdown")
                return "shutdown"

    def _handle(self, client: Client, number: int) -> None:
        new_timeout_ms = self._handler.handle(client, number, self._deadline)
        if new_timeout_ms is not None:
            self._timeout_ms = new_timeout_ms

    def _deadline(self) -> float:
        return self._sync_began_s + self._timeout_ms / 1000

    def _drop(self, why: str) -> None:
        if self.client is not None:
            self._journal.note("disconnect", number=self.client.number, why=why)
            self.client.close()
        self.client = None
        self._handler.height = -1
        self._handler.known_state = None
        self._timeout_ms = _TIMEOUT_MS

    def _log_script_error(self, why: str) -> None:
        self._journal.note("script_error", text=why)
