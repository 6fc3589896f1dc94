"""Show the status on the whole screen until q or Ctrl-C."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tmxdb.cli.formats.colour import uses_colour
from tmxdb.cli.watch.actions import ACTIONS, KeyAction, perform
from tmxdb.cli.watch.history import RateHistory
from tmxdb.cli.watch.keys import Keys, reading_keys
from tmxdb.cli.watch.screen import Size, screen
from tmxdb.errors import DatabaseError
from tmxdb.reports.status import Status

EVERY_S = 2.0
NOTE_S = 6.0
"""How long the result of a key is shown."""


def watch_status(read: Callable[[], Status], location: str) -> None:
    """Show what `read` returns, every two seconds. `location`: the database that keys change."""
    console = Console(no_color=not uses_colour(), highlight=False)
    with reading_keys() as keys, Live(console=console, screen=True, auto_refresh=False) as live:
        _Watch(read, location, console, live, keys).run()


class _Watch:
    def __init__(self, read: Callable[[], Status], location: str, console: Console, live: Live, keys: Keys) -> None:
        self._read, self._location = read, location
        self._console, self._live, self._keys = console, live, keys
        self._history = RateHistory()
        self._state: Status | None = None
        self._note, self._note_until_s = "", 0.0
        self._asking: KeyAction | None = None

    def run(self) -> None:
        """Read, draw and wait for keys until q."""
        next_s = time.monotonic()
        while True:
            if time.monotonic() >= next_s:
                self._look()
                next_s = time.monotonic() + EVERY_S
            self._draw()
            key = self._keys.next(min(max(next_s - time.monotonic(), 0.0), 0.5))
            if key is None:
                continue
            if key in ("q", "Q", "\x1b"):
                return
            if self._press(key.lower()):
                next_s = time.monotonic()

    def _look(self) -> None:
        try:
            self._state = self._read()
        except DatabaseError as error:
            if self._state is None:
                raise
            self._say(f"Error: {error}")
            return
        self._history.add(self._state, time.monotonic())

    def _press(self, key: str) -> bool:
        """Do what `key` means; return whether the database may have changed."""
        if self._asking is not None:
            action, self._asking = self._asking, None
            if key != "y":
                self._say("Not done.")
                return False
        else:
            if key not in ACTIONS:
                return False
            action = ACTIONS[key]
            if action.question is not None:
                self._asking = action
                self._say(action.question, seconds=600)
                return False
        self._say(perform(action, self._location))
        return True

    def _say(self, note: str, *, seconds: float = NOTE_S) -> None:
        self._note, self._note_until_s = note, time.monotonic() + seconds

    def _draw(self) -> None:
        if self._state is None:
            return
        note = self._note if time.monotonic() < self._note_until_s else ""
        width, height = self._console.size
        size = Size(width - 1 if os.name == "nt" else width, height, ascii_only="utf" not in self._console.encoding)
        lines = screen(self._state, self._history, size, note, datetime.now().astimezone())
        text = Text("\n", no_wrap=True, overflow="crop").join(Text(line.text, style=line.style) for line in lines)
        self._live.update(text, refresh=True)
