"""The card of a folder of centre lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tmxdb.export.centerlines.export import LineResult, LineSource, file_name
from tmxdb.export.folder_card import FolderFacts, describe_folder
from tmxdb.storage import id_name

_SHOWN = 20
_SOURCES = {"best": "the lowest race time", "record": "the first on the leaderboard", "first": "the first uploaded"}


def describe_lines(
    out: Path,
    sources: Sequence[LineSource],
    results: Sequence[LineResult],
    distance_m: float,
    source: str,
    without: Sequence[int],
) -> str | None:
    """Write the card and the sums of the folder. Return a sentence if a user's file was kept.

    `without`: tracks that were asked for and have no downloaded replay.
    """
    gaps = [
        _tracks("without a downloaded replay", without),
        _tracks("whose replay has no usable line", [one.track_id for one in results if one.error]),
        _tracks(
            "whose run has respawns, which may leave gaps in the line",
            [one.track_id for one in results if one.respawns and not one.error],
        ),
    ]
    facts = FolderFacts(
        "Centre lines of TrackMania tracks",
        ("virtual-checkpoints",),
        (
            "One NumPy file for each track: float64 of shape (N, 3), points in metres, y up, in the order of driving.",
            "They are computed from the positions of a ghost as linesight and rulka do.",
        ),
        {"distance between points": f"{distance_m} m", "replay of each track": _SOURCES[source]},
        [gap for gap in gaps if gap],
    )
    written = {file_name(one.track_id, distance_m): None for one in results if not one.error}
    return describe_folder(out, facts, written, [file_name(one.track_id, distance_m) for one in sources])


def _tracks(text: str, track_ids: Sequence[int]) -> str:
    names = ", ".join(map(id_name, track_ids[:_SHOWN])) + (", …" if len(track_ids) > _SHOWN else "")
    return f"tracks {text}: {len(track_ids):,} ({names})" if track_ids else ""
