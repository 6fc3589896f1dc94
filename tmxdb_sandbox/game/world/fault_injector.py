"""Faults of the game as a whole: connections, frames, freezes and the end of the process."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from tmxdb_sandbox.game.faults import GameFaultPlan, GameFaultRule
from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin.plugin import Plugin
from tmxdb_sandbox.game.settings import GameSettings


class FaultInjector:
    """Decides which faults happen, and applies those that concern the whole game."""

    def __init__(self, settings: GameSettings) -> None:
        """Raise UsageError for an invalid fault."""
        self._settings = settings
        self.set(settings.faults)
        self._skipped_frames = 0
        self._script_fails = False
        self._listens_again_s: float | None = None
        self._other_clients: list[tuple[float, socket.socket]] = []

    def set(self, texts: list[str]) -> None:
        """Replace all faults and reset their counts. Raise UsageError for an invalid fault."""
        self._plan = GameFaultPlan(texts, self._settings.seed, self._settings.memory_file)

    def trigger(self, journal: GameJournal, name: str, map_name: str) -> GameFaultRule | None:
        """Return the fault that happens at this chance, and log it."""
        rule = self._plan.trigger(name, map_name)
        if rule is not None:
            journal.note("fault", name=name, map=map_name)
        return rule

    def trigger_race(self, name: str, map_name: str) -> GameFaultRule | None:
        """Return the fault of a race, which logs it when it happens."""
        return self._plan.trigger(name, map_name)

    def apply(self, rule: GameFaultRule, plugin: Plugin) -> None:
        """Apply a fault of a race now."""
        match rule.name:
            case "freeze":
                time.sleep(rule.seconds)
            case "plugin-gone":
                plugin.stop_listening()
                self._listens_again_s = time.monotonic() + rule.seconds
            case "game-dead":
                os._exit(1)
            case "script-error":
                self._script_fails = True
            case "second-client":
                with contextlib.suppress(OSError):
                    client = socket.create_connection(("127.0.0.1", plugin.port), timeout=1)
                    self._other_clients.append((time.monotonic() + rule.seconds, client))

    def expire(self, plugin: Plugin) -> None:
        """End faults whose time is over. Called in each rendered frame."""
        now = time.monotonic()
        if self._listens_again_s is not None and now >= self._listens_again_s:
            with contextlib.suppress(OSError):  # still in use: the next frame tries again
                plugin.listen(plugin.port)
                self._listens_again_s = None
        for ends_s, client in [one for one in self._other_clients if now >= one[0]]:
            client.close()
            self._other_clients.remove((ends_s, client))

    def frame_outcome(self, journal: GameJournal, map_name: str) -> str:
        """Return what happens to the next frame: `sent`, `late` (not yet), `lost` or `wrong-size`."""
        if self._skipped_frames:
            self._skipped_frames -= 1
            return "late" if self._skipped_frames else "sent"
        if late := self.trigger(journal, "late-frames", map_name):
            self._skipped_frames = late.count
            return "late" if late.count else "sent"
        if self.trigger(journal, "lost-frames", map_name):
            return "lost"
        return "wrong-size" if self.trigger(journal, "wrong-size", map_name) else "sent"

    def script_fails_now(self) -> bool:
        fails, self._script_fails = self._script_fails, False
        return fails
