"""The console: lines are queued for the next rendered frame, run in the configured order, and send no reply."""

from __future__ import annotations

import re
from typing import Protocol

from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.numbers import whole_number

_WORDS = re.compile(r'"([^"]*)"|(\S+)')
_PART = re.compile(r'(?:"[^"]*"|[^;"])+')


class ConsoleTarget(Protocol):
    """What console commands can do to the game."""

    def set_speed(self, speed: float) -> None: ...
    def queue_map(self, name: str) -> None: ...
    def exit_map(self) -> None: ...
    def load_script(self, name: str) -> None: ...
    def unload_script(self) -> None: ...
    def press_key(self, key: str) -> None: ...
    def set_camera(self, number: int) -> None: ...
    def quit(self) -> None: ...


class Console:
    """Runs console commands. `variables`: the values set, as text."""

    def __init__(self, game: ConsoleTarget, journal: GameJournal, *, last_first: bool) -> None:
        self._game = game
        self._journal = journal
        self._last_first = last_first
        self._queued: list[str] = []
        self.variables: dict[str, str] = {}

    def is_on(self, variable: str, default: bool) -> bool:
        """Return a variable as a boolean."""
        value = self.variables.get(variable)
        return default if value is None else value.lower() in ("true", "1", "on")

    def number(self, variable: str, default: float) -> float:
        """Return a variable as a number."""
        try:
            return float(self.variables[variable])
        except (KeyError, ValueError):
            return default

    def queue(self, line: str) -> None:
        """Queue a line for a later frame, never this one."""
        self._queued.append(line)

    def run_queued(self) -> None:
        """Run all lines that were queued before this frame."""
        lines, self._queued = self._queued, []
        for line in reversed(lines) if self._last_first else lines:
            self.run(line)

    def run(self, line: str) -> None:
        """Run a line immediately. Commands may be joined with `;`."""
        for part in _PART.findall(line):
            if part.strip():
                self._journal.note("command", text=part.strip())
                self._run(part.strip())

    def print_line(self, text: str) -> None:
        """Print a line on the console."""
        self._journal.note("console", text=text)

    def _run(self, part: str) -> None:
        words = [quoted or plain for quoted, plain in _WORDS.findall(part)]
        if not words:
            return
        verb, values = words[0].lower(), words[1:]
        game = self._game
        match verb, values:
            case "set", [name, *rest]:
                self._set(name, " ".join(rest))
            case "map", [name, *_]:
                game.queue_map(name)
            case "exit_map", _:
                game.exit_map()
            case "load", [name, *_]:
                game.load_script(name)
            case "unload", _:
                game.unload_script()
            case "press", [key, *_]:
                game.press_key(key.lower())
            case "cam", [number, *_] if (camera := whole_number(number)) is not None:
                game.set_camera(camera)
            case "quit", _:
                game.quit()
            case "toggle_console" | "recover_inputs" | "clear" | "finish", _:
                pass
            case _:
                self.print_line(f"unknown command or wrong number of words: {part[:80]}")

    def _set(self, name: str, value: str) -> None:
        self.variables[name.lower()] = value
        if name.lower() == "speed":
            self._game.set_speed(self.number("speed", 1.0))
