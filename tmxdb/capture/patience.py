"""How often each trouble may come within one replay, before something stronger is done."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture import assumptions as assumed


@dataclass(slots=True)
class Patience:
    """Counts, and says whether one more is bearable. A game started anew gets most of them anew, once."""

    can_restart: bool
    restarted: bool = False
    reconnects: int = 0
    exits: int = 0
    not_started: int = 0
    parked: int = 0
    anew: int = 0
    """Attempts that were thrown away, for whatever reason."""

    def reconnect(self) -> bool:
        self.reconnects += 1
        return self.reconnects <= assumed.RECONNECTS

    def exit_pause_s(self) -> float | None:
        """How long to wait for `exit_map` to work this time; None: it never will."""
        self.exits += 1
        return assumed.EXIT_PAUSES_S[self.exits - 1] if self.exits <= len(assumed.EXIT_PAUSES_S) else None

    def reached_menus(self) -> None:
        self.exits = 0

    def map_again(self) -> bool:
        self.not_started += 1
        return self.not_started < assumed.NOT_STARTED

    def park_again(self) -> bool:
        self.parked += 1
        return self.parked <= assumed.PARKED_TRIES

    def begin_again(self) -> bool:
        return self.anew < assumed.RESTARTS

    def restart(self) -> bool:
        """Whether the game may be started anew."""
        if self.restarted or not self.can_restart:
            return False
        self.restarted = True
        self.reconnects = self.exits = self.not_started = 0
        return True
