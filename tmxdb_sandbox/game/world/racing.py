"""The races on one map: ticks and their messages, restarts, rewinds and faults."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb_sandbox.game.car.controls import TICK_MS, Timeline
from tmxdb_sandbox.game.car.race import COUNTDOWN_MS, Crossing, SimulatedRace
from tmxdb_sandbox.game.faults import GameFaultRule
from tmxdb_sandbox.game.journal import GameJournal
from tmxdb_sandbox.game.plugin.plugin import Plugin
from tmxdb_sandbox.game.settings import GameSettings
from tmxdb_sandbox.game.world.console import Console
from tmxdb_sandbox.game.world.maps import LoadedMap
from tmxdb_sandbox.game.world.race_faults import RaceFaults

_MAX_TICKS = 1000  # in one frame, at any speed
_COUNTDOWN_SPEED = 5.0  # TMInterface's default: docs/facts/tminterface.md#console
_DESYNC_MS = 230


class Racing:
    """`race` is the current attempt. `ended`: its end dialog is shown."""

    race: SimulatedRace
    loaded: LoadedMap

    def __init__(
        self,
        settings: GameSettings,
        plugin: Plugin,
        console: Console,
        journal: GameJournal,
        trigger: Callable[[str, str], GameFaultRule | None],
        on_fault: Callable[[GameFaultRule], None],
    ) -> None:
        """`trigger`: return the fault that happens on a map. `on_fault`: apply a fault of the whole game."""
        self._settings = settings
        self._strike = trigger
        self._on_fault = on_fault
        self._plugin = plugin
        self._console = console
        self._journal = journal
        self.script: Timeline | None = None
        self.speed = 1.0
        self.attempt = 0
        self.ended = False
        self._due = 0.0
        self._restart_requested = False
        self._moved = False
        self._frame_is_void = True
        self._stale_ms: list[int] = []

    # Races

    def begin(self, loaded: LoadedMap, stale_ms: list[int]) -> None:
        """Start the first race on a map. Steps with the times `stale_ms` of an old race come before it."""
        self.loaded = loaded
        self._stale_ms = stale_ms
        self._begin(armed=not self._settings.first_race_ignores_script)

    def restart(self) -> None:
        """Restart the race after the message in progress, or at the next tick."""
        self._restart_requested = True

    def rewind(self, time_ms: int) -> None:
        """Rewind immediately, and drop the remaining ticks of this frame."""
        time_ms = max(COUNTDOWN_MS, time_ms // TICK_MS * TICK_MS)
        self.race.rewind(time_ms, forget_inputs=self._settings.rewind_loses_inputs)
        self._moved = True

    def revive(self) -> None:
        """Leave the end dialog for a new race."""
        self._begin(armed=True)

    def _begin(self, *, armed: bool) -> None:
        self.attempt += 1
        self.ended = self._restart_requested = self._moved = False
        self._due = 0.0
        self._faults = RaceFaults(self._strike, self.loaded.file)
        armed = armed and self._console.is_on("execute_commands", True) and not self._faults.get("parked")
        plan = self.script if armed and self.script is not None else Timeline()
        desync = self._faults.get("desync")
        late_ms = _DESYNC_MS if desync and desync.ms is None else desync.ms if desync else None
        self.race = SimulatedRace(
            self.loaded.course, plan, ignored_ms=self._settings.ignored_ms, late_ms=late_ms, never_finishes=late_ms == 0
        )
        self._journal.note(
            "race",
            attempt=self.attempt,
            map=self.loaded.file,
            follows=self.race.run.name if self.race.run else None,
            leaves_ms=self.race.leaves_ms,
            shift_ms=self.race.shift_ms,
        )
        if self._settings.restart_reports and self.attempt > 1:
            self._plugin.checkpoint(0, self.race.target)

    # Time

    def frame(self) -> int:
        """Simulate the ticks of one rendered frame, as the speed demands, and return how many."""
        ticks = 0
        self._due = min(self._due + self._rate() * self._settings.ticks_per_frame, _MAX_TICKS)
        while self._due >= 1 and not self.ended:
            self._due -= 1
            ticks += 1
            if not self.tick() and self._frame_is_void:
                self._due = 0.0
        return ticks

    def _rate(self) -> float:
        if self.race.race_time_ms < 0 and self.speed > 0:
            return max(0.0, self._console.number("countdown_speed", _COUNTDOWN_SPEED))
        return max(0.0, self.speed)

    def tick(self) -> bool:
        """Simulate one tick; return False if the clock jumped, which drops the rest of the frame."""
        if self._stale_ms:
            time_ms = self._stale_ms.pop(0)
            return self._send(lambda: self._plugin.run_step(time_ms, time_ms))
        if self._jumped():
            return False
        race, was_finished = self.race, self.race.finished
        crossed = race.tick()
        if race.finished and not was_finished:
            if self._console.is_on("autorewind", False):
                self._begin(armed=True)
                return False
            if self._faults.get("end-dialog"):
                self.ended = True
                return False
        elif race.finished and race.tick_ms - race.race_time_ms > self._settings.frozen_ms:
            self.ended = True
            return False
        return self._apply_faults() and self._send_messages(crossed)

    def _apply_faults(self) -> bool:
        """Apply the faults of this tick; return False if one moved the clock."""
        race = self.race
        is_fast = self._console.number("countdown_speed", _COUNTDOWN_SPEED) != 1
        if race.race_time_ms == 0 and is_fast and self._faults.get("fast-countdown"):
            race.lose_inputs(0)
        for rule in self._faults.due(race.race_time_ms):
            self._journal.note("fault", name=rule.name, race_time_ms=race.race_time_ms)
            if rule.name != "rewind":
                self._on_fault(rule)
            elif rule.ms is None:
                self._begin(armed=True)
                return False
            else:
                race.rewind(max(COUNTDOWN_MS, (race.race_time_ms - rule.ms) // TICK_MS * TICK_MS), forget_inputs=False)
                return False
        return True

    def _send_messages(self, crossed: list[Crossing]) -> bool:
        """Send the messages of this tick, each of which may move the clock."""
        race = self.race
        first = self._settings.checkpoint_first ^ (self._faults.get("checkpoint-order") is not None)
        steps: list[Callable[[], None]] = [lambda: self._plugin.run_step(race.race_time_ms, race.tick_ms)]
        count_messages = [call for crossing in crossed for call in self._count_messages(crossing)]
        return all(self._send(call) for call in (count_messages + steps if first else steps + count_messages))

    def _count_messages(self, crossing: Crossing) -> list[Callable[[], None]]:
        plugin, laps = self._plugin, self.race.course.laps
        if crossing.is_lap:
            at_end = crossing.current >= crossing.target
            if at_end and not self._settings.lap_message_at_finish:
                return []
            return [lambda: plugin.lap(crossing.current, crossing.target)]
        calls: list[Callable[[], None]] = [lambda: plugin.checkpoint(crossing.current, crossing.target)]
        if self._faults.get("lap-messages"):
            calls.append(lambda: plugin.lap((crossing.current - 1) // self.race.per_lap, laps))
        return calls

    def _send(self, call: Callable[[], None]) -> bool:
        call()
        return not self._jumped()

    def _jumped(self) -> bool:
        if self._restart_requested:
            due = self._due
            self._begin(armed=True)
            self._frame_is_void = self._settings.restart_drops_ticks
            self._due = 0.0 if self._frame_is_void else due
            return True
        self._frame_is_void = True
        moved, self._moved = self._moved, False
        return moved
