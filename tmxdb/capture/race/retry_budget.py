"""How often each problem may occur within one capture before a stronger remedy is used."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.race import assumptions as assumed


@dataclass(slots=True)
class RetryBudget:
    """Counts problems and says whether one more retry is allowed. Restarting the game resets most counts, once."""

    can_restart: bool
    restarted: bool = False
    reconnects: int = 0
    exits: int = 0
    not_started: int = 0
    parked: int = 0
    discarded: int = 0
    """Drives that were discarded, for whatever reason."""

    def may_reconnect(self) -> bool:
        """Count a broken connection. Return whether to connect again."""
        self.reconnects += 1
        return self.reconnects <= assumed.RECONNECTS

    def exit_pause_s(self) -> float | None:
        """Count an `exit_map`. Return how long to wait for it; None if it did not work often enough to give up."""
        self.exits += 1
        return assumed.EXIT_PAUSES_S[self.exits - 1] if self.exits <= len(assumed.EXIT_PAUSES_S) else None

    def menus_reached(self) -> None:
        """Reset the count of `exit_map`."""
        self.exits = 0

    def may_load_again(self) -> bool:
        """Count a map that did not start, or another one that did. Return whether to load it again."""
        self.not_started += 1
        return self.not_started < assumed.NOT_STARTED

    def may_arm_again(self) -> bool:
        """Count a parked car. Return whether to load the script again."""
        self.parked += 1
        return self.parked <= assumed.PARKED_TRIES

    def may_start_over(self) -> bool:
        """Return whether the race may start over."""
        return self.discarded < assumed.RESTARTS

    def may_restart(self) -> bool:
        """Return whether the game may be restarted, which is allowed once."""
        if self.restarted or not self.can_restart:
            return False
        self.restarted = True
        self.reconnects = self.exits = self.not_started = 0
        return True
