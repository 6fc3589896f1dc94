"""The interface of the two file sources, and the choice between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay
from tmxdb_sandbox.catalogue.real_maps import RealMap
from tmxdb_sandbox.catalogue.track import SimulatedTrack
from tmxdb_sandbox.settings import Settings


class FileSource(Protocol):
    """File contents. Equal for each call with the same replay or the same version of a track."""

    real_maps: Sequence[RealMap]  # the maps that the catalogue must use; empty for a simulated catalogue

    def replay(self, replay: CatalogueReplay) -> bytes: ...

    def challenge(self, track: SimulatedTrack) -> bytes: ...


def open_file_source(settings: Settings) -> FileSource:
    """Return the file source for `settings`. Raise InvalidInput for a folder without readable replays."""
    # Imported on first use: both load the GBX packages.
    if settings.gbx_dir is not None:
        from tmxdb_sandbox.files.real import RealFiles

        return RealFiles(settings.gbx_dir)
    from tmxdb_sandbox.files.generated import GeneratedFiles

    return GeneratedFiles(settings)
