"""The first part of a race: from whatever the game is doing to the moment at which the drive may start.

    connecting → loading → arming → (the drive)

The order of calls follows docs/facts/tminterface.md#order-of-calls.
"""

from __future__ import annotations

from collections.abc import Generator

from tmxdb.capture.race import assumptions as assumed
from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.commands import Commands
from tmxdb.capture.race.outcome import RaceState
from tmxdb.capture.race.progress import RaceProgress
from tmxdb.capture.race.remedies import Remedies
from tmxdb.capture.race.starting.enter_presses import EnterPresses
from tmxdb.capture.race.starting.script_loader import ScriptLoader, ScriptStatus
from tmxdb.game.capabilities import RunningMap


class RaceStart:
    """Leads the game to its menus, to the map, and to the loaded script."""

    def __init__(self, progress: RaceProgress, remedies: Remedies, *, press_enter: bool) -> None:
        self._progress, self._remedies = progress, remedies
        self._spec = progress.spec
        self._presses = EnterPresses(enabled=press_enter)
        self._small_frame_received = False
        self._sees_states = False
        self.script = ScriptLoader(progress.spec)
        self.awaits_menus = False
        """Whether the game is returning to its menus, and reports when it is there."""

    # Events

    def connected(self, now: float) -> None:
        """Note that the game accepted the connection. Its first event is still to come."""
        self.awaits_menus = False
        self._progress.was_connected = True
        timeout_s = assumed.START_UP_S if self._progress.game_is_starting else assumed.GREETING_S
        self._progress.enter(RaceState.CONNECTING, now, timeout_s)

    def greeted(self, now: float) -> Commands:
        """Set the connection up and load the map, or lead the game to its menus first."""
        self._progress.game_is_starting = False
        yield cmd.SetTimeout(assumed.RESPONSE_TIMEOUT_MS)
        yield cmd.CancelFrame()
        yield cmd.SetPeriod(assumed.STEP_MS)
        yield cmd.SetSpeed(1.0)
        self._sees_states = (yield cmd.ReportStates()) is True
        for variable in assumed.VARIABLES:
            yield cmd.Execute(f"set {variable}")
        if (yield cmd.QueryMenus()) is False:  # None: this game cannot say
            yield from self.exit_to_menus(now)
            return
        self._remedies.budget.menus_reached()
        yield cmd.FocusWindow()  # without the focus `map` waits, and keys have no bindings
        yield cmd.Execute(f"map {self._spec.map_name}")
        self._progress.enter(RaceState.LOADING, now, self._spec.loading_timeout_s)
        self._progress.deadline = self._presses.begin(now, self._progress.deadline)

    def frame_received(self) -> None:
        """Note a frame. Only one that was requested in the present state means anything."""
        in_time = self._progress.state in (RaceState.RETURNING, RaceState.ARMING)
        self._small_frame_received = self._small_frame_received or in_time

    def menus_reached(self, now: float) -> Commands:
        """Handle that the game is in its menus."""
        if self.awaits_menus:
            self.awaits_menus = False
            yield from self.greeted(now)
        elif self._progress.state is RaceState.LOADING:  # it began to load the map, and could not
            yield from self._map_did_not_start(now)

    def step(self, time_ms: int, now: float) -> Generator[cmd.Command, cmd.Reply, bool]:
        """Handle a step at race time `time_ms`. Return whether the drive may start."""
        match self._progress.state:
            case RaceState.CONNECTING if self.awaits_menus:
                pass
            case RaceState.CONNECTING:  # a race that was running before this connection
                yield from self.exit_to_menus(now)
            case RaceState.RETURNING if not self._small_frame_received:
                # The `unload` of the previous race may still be queued, and commands queued in one frame run in any
                # order: wait for a frame before the next `load`.
                yield cmd.RequestFrame(*assumed.SMALL_FRAME)
            case RaceState.LOADING | RaceState.RETURNING if time_ms <= 0:  # above 0: the clock of the previous race
                if (yield from self._is_other_map()):
                    yield from self.leave_wrong_map(now)
                else:
                    yield from self.arm(now)
            case RaceState.ARMING if self._small_frame_received:
                return (yield from self._is_armed(now))
            case _:
                pass
        return False

    # Deadlines

    def is_waiting_for_key(self, now: float) -> bool:
        """Return whether the map may still start after another press of Enter."""
        return self._progress.state is RaceState.LOADING and self._presses.is_waiting(now)

    def menus_did_not_come(self, now: float) -> Commands:
        """Connect again: the greeting of a new connection shows where the game is."""
        self.awaits_menus = False
        yield from self._remedies.connect(now, cmd.Reconnect(0.0, assumed.CONNECT_S))

    def map_is_late(self, now: float) -> Commands:
        """Press Enter while there is time for it, or else load the map again."""
        if self.is_waiting_for_key(now):
            yield cmd.PressEnter()
            self._progress.deadline = self._presses.next(now)
        else:
            yield from self._map_did_not_start(now)

    # Used by the drive, too, after trouble

    def exit_to_menus(self, now: float) -> Commands:
        """Leave the present map."""
        pause_s = self._remedies.budget.exit_pause_s()
        if pause_s is None:
            yield from self._remedies.restart("game.stuck", "the game does not return to its menus", now)
            return
        yield cmd.Execute("exit_map")
        if self._sees_states:
            self._progress.enter(RaceState.CONNECTING, now, pause_s)
            self.awaits_menus = True
        else:
            yield from self._remedies.connect(now, cmd.Reconnect(pause_s, assumed.CONNECT_S))

    def leave_wrong_map(self, now: float) -> Commands:
        """Load the map again, because another one started."""
        message = "the race that started is on another map than the replay"
        if self._remedies.budget.may_load_again():
            yield from self._remedies.discard_drive(message)
            yield from self.exit_to_menus(now)
        else:
            yield from self._remedies.restart("capture.wrong_map", message, now)

    def arm(self, now: float) -> Commands:
        """Load the script. It takes effect at the next start, and loading happens in a later frame, so wait for one."""
        yield cmd.ShowHud(False)
        if self._spec.settings.camera:
            yield cmd.Execute(f"cam {self._spec.settings.camera}")
        yield from self.script.load()
        yield cmd.RequestFrame(*assumed.SMALL_FRAME)
        self._small_frame_received = False
        self._progress.enter(RaceState.ARMING, now, assumed.ARMING_S)

    def _is_armed(self, now: float) -> Generator[cmd.Command, cmd.Reply, bool]:
        """Return whether the script is loaded. A game that takes it as a text says when that is."""
        status = yield from self.script.status()
        if status is ScriptStatus.REFUSED:
            yield cmd.Note("the game took no input from the script's text: loading it from its file")
            yield from self.arm(now)
        return status is ScriptStatus.LOADED

    def _is_other_map(self) -> Generator[cmd.Command, cmd.Reply, bool]:
        """Return whether the game reports another map than the requested one. Most plugins do not report any."""
        if self._spec.map_uid is None:
            return False
        running = yield cmd.QueryMap()
        return isinstance(running, RunningMap) and running.uid != self._spec.map_uid

    def _map_did_not_start(self, now: float) -> Commands:
        if self._remedies.budget.may_load_again():
            yield from self._remedies.connect(now, cmd.Reconnect(0.0, assumed.CONNECT_S))
            return
        why = "it is not in the game's folder, or it has an intro that does not end"
        message = f"the map did not start within {self._spec.loading_timeout_s:g} s, twice: {why}"
        yield from self._remedies.restart("capture.map_did_not_start", message, now)
