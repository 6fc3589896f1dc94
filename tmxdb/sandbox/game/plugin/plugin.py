"""What the Python Link plugin does, callback by callback, in the order of its script.

Everything that it reads it reads inside the wait after one of its own messages; the game's thread is in here then, and
so the game stands still. See the fact sheet, "who may speak when" and "timeouts and connections".
"""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin.client import Client, ClientSilent
from tmxdb.sandbox.game.plugin.numbers import CHECKPOINT, FRAME, GREETING, LAP, RUN_STEP, SHUTDOWN, SYNC_NAMES
from tmxdb.sandbox.game.plugin.obeying import GameSide, Obedience, ScriptError

_TIMEOUT_MS = 2000
_HOST = "127.0.0.1"


class Plugin:
    """One listening socket, and at most one client. All but `listen` by the game's thread."""

    def __init__(self, game: GameSide, journal: Journal) -> None:
        self._game = game
        self._journal = journal
        self._obedience = Obedience(game, journal)
        self._listener: socket.socket | None = None
        self.client: Client | None = None
        self._connections = 0
        self._greeting_queued = False
        self._timeout_ms = _TIMEOUT_MS
        self._began_s = 0.0
        self.port = 0

    # Callbacks of the game

    def run_step(self, race_time_ms: int, tick_ms: int) -> None:
        period_ms = self._obedience.step_period_ms
        if self.client is None:
            return
        if period_ms == 0:
            self._failed("division by zero in OnRunStep")
        elif race_time_ms % abs(period_ms) == 0 or tick_ms > race_time_ms:
            self._callback(RUN_STEP, struct.pack("<2i", RUN_STEP, race_time_ms), race_time_ms=race_time_ms)

    def checkpoint(self, current: int, target: int) -> None:
        self._count(CHECKPOINT, current, target)

    def lap(self, current: int, target: int) -> None:
        self._count(LAP, current, target)

    def reached_menus(self) -> None:
        """The start-up screens are over: whoever connected in them is greeted now."""
        if self._greeting_queued:
            self._callback(GREETING, struct.pack("<i", GREETING))
            self._greeting_queued = False

    def render(self) -> None:
        """A frame was drawn: one new connection is taken, and a picture sent if it was asked for."""
        try:
            self._accept()
            if self._obedience.height >= 0:
                self._send_frame()
        except ScriptError as error:
            self._failed(str(error))

    # Listening

    def listen(self, port: int) -> None:
        """Raises OSError if the port is taken."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # on Windows it would let two games share a port
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

    def vanish(self) -> None:
        """As if the plugin had been unloaded: nobody listens, nobody is there."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        self._drop("plugin gone")

    # Inside

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            link, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError):
            return
        self._connections += 1
        replaced = self.client
        if replaced is not None:
            replaced.hang_up()
        self.client = Client(link, self._connections)
        self._journal.note("connect", number=self._connections, replaces=replaced.number if replaced else None)
        if self._game.is_starting_up:
            self._greeting_queued = True
        else:
            self._sync(GREETING, struct.pack("<i", GREETING))

    def _send_frame(self) -> None:
        width, height = self._obedience.width, self._obedience.height
        fate = self._game.fate_of_frame()
        if fate == "late":
            return
        if fate == "lost":
            self._obedience.height = -1
            self._journal.note("frame_lost", race_time_ms=self._game.shown_time_ms)
            return
        pixels = self._game.screenshot(width, height)
        if fate == "wrong-size":
            pixels = pixels[: len(pixels) // 2 // 4 * 4]
        # In one go with the number: nothing ever comes between them.
        self._sync(
            FRAME,
            struct.pack("<i", FRAME) + pixels,
            race_time_ms=self._game.shown_time_ms,
            map=self._game.map_name,
            width=width,
            height=height,
        )
        self._obedience.height = -1

    def _count(self, number: int, current: int, target: int) -> None:
        if self.client is not None:
            self._callback(number, struct.pack("<3i", number, current, target), current=current, target=target)

    def _callback(self, number: int, data: bytes, **fields: Any) -> None:
        try:
            self._sync(number, data, **fields)
        except ScriptError as error:
            self._failed(str(error))

    def _sync(self, number: int, data: bytes, **fields: Any) -> None:
        """Write a message, obey until its number comes back. Raises ScriptError: the callback ends at once."""
        client = self.client
        if client is None:
            raise ScriptError("null pointer access")
        client.write(data)
        self._began_s = time.monotonic()
        ids: list[int] = []
        end = "error"
        try:
            if self._game.script_fails_now():
                raise ScriptError("an error that was asked for")
            end = self._wait(client, number, ids)
        finally:
            held_ms = round((time.monotonic() - self._began_s) * 1000, 3)
            self._journal.note(SYNC_NAMES[number], **fields, ids=ids, held_ms=held_ms, end=end)

    def _wait(self, client: Client, number: int, ids: list[int]) -> str:
        while True:
            try:
                got = int(client.numbers("i", self._deadline)[0])
                self._game.gate()
                ids.append(got)
                self._obey(client, got)
            except ClientSilent:
                self._journal.note("console", text=f"Client disconnected due to timeout ({self._timeout_ms}ms)")
                self._drop("timeout")
                return "timeout"
            if got == number:
                return "answered"
            if got == SHUTDOWN:
                self._journal.note("console", text="Client disconnected")
                self._drop("shutdown")
                return "shutdown"

    def _obey(self, client: Client, number: int) -> None:
        new_timeout_ms = self._obedience.obey(client, number, self._deadline)
        if new_timeout_ms is not None:
            self._timeout_ms = new_timeout_ms

    def _deadline(self) -> float:
        return self._began_s + self._timeout_ms / 1000

    def _drop(self, why: str) -> None:
        if self.client is not None:
            self._journal.note("disconnect", number=self.client.number, why=why)
            self.client.hang_up()
        self.client = None
        self._obedience.height = -1
        self._timeout_ms = _TIMEOUT_MS

    def _failed(self, why: str) -> None:
        self._journal.note("script_error", text=why)
