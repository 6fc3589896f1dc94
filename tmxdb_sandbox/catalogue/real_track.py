"""A track whose map and replays come from real files; all other facts stay simulated."""

from __future__ import annotations

from functools import cached_property

from tmxdb_sandbox.catalogue.real_maps import RealMap, RealRun
from tmxdb_sandbox.catalogue.track import SimulatedTrack


class RealTrack(SimulatedTrack):
    """Tracks use the maps in turn; tracks with the same map have the same uid."""

    @cached_property
    def real(self) -> RealMap:
        return self.world.real_maps[self.index % len(self.world.real_maps)]

    @property
    def name(self) -> str:
        return self.real.name

    def uid_of(self, version: int) -> str:
        return self.real.uid

    @property
    def environment(self) -> int:
        return self.real.environment

    @property
    def car(self) -> int:
        return self.real.environment

    @cached_property
    def author_ms(self) -> int:
        return self.real.medals_ms[0]

    @cached_property
    def medals_ms(self) -> tuple[int, int, int]:
        return self.real.medals_ms[1:]

    def real_run(self, n: int) -> RealRun:
        return self.real.runs[n % len(self.real.runs)]
