"""A track whose file and replays are real; what the files do not say stays made up."""

from __future__ import annotations

from functools import cached_property

from tmxdb.sandbox.catalogue.scenery import RealMap, RealRun
from tmxdb.sandbox.catalogue.track import Track


class RealTrack(Track):
    """Tracks take the maps in turn, so that any number can be filled; a map met again keeps its uid."""

    @cached_property
    def real(self) -> RealMap:
        return self.catalogue.scenery[self.index % len(self.catalogue.scenery)]

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
