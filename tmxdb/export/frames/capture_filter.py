"""Which captures an export contains: finished ones that match the user's filter and look alike."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from sqlalchemy import func, select

from tmxdb.capture.settings import SETTING_DEFAULTS, SETTING_NAMES
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, TrackRow
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.export.frames.plan import ExportedRun, as_typed

APPEARANCE = ("width", "height", "fps", "color", "camera", "frame_source")
"""Settings that make pictures look different. A data set has one value of each, unless the user wants it mixed."""


@dataclass(frozen=True, slots=True)
class CaptureFilter:
    """Which captures to export. An empty filter selects every finished capture.

    `tracks`: the tracks in the user's words, where their ids may change; empty: `track_ids` says it. `settings`:
    required values of capture settings, by name; raise UsageError for an unknown name. `only_exact`: only runs that
    finished at the time of the replay and miss no frame. `mixed`: allow different APPEARANCE.
    `ghosts`: allow captures of watched ghosts, whose frames have no labels.
    """

    track_ids: Collection[int] = ()
    settings: dict[str, str] = field(default_factory=dict)
    only_exact: bool = False
    mixed: bool = False
    tracks: str = ""
    ghosts: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "track_ids", frozenset(self.track_ids))
        for name in self.settings:
            if name not in SETTING_NAMES:
                raise UsageError(f"--setting {name}: unknown setting.{_suggestion(name)}", code="input.setting")

    def __str__(self) -> str:
        """Return the filter as text. Equal filters have equal text."""
        parts = [self.tracks] if self.tracks else [f"track {track_id}" for track_id in sorted(self.track_ids)]
        parts += [f"{name}={value}" for name, value in sorted(self.settings.items())]
        parts += ["only exact"] * self.only_exact + ["mixed"] * self.mixed
        return ", ".join(parts) or "all"


def _suggestion(name: str) -> str:
    similar = get_close_matches(name, SETTING_NAMES, n=1)
    return f" Did you mean {similar[0]}?" if similar else f" Known settings: {', '.join(SETTING_NAMES)}."


def select_captures(database: Database, wanted: CaptureFilter) -> list[ExportedRun]:
    """Return the captures to export.

    The uid of the map comes from the map's file, then from the replay's file, and only then from the list of tracks,
    which does not know it for tracks that were added without a look-up.

    Raise InvalidInput if no capture matches, with the reasons; if they differ in APPEARANCE and not `mixed`; or if some
    show a watched ghost and not `ghosts`.
    """
    selected: list[ExportedRun] = []
    appearances: dict[tuple[object, ...], int] = {}
    excluded: dict[str, int] = {}
    n_ghosts = 0
    with database.read() as connection:
        for row in connection.execute(_CAPTURES):
            settings = SETTING_DEFAULTS | json.loads(row.settings)
            reason = _exclusion(row, settings, wanted)
            if reason:
                excluded[reason] = excluded.get(reason, 0) + 1
                continue
            n_ghosts += settings.get("drive") == "ghost"
            selected.append(
                ExportedRun(row.capture_id, row.replay_id, row.track_id, row.map_uid, row.folder_path, row.frame_count)
            )
            appearance = tuple(settings.get(name) for name in APPEARANCE)
            appearances[appearance] = appearances.get(appearance, 0) + 1
    if not selected:
        raise InvalidInput(_nothing(wanted, excluded), code="input.nothing")
    if n_ghosts and not wanted.ghosts:
        raise InvalidInput(_ghosts(n_ghosts, len(selected)), code="input.mixed")
    if len(appearances) > 1 and not wanted.mixed:
        raise InvalidInput(_mixed(appearances), code="input.mixed")
    return selected


_CAPTURES = (
    select(
        CaptureRow.capture_id,
        CaptureRow.replay_id,
        CaptureRow.track_id,
        func.coalesce(ReplayRow.map_uid, MapRow.uid, TrackRow.uid, "").label("map_uid"),
        CaptureRow.folder_path,
        CaptureRow.frame_count,
        CaptureRow.frames_missed,
        CaptureRow.time_matches,
        CaptureRow.status,
        CaptureRow.settings,
    )
    .join(TrackRow, TrackRow.track_id == CaptureRow.track_id)
    .outerjoin(MapRow, MapRow.track_id == CaptureRow.track_id)
    .outerjoin(ReplayRow, ReplayRow.replay_id == CaptureRow.replay_id)
    .order_by(CaptureRow.capture_id)
)


def _exclusion(row: Any, settings: dict[str, object], wanted: CaptureFilter) -> str | None:
    """Return why a capture is not exported; None if it is."""
    if wanted.track_ids and row.track_id not in wanted.track_ids:
        return "of other tracks"
    if row.status != "done":
        return "not finished"
    if not row.frame_count:
        return "without frames"
    for name, value in wanted.settings.items():
        if not _matches(settings.get(name), value):
            return f"with {name}={settings.get(name)}"
    if wanted.only_exact and (not row.time_matches or row.frames_missed):
        return "not exact (--only-exact)"
    return None


def _matches(actual: object, text: str) -> bool:
    if isinstance(actual, float):
        with suppress(ValueError):
            return float(text) == actual
    return str(actual).lower() == text.lower()


def _nothing(wanted: CaptureFilter, excluded: dict[str, int]) -> str:
    if not excluded:
        return (
            "there are no captures. Request some with `tmxdb add-captures`, then make them with"
            " `tmxdb work --kind capture`."
        )
    counts = sorted(excluded.items(), key=lambda item: -item[1])
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts[:_REASONS_SHOWN])
    asked = replace(wanted, mixed=False)  # which leaves none out
    return f"no finished capture matches ({as_typed(str(asked))}). Captures left out: {reasons}."


_REASONS_SHOWN = 6


def _ghosts(ghosts: int, selected: int) -> str:
    advice = "Request others with `tmxdb add-captures --drive script`."
    if ghosts < selected:
        advice = "Export the others with --setting drive=script."
    return (
        f"{ghosts:,} of {selected:,} selected captures show a watched ghost (--drive ghost), so their frames have no"
        f" inputs and no state of the car. {advice}"
    )


def _mixed(appearances: dict[tuple[object, ...], int]) -> str:
    differing = [i for i in range(len(APPEARANCE)) if len({appearance[i] for appearance in appearances}) > 1]
    groups = [
        f"{n:,} with " + ", ".join(f"{APPEARANCE[i]}={appearance[i]}" for i in differing)
        for appearance, n in sorted(appearances.items(), key=lambda item: -item[1])[:5]
    ]
    return (
        f"the selected captures have different settings: {'; '.join(groups)}."
        f" Choose some with --setting {APPEARANCE[differing[0]]}=…, or export all of them with --mixed."
    )
