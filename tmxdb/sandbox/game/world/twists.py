"""What goes wrong with one race: decided when it begins, done when its time has come."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb.sandbox.game.faults import Rule

_AT_A_TIME = ("freeze", "plugin-gone", "game-dead", "script-error", "second-client", "rewind")
_ALL_THE_TIME = ("parked", "desync", "end-dialog", "checkpoint-order", "lap-messages", "fast-countdown")


class Twists:
    def __init__(self, strike: Callable[[str, str], Rule | None], map_name: str) -> None:
        struck = [(name, strike(name, map_name)) for name in (*_ALL_THE_TIME, *_AT_A_TIME)]
        self._rules = {name: rule for name, rule in struck if rule is not None}
        self._waiting = [rule for name in _AT_A_TIME if (rule := self._rules.get(name)) is not None]

    def get(self, name: str) -> Rule | None:
        return self._rules.get(name)

    def due(self, race_time_ms: int) -> list[Rule]:
        """Those whose time has come: each once in a race, also if the clock jumps back."""
        due = [rule for rule in self._waiting if race_time_ms >= rule.at_ms]
        self._waiting = [rule for rule in self._waiting if rule not in due]
        return due
