"""Which games of a worker are not running, and the messages about them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from tmxdb.capture.games.instance import GameInstance
from tmxdb.capture.games.setup import WhenAbsent
from tmxdb.errors import GameError, InvalidInput, TmxdbError

LOOK_EVERY_S = 2.0
"""How often to look for a game that is not running."""
ADVICE = "Start the game with TMInterface and the plugin; `tmxdb game check` says what is missing."


class AbsentGames:
    """The games that were not running at the last look. Used by all threads of a pool."""

    def __init__(self, games: Sequence[GameInstance], when: WhenAbsent, note: Callable[[str], None]) -> None:
        self._games, self._when, self._note = games, when, note
        self._looked: dict[int, float] = {}  # port -> time of the last look, for each game that is not running
        self._noted: set[int] = set()
        self._lock = threading.Lock()

    def __contains__(self, game: GameInstance) -> bool:
        return game.port in self._looked

    def are_all(self) -> bool:
        """Return whether no game is running."""
        return len(self._looked) == len(self._games)

    def is_due(self, game: GameInstance) -> bool:
        """Return whether to look for `game` again."""
        return time.monotonic() - self._looked.get(game.port, 0.0) >= LOOK_EVERY_S

    def look(self, game: GameInstance) -> bool:
        """Return whether `game` is running, after looking for it."""
        if game.is_running():
            with self._lock:
                self._looked.pop(game.port, None)
                was_noted = game.port in self._noted
                self._noted.discard(game.port)
            if was_noted:
                self._note(f"The game on {game.address} is running now.")
            return True
        with self._lock:
            self._looked[game.port] = time.monotonic()
        return False

    def report(self) -> None:
        """Say once which games are not running. Raise TmxdbError if none is and captures do not wait."""
        with self._lock:
            if not self._looked:
                return
            all_absent, new = self.are_all(), self._looked.keys() - self._noted
            absent = " or ".join(game.address for game in self._games if game in self)
            if not (all_absent and self._when is WhenAbsent.STOP):
                self._noted |= new
        if all_absent and self._when is WhenAbsent.STOP:
            raise InvalidInput(f"no game listens on {absent}. {ADVICE}", code="game.none_running")
        if new:
            self._note(f"No game listens on {absent}. {self._consequence(all_absent)} {ADVICE}")
        if all_absent and self._when is WhenAbsent.POSTPONE:
            raise GameError(f"no game listens on {absent}. {ADVICE}", code="game.unreachable")

    def waiting(self) -> TmxdbError:
        """Return the error for a capture that has waited long enough for now."""
        absent = " or ".join(game.address for game in self._games if game in self)
        why = f"no game listens on {absent}. {ADVICE}" if absent else "no game is free: each drives another replay."
        return GameError(why, code="game.waiting")

    def _consequence(self, all_absent: bool) -> str:
        if not all_absent:
            return "The other games go on without it."
        return "Captures wait for it." if self._when is WhenAbsent.WAIT else "Captures are left for later."
