"""The card of a data set: `README.md` with the front matter of the Hugging Face Hub, for people and for the Hub.

docs/facts/training.md#hugging-face-datasets
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tmxdb import __version__
from tmxdb.capture.output.picture_lag import ASSUMED, CERTAIN, DOUBTFUL, lag_doubt
from tmxdb.export.frames.plan import ExportOptions, Shard, as_typed
from tmxdb.export.hub_card import LICENCE, front_matter, signed

_PATTERNS = {
    "webdataset": "{split}/*.tar",
    "parquet": "data/{split}-*.parquet",
    "huggingface": "data/{split}-*.parquet",
    "huggingface-files": "{split}/**",
    "lerobot": "{split}/data/*/*.parquet",
}
"""Files that the Hub reads as a data set. It does not read the other formats."""
_TAGS = {"lerobot": "LeRobot", "huggingface": "datasets"}
DROPPED_BECAUSE = {
    "lerobot": "not due, and LeRobot needs a constant frame rate",
    "minari": "the only frame of a run, which has no action",
}
"""Why a format cannot contain some frames."""
_SETTINGS = ("width", "height", "fps", "color", "quality", "camera", "frame_source", "drive", "running_speed")


@dataclass(frozen=True, slots=True)
class PartSize:
    """What one part of the data set contains."""

    name: str
    shards: int
    maps: int
    runs: int
    """Captures, also those of which all frames were dropped."""
    frames: int
    dropped: int = 0
    """Frames that the format cannot contain. They are not in `frames`."""

    @property
    def row(self) -> str:
        """Its row in the card's table."""
        return f"| {self.name} | {self.shards:,} | {self.maps:,} | {self.runs:,} | {self.frames:,} |"


def part_sizes(
    options: ExportOptions, shards: Iterable[Shard], left_out: Mapping[int, str], dropped: Mapping[str, int]
) -> list[PartSize]:
    """Return the size of each part, without the runs that were left out and the frames that were dropped.

    `dropped`: how many frames of each shard, by file name.
    """
    every = list(shards)
    sizes = []
    for name in options.shares:
        mine = [shard for shard in every if shard.split == name]
        runs = [run for shard in mine for run in shard.captures if run.capture_id not in left_out]
        maps = len({run.map_uid or f"track {run.track_id}" for run in runs})
        n_dropped = sum(dropped.get(shard.file, 0) for shard in mine)
        frames = sum(run.frame_count for run in runs) - n_dropped
        sizes.append(PartSize(name, len(mine), maps, len(runs), frames, n_dropped))
    return sizes


def data_card(
    options: ExportOptions, parts: Sequence[PartSize], runs: Sequence[Mapping[str, Any]], *, left_out: int, created: str
) -> str:
    """Return the text of the card. `runs`: the metadata of every run; `created`: ISO 8601."""
    frames = sum(part.frames for part in parts)
    configs = _configs(options.kind, [part.name for part in parts if part.shards])
    settings = [run["settings"] for run in runs if isinstance(run.get("settings"), dict)]
    doubts = _lag_doubts(runs)
    lines = [
        *front_matter(
            "Captured TrackMania runs",
            ("trackmania", "behavior-cloning", "image", _TAGS.get(options.form, options.form)),
            ("reinforcement-learning",),
            frames,
            configs,
            {
                f"picture_lag_{doubt}_{what}": n
                for doubt, (n_runs, n_frames) in doubts.items()
                for what, n in (("runs", n_runs), ("frames", n_frames))
            },
        ),
        "# Captured TrackMania runs",
        "",
        "Frames of replays that were driven again in the game, each labelled with the inputs and the car's state at",
        f"the tick that it shows. Captured by tmxdb {_values(runs, 'tmxdb_version')}; exported by tmxdb {__version__}",
        f"on {created[:10]}.",
        "",
        "| part | shards | maps | runs | frames |",
        "| --- | --- | --- | --- | --- |",
        *(part.row for part in parts),
        "",
        _split_rule(options),
        f"Captures: {as_typed(options.captures)}.",
        "",
        "## Settings",
        "",
        *(f"- `{name}`: {_values(settings, name)}" for name in _SETTINGS),
        "",
        "## Known gaps",
        "",
        f"- Due frames without a picture: {_total(runs, 'frames_missed'):,}.",
        f"- Frames later than due: {_total(runs, 'frames_late'):,}.",
        *_dropped_line(options.form, sum(part.dropped for part in parts)),
        f"- Black pictures: {_total(runs, 'frames_black'):,}; frozen ones: {_total(runs, 'frames_frozen'):,}.",
        _lag_line(doubts),
        f"- Runs whose race time differs from the replay's: {sum(run.get('time_matches') is False for run in runs):,}.",
        f"- Runs left out because their files were damaged: {left_out:,}.",
        "",
        "## Files",
        "",
        "`runs.jsonl` lists every run with its metadata, part and shard.",
        "`SHA256SUMS` has the SHA-256 of every file.",
        "`tmxdb export --check FOLDER` compares them, and reads every shard.",
        "",
        *LICENCE,
    ]
    return signed("\n".join(lines))


def _dropped_line(form: str, dropped: int) -> list[str]:
    if form not in DROPPED_BECAUSE:
        return []
    counted = " Runs without any other frame are counted, and listed in `runs.jsonl`, all the same." if dropped else ""
    return [f"- Frames left out ({DROPPED_BECAUSE[form]}): {dropped:,}.{counted}"]


def _lag_doubts(runs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return how many runs, and captured frames, have an assumed and a doubtful lag of their pictures."""
    found = {}
    for doubt in (ASSUMED, DOUBTFUL):
        mine = [run for run in runs if lag_doubt(run) == doubt]
        found[doubt] = (len(mine), _total(mine, "total_frames"))
    return found


def _lag_line(doubts: Mapping[str, tuple[int, int]]) -> str:
    (assumed, assumed_frames), (doubtful, doubtful_frames) = doubts[ASSUMED], doubts[DOUBTFUL]
    return (
        "- Runs whose labels may be some ticks off, because the lag of their pictures was assumed, not measured:"
        f" {assumed:,} ({assumed_frames:,} frames); measured with a confidence below {CERTAIN:g}: {doubtful:,}"
        f" ({doubtful_frames:,} frames)."
    )


def _split_rule(options: ExportOptions) -> str:
    if options.split_rule == "map":
        return f"All runs on a map are in one part: a hash of the map's uid and seed {options.seed} decides."
    return (
        f"All runs on a track are in one part: the tracks were shuffled with seed {options.seed}, as rulka does. Tracks"
        " with the same map may be in different parts."
    )


def _configs(kind: str, parts: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the files that the Hub reads as the frames of each part."""
    pattern = _PATTERNS.get(kind)
    return {"default": [(name, pattern.format(split=name)) for name in parts]} if pattern else {}


def card_problem(card: str, parts: Sequence[PartSize]) -> str | None:
    """Return what is wrong with the counts in a card; None if they are right. Other text may have been changed."""
    wrong = [part.name for part in parts if part.row not in card]
    if not wrong:
        return None
    return f"the counts of {', '.join(wrong)} differ. Delete it and run the same export again."


def _values(runs: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the different values of a field, in order."""
    values = sorted({str(run[name]) for run in runs if name in run})
    return ", ".join(values) or "unknown"


def _total(runs: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(value for run in runs if isinstance(value := run.get(name), int))
