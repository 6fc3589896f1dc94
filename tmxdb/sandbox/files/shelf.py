"""Where GBX bytes come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tmxdb.sandbox.catalogue.board import Replay
from tmxdb.sandbox.catalogue.scenery import RealMap
from tmxdb.sandbox.catalogue.track import Track
from tmxdb.sandbox.settings import Settings


class Shelf(Protocol):
    """Bytes of files, always the same for the same replay and the same version of a track."""

    scenery: Sequence[RealMap]  # what the catalogue has to look like; empty if anything goes

    def replay(self, replay: Replay) -> bytes: ...

    def challenge(self, track: Track) -> bytes: ...


def open_shelf(settings: Settings) -> Shelf:
    """Raises BadInput for a folder without replays that can be read."""
    # Both need the GBX rooms; whoever asks for neither kind of file need not wait for them.
    if settings.gbx_dir is not None:
        from tmxdb.sandbox.files.real import RealShelf

        return RealShelf(settings.gbx_dir)
    from tmxdb.sandbox.files.made import MadeShelf

    return MadeShelf(settings)
