"""Which captures an export is about: rows that are done, by the user's conditions, all of one size and rate."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import func, select

from tmxdb.db.engine import Database
from tmxdb.db.models import Capture, Track
from tmxdb.errors import BadInput
from tmxdb.export.plan import Captured

ALIKE = ("width", "height", "fps", "color", "frame_source", "drive")
"""Settings that make two pictures unlike: a data set has one of each unless somebody wants it mixed."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Only captures that match all of it; nothing given: every capture that is done.

    `settings`: values of capture settings by name. `only_exact`: only runs whose finish time was that of the replay
    and of which no frame is missing.
    """

    track_ids: Collection[int] = ()
    settings: dict[str, str] = field(default_factory=dict)
    only_exact: bool = False
    mixed: bool = False

    def __str__(self) -> str:
        """As a person would write them, the same for the same conditions."""
        parts = [f"track {track_id}" for track_id in sorted(self.track_ids)]
        parts += [f"{name}={value}" for name, value in sorted(self.settings.items())]
        parts += ["only exact"] * self.only_exact + ["mixed"] * self.mixed
        return ", ".join(parts) or "all"


def choose(database: Database, wanted: Conditions) -> list[Captured]:
    """The captures to export. Raises BadInput if there are none, or some of several sizes and nobody said `mixed`."""
    query = select(
        Capture.capture_id,
        Capture.replay_id,
        Capture.track_id,
        Track.uid,
        Capture.folder_path,
        Capture.frame_count,
        Capture.settings,
    ).where(Capture.status == "done", Capture.track_id == Track.track_id, func.coalesce(Capture.frame_count, 0) > 0)
    if wanted.only_exact:
        query = query.where(Capture.time_matches.is_(True), func.coalesce(Capture.frames_missed, 0) == 0)
    chosen: list[Captured] = []
    looks: dict[tuple[object, ...], int] = {}
    tracks = frozenset(wanted.track_ids)
    with database.read() as connection:
        for row in connection.execute(query.order_by(Capture.capture_id)):
            settings = json.loads(row.settings)
            if tracks and row.track_id not in tracks:
                continue
            if any(str(settings.get(name)) != value for name, value in wanted.settings.items()):
                continue
            chosen.append(
                Captured(row.capture_id, row.replay_id, row.track_id, row.uid, row.folder_path, row.frame_count)
            )
            look = tuple(settings.get(name) for name in ALIKE)
            looks[look] = looks.get(look, 0) + 1
    if not chosen:
        raise BadInput(
            f"no finished capture matches ({wanted}). `tmxdb status` says how far captures are.", code="input.nothing"
        )
    if len(looks) > 1 and not wanted.mixed:
        raise BadInput(_told(looks), code="input.mixed")
    return chosen


def _told(looks: dict[tuple[object, ...], int]) -> str:
    differing = [i for i in range(len(ALIKE)) if len({look[i] for look in looks}) > 1]
    sorts = [
        f"{n:,} with " + ", ".join(f"{ALIKE[i]}={look[i]}" for i in differing)
        for look, n in sorted(looks.items(), key=lambda item: -item[1])[:5]
    ]
    return (
        f"these captures do not look alike: {'; '.join(sorts)}."
        f" Choose with --setting {ALIKE[differing[0]]}=…, or say --mixed."
    )
