"""Drives that end early: one takes pictures in flow, the other holds the race at chosen ticks and takes pictures."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from tmxdb.capture.race import commands as cmd
from tmxdb.capture.race.driving.drive import Drive, DriveStatus, Phase, StatusGenerator
from tmxdb.capture.race.race_spec import RaceSpec

HOLD_S = 0.15
"""How long the race stands still before its picture is taken: several rendered frames, also at 30 a second."""


class FlowDrive(Drive):
    """Takes pictures like any drive, until `until_ms`."""

    def __init__(self, spec: RaceSpec, until_ms: int, lag_ticks: int = 0) -> None:
        super().__init__(spec, lag_ticks)
        self._until_ms = until_ms

    def step(self, time_ms: int) -> StatusGenerator:
        """Handle a step at race time `time_ms`."""
        status = yield from super().step(time_ms)
        is_over = self.phase is Phase.RACING and time_ms >= self._until_ms
        return DriveStatus.ENDED if is_over and status is DriveStatus.CONTINUES else status


class HoldingDrive(FlowDrive):
    """Stops the race at each of `ticks` (race times) and passes its picture to `on_held`.

    `is_rendered`: do not stop it, but have the game render the picture.
    """

    def __init__(
        self,
        spec: RaceSpec,
        ticks: Sequence[int],
        on_held: Callable[[cmd.HeldFrame], None],
        *,
        is_rendered: bool = False,
    ) -> None:
        super().__init__(spec, max(ticks))
        self._is_rendered = is_rendered
        self._ticks = sorted(ticks)
        self._on_held = on_held

    def _request_due_frame(self) -> Generator[cmd.Command, cmd.Reply, None]:
        last_ms = self.labels.last_ms
        if last_ms is None or not self._ticks or last_ms < self._ticks[0]:
            return
        settings = self._settings
        held = yield cmd.HoldFrame(
            settings.width, settings.height, HOLD_S, settings.running_speed, is_rendered=self._is_rendered
        )
        if isinstance(held, cmd.HeldFrame):
            self._on_held(held)
            last_ms = max(last_ms, held.state.race_time_ms)
        self._ticks = [time_ms for time_ms in self._ticks if time_ms > last_ms]
