"""The races on one map: ticks, what the plugin is told of each, restarts, rewinds, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from tmxdb.sandbox.game.car.controls import TICK_MS, Timeline
from tmxdb.sandbox.game.car.race import COUNTDOWN_MS, Crossing, Race
from tmxdb.sandbox.game.faults import Rule
from tmxdb.sandbox.game.journal import Journal
from tmxdb.sandbox.game.plugin.plugin import Plugin
from tmxdb.sandbox.game.settings import GameSettings
from tmxdb.sandbox.game.world.console import Console
from tmxdb.sandbox.game.world.maps import LoadedMap
from tmxdb.sandbox.game.world.twists import Twists

_MOST_TICKS = 1000  # in one frame, whatever speed is asked for
_COUNTDOWN_SPEED = 5.0  # TMInterface's default [DOC]
_DESYNC_MS = 230


class Racing:
    """`race` is the present attempt; `ended`: its end dialog is shown."""

    race: Race
    loaded: LoadedMap

    def __init__(
        self,
        settings: GameSettings,
        plugin: Plugin,
        console: Console,
        journal: Journal,
        strike: Callable[[str, str], Rule | None],
        on_trouble: Callable[[Rule], None],
    ) -> None:
        """`strike`: whether a fault happens on a map; `on_trouble`: do what does not concern the race alone."""
        self._settings = settings
        self._strike = strike
        self._on_trouble = on_trouble
        self._plugin = plugin
        self._console = console
        self._journal = journal
        self.script: Timeline | None = None
        self.speed = 1.0
        self.attempt = 0
        self.ended = False
        self._due = 0.0
        self._restart_wanted = False
        self._moved = False
        self._stale_ms: list[int] = []

    # Races

    def begin(self, loaded: LoadedMap, stale_ms: list[int]) -> None:
        """The first race on a map; before its clock, steps with the times `stale_ms` of an old one."""
        self.loaded = loaded
        self._stale_ms = stale_ms
        self._begin(armed=not self._settings.first_race_ignores_script)

    def restart(self) -> None:
        """At the end of the message that is being obeyed, or at the next tick."""
        self._restart_wanted = True

    def rewind(self, time_ms: int) -> None:
        """At once; whatever is left of this frame's ticks is dropped."""
        time_ms = max(COUNTDOWN_MS, time_ms // TICK_MS * TICK_MS)
        self.race.rewind(time_ms, forget_inputs=self._settings.rewind_loses_inputs)
        self._moved = True

    def revive(self) -> None:
        """Out of the end dialog into a new race."""
        self._begin(armed=True)

    def _begin(self, *, armed: bool) -> None:
        self.attempt += 1
        self.ended = self._restart_wanted = self._moved = False
        self._due = 0.0
        self._twists = Twists(self._strike, self.loaded.file)
        armed = armed and self._console.is_on("execute_commands", True) and not self._twists.get("parked")
        plan = self.script if armed and self.script is not None else Timeline()
        desync = self._twists.get("desync")
        late_ms = _DESYNC_MS if desync and desync.ms is None else desync.ms if desync else None
        self.race = Race(
            self.loaded.course, plan, ignored_ms=self._settings.ignored_ms, late_ms=late_ms, lost=late_ms == 0
        )
        self._journal.note(
            "race",
            attempt=self.attempt,
            map=self.loaded.file,
            follows=self.race.run.name if self.race.run else None,
            leaves_ms=self.race.leaves_ms,
        )
        if self._settings.restart_reports and self.attempt > 1:
            self._plugin.checkpoint(0, self.race.target)

    # Time

    def frame(self) -> int:
        """The ticks of one rendered frame, as many as the speed says. Returns how many."""
        ticks = 0
        self._due = min(self._due + self._rate(), _MOST_TICKS)
        while self._due >= 1 and not self.ended:
            self._due -= 1
            ticks += 1
            if not self.tick():
                self._due = 0.0
        return ticks

    def _rate(self) -> float:
        if self.race.race_time_ms < 0 and self.speed > 0:
            return max(0.0, self._console.number("countdown_speed", _COUNTDOWN_SPEED))
        return max(0.0, self.speed)

    def tick(self) -> bool:
        """One tick; False if the clock jumped, so that the rest of the frame is void."""
        if self._stale_ms:
            time_ms = self._stale_ms.pop(0)
            return self._told(lambda: self._plugin.run_step(time_ms, time_ms))
        if self._jumped():
            return False
        race, was_finished = self.race, self.race.finished
        crossed = race.tick()
        if race.finished and not was_finished:
            if self._console.is_on("autorewind", False):
                self._begin(armed=True)
                return False
            if self._twists.get("end-dialog"):
                self.ended = True
                return False
        elif race.finished and race.tick_ms - race.race_time_ms > self._settings.frozen_ms:
            self.ended = True
            return False
        return self._trouble() and self._tell(crossed)

    def _trouble(self) -> bool:
        """What goes wrong at this tick; False if it moved the clock."""
        race = self.race
        is_fast = self._console.number("countdown_speed", _COUNTDOWN_SPEED) != 1
        if race.race_time_ms == 0 and is_fast and self._twists.get("fast-countdown"):
            race.lose_inputs(0)
        for rule in self._twists.due(race.race_time_ms):
            self._journal.note("fault", name=rule.name, race_time_ms=race.race_time_ms)
            if rule.name != "rewind":
                self._on_trouble(rule)
            elif rule.ms is None:
                self._begin(armed=True)
                return False
            else:
                race.rewind(max(COUNTDOWN_MS, (race.race_time_ms - rule.ms) // TICK_MS * TICK_MS), forget_inputs=False)
                return False
        return True

    def _tell(self, crossed: list[Crossing]) -> bool:
        """Messages of this tick, each of which may move the clock."""
        race = self.race
        first = self._settings.checkpoint_first ^ (self._twists.get("checkpoint-order") is not None)
        steps: list[Callable[[], None]] = [lambda: self._plugin.run_step(race.race_time_ms, race.tick_ms)]
        counts = [call for crossing in crossed for call in self._counts(crossing)]
        return all(self._told(call) for call in (counts + steps if first else steps + counts))

    def _counts(self, crossing: Crossing) -> list[Callable[[], None]]:
        plugin, laps = self._plugin, self.race.course.laps
        if crossing.is_lap:
            at_end = crossing.current >= crossing.target
            if at_end and not self._settings.lap_message_at_finish:
                return []
            return [lambda: plugin.lap(crossing.current, crossing.target)]
        calls: list[Callable[[], None]] = [lambda: plugin.checkpoint(crossing.current, crossing.target)]
        if self._twists.get("lap-messages"):
            calls.append(lambda: plugin.lap((crossing.current - 1) // self.race.per_lap, laps))
        return calls

    def _told(self, call: Callable[[], None]) -> bool:
        call()
        return not self._jumped()

    def _jumped(self) -> bool:
        if self._restart_wanted:
            self._begin(armed=True)
            return True
        moved, self._moved = self._moved, False
        return moved
