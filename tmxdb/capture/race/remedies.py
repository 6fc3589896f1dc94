"""What a race in trouble does: connect again, restart the game, or fail, from the mildest to the strongest remedy.

Problems of every phase end here. `retry_budget.py` counts them.
"""

from __future__ import annotations

from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.commands import Commands
from tmxdb.capture.race.driving.drive import Phase
from tmxdb.capture.race.outcome import FailedRace, RaceState
from tmxdb.capture.race.progress import RaceProgress
from tmxdb.capture.race.retry_budget import RetryBudget

UNREACHABLE = "game.unreachable"
"""No game accepts a connection. If one was connected before in this race, it has exited: `game.gone`."""


class Remedies:
    """The remedies for the problems of one race."""

    def __init__(self, progress: RaceProgress, *, can_restart: bool) -> None:
        self._progress = progress
        self.budget = RetryBudget(can_restart)

    def reconnect(self, code: str, message: str, now: float) -> Commands:
        """Connect again and start from the menus, unless connecting is what has just failed."""
        is_running = code != UNREACHABLE or self._progress.game_is_starting
        message = f"{message}; it was {self._progress.where()}" if is_running else message
        if is_running and self.budget.may_reconnect():
            yield from self.discard_drive(message)
            yield from self.connect(now, cmd.Reconnect(0.0, assumed.CONNECT_S))
        else:
            yield from self.restart(code, message, now)

    def restart(self, code: str, message: str, now: float) -> Commands:
        """Restart the game, once. After that, or where it cannot be restarted, this capture fails."""
        if self.budget.may_restart():
            yield from self.discard_drive(f"{message}: restarting the game")
            self._progress.game_is_starting = True
            yield from self.connect(now, cmd.RestartGame(assumed.START_UP_S))
        else:
            yield from self.fail(code, message)

    def fail(self, code: str, message: str) -> Commands:
        """End the race without a result."""
        yield cmd.Disconnect()
        code = "game.gone" if code == UNREACHABLE else code
        self._progress.end(FailedRace(code if self._progress.was_connected else UNREACHABLE, message))

    def discard_drive(self, why: str) -> Commands:
        """Drop what was driven so far, and its frames."""
        drive = self._progress.drive
        yield cmd.Note(why)
        if drive.phase is not Phase.COUNTDOWN:
            self.budget.discarded += 1
            yield cmd.DiscardFrames()
        self._progress.replace_drive(drive.labels.lag_ticks)

    def connect(self, now: float, command: cmd.Reconnect | cmd.RestartGame) -> Commands:
        """Connect to the game, or restart it first."""
        self._progress.enter(RaceState.CONNECTING, now, command.timeout_s)
        yield command
