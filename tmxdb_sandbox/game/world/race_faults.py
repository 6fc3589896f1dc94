"""The faults of one race: chosen when it begins, applied when their time comes."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb_sandbox.game.faults import GameFaultRule

_TIMED = ("freeze", "plugin-gone", "game-dead", "script-error", "second-client", "rewind")
_WHOLE_RACE = ("parked", "desync", "end-dialog", "checkpoint-order", "lap-messages", "fast-countdown")


class RaceFaults:
    """The faults of one race on a map."""

    def __init__(self, trigger: Callable[[str, str], GameFaultRule | None], map_name: str) -> None:
        drawn = [(name, trigger(name, map_name)) for name in (*_WHOLE_RACE, *_TIMED)]
        self._rules = {name: rule for name, rule in drawn if rule is not None}
        self._queued = [rule for name in _TIMED if (rule := self._rules.get(name)) is not None]

    def get(self, name: str) -> GameFaultRule | None:
        """Return the fault of this name, if the race has it."""
        return self._rules.get(name)

    def due(self, race_time_ms: int) -> list[GameFaultRule]:
        """Return the faults whose time has come, each once in a race, also if the clock jumps back."""
        due = [rule for rule in self._queued if race_time_ms >= rule.at_ms]
        self._queued = [rule for rule in self._queued if rule not in due]
        return due
