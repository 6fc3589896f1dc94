"""What goes wrong with the game as a whole: sockets, frames, freezes, and the end of the process."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from tmxdb.sandbox.game.faults import FaultPlan, Rule
from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin.plugin import Plugin
from tmxdb.sandbox.game.settings import GameSettings


class Troubles:
    def __init__(self, settings: GameSettings) -> None:
        """Raises WrongUsage for a fault that is none."""
        self._settings = settings
        self.set(settings.faults)
        self._skipped_frames = 0
        self._script_fails = False
        self._listens_again_s: float | None = None
        self._outsiders: list[tuple[float, socket.socket]] = []

    def set(self, texts: list[str]) -> None:
        """These and no others, from the next chance on; they count anew. WrongUsage for a text that is none."""
        self._plan = FaultPlan(texts, self._settings.seed, self._settings.memory_file)

    def strike(self, journal: Journal, name: str, map_name: str) -> Rule | None:
        """The rule that strikes at this chance, and a line in the journal."""
        rule = self._plan.strike(name, map_name)
        if rule is not None:
            journal.note("fault", name=name, map=map_name)
        return rule

    def strike_race(self, name: str, map_name: str) -> Rule | None:
        """The same for races, which note it when its time has come."""
        return self._plan.strike(name, map_name)

    def suffer(self, rule: Rule, plugin: Plugin) -> None:
        """What a race says goes wrong now."""
        match rule.name:
            case "freeze":
                time.sleep(rule.seconds)
            case "plugin-gone":
                plugin.vanish()
                self._listens_again_s = time.monotonic() + rule.seconds
            case "game-dead":
                os._exit(1)
            case "script-error":
                self._script_fails = True
            case "second-client":
                with contextlib.suppress(OSError):
                    outsider = socket.create_connection(("127.0.0.1", plugin.port), timeout=1)
                    self._outsiders.append((time.monotonic() + rule.seconds, outsider))

    def pass_over(self, plugin: Plugin) -> None:
        """Ends what has lasted long enough; once each rendered frame."""
        now = time.monotonic()
        if self._listens_again_s is not None and now >= self._listens_again_s:
            with contextlib.suppress(OSError):  # still taken: the next frame tries again
                plugin.listen(plugin.port)
                self._listens_again_s = None
        for ends_s, outsider in [one for one in self._outsiders if now >= one[0]]:
            outsider.close()
            self._outsiders.remove((ends_s, outsider))

    def fate_of_frame(self, journal: Journal, map_name: str) -> str:
        """Of the one that is about to be sent: `sent`, `late` (not yet), `lost` or `wrong-size`."""
        if self._skipped_frames:
            self._skipped_frames -= 1
            return "late" if self._skipped_frames else "sent"
        if late := self.strike(journal, "late-frames", map_name):
            self._skipped_frames = late.count
            return "late" if late.count else "sent"
        if self.strike(journal, "lost-frames", map_name):
            return "lost"
        return "wrong-size" if self.strike(journal, "wrong-size", map_name) else "sent"

    def script_fails_now(self) -> bool:
        fails, self._script_fails = self._script_fails, False
        return fails
