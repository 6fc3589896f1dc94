"""The options of `tmxdb export frames`, and what they ask of an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.errors import UsageError
from tmxdb.export.frames.plan import FORMATS, PICTURES, ExportOptions
from tmxdb.export.frames.split import SPLIT_RULES, parse_split
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.export.frames.capture_filter import CaptureFilter

_ONE_SIZE = {"lerobot": "LeRobot", "minari": "Minari"}


@dataclass(frozen=True)
class FrameExportOptions:
    """The form of the data set and which captures go into it."""

    form: str = option_field(
        "--format",
        type=WordChoice(FORMATS),
        metavar="FORMAT",
        default="webdataset",
        show_default=True,
        help="webdataset: tar shards. parquet: one row per frame with its picture. huggingface: the same, for"
        " the Hub. lerobot, minari: a LeRobot 3.0 or Minari data set for each part. rulka: its folders of frames."
        ' All but webdataset and rulka need pip install "tmxdb[parquet,arrays,minari]".',
    )
    pictures: str = option_field(
        "--pictures",
        type=WordChoice(tuple(PICTURES)),
        metavar="WHERE",
        default="rows",
        show_default=True,
        help="rows: in the rows, unchanged. files: with huggingface, an image folder. video: with lerobot, MP4 files;"
        ' needs pip install "tmxdb[video]".',
    )
    split: tuple[str, ...] = option_field(
        "--split",
        multiple=True,
        metavar="NAME=SHARE,…",
        default=("train=0.9,val=0.1",),
        show_default=True,
        help="Parts and their shares, which add up to 1; or whole numbers, such as train=8,val=2. All runs on a map are"
        " in the same part.",
    )
    split_rule: str = option_field(
        "--split-rule",
        type=WordChoice(SPLIT_RULES),
        metavar="RULE",
        default="map",
        show_default=True,
        help="map: a hash of the map's uid. track-shuffle: rulka's rule, to compare with its results; use --seed 42.",
    )
    seed: int = option_field(
        "--seed",
        type=int_range(-(2**31)),
        metavar="N",
        default=0,
        show_default=True,
        help="Seed for the parts and the order.",
    )
    shard_frames: int = option_field(
        "--shard-frames",
        type=int_range(1),
        metavar="N",
        default=10_000,
        show_default=True,
        help="Frames per shard; a run is never divided.",
    )
    vcp: Path | None = option_field(
        "--vcp",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        metavar="FOLDER",
        help="With rulka: what `tmxdb export vcp` wrote into FOLDER, for the zones ahead and the distance to the finish"
        ' in each state. Needs pip install "tmxdb[arrays]".',
    )
    settings: tuple[str, ...] = option_field(
        "--setting",
        multiple=True,
        metavar="NAME=VALUE",
        help="Only captures with this setting, such as width=64; repeatable.",
    )
    only_exact: bool = option_field(
        "--only-exact",
        is_flag=True,
        default=False,
        help="Only runs that ended at the replay's own time, with no frame missing.",
    )
    mixed: bool = option_field(
        "--mixed",
        is_flag=True,
        default=False,
        help="Allow captures of different sizes, rates, colours or cameras in one data set.",
    )
    check: bool = option_field(
        "--check", is_flag=True, default=False, help="Read an existing export completely and report problems."
    )
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show the parts; write nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


def export_options_of(
    options: FrameExportOptions, track_selection: TrackSelection, database: Database
) -> tuple[ExportOptions, CaptureFilter]:
    """Return what to export, and of which captures. Raise UsageError if options do not go together."""
    from tmxdb.export.frames.capture_filter import CaptureFilter

    settings: dict[str, str] = {}
    for text in options.settings:
        name, _, value = text.partition("=")
        name = name.replace("-", "_")
        if not (name and value):
            raise UsageError(f"--setting {text}: write it as NAME=VALUE, such as width=64.", code="input.setting")
        if name in settings:
            raise UsageError(
                f"--setting {name} is given twice: {settings[name]} and {value}. Choose one value.",
                code="input.setting",
            )
        settings[name] = value
    if options.form in _ONE_SIZE and options.mixed:
        raise UsageError(
            f"--mixed: a {_ONE_SIZE[options.form]} data set has one size and one rate.", code="input.mixed"
        )
    if options.form not in PICTURES[options.pictures]:
        raise UsageError(
            f"--pictures {options.pictures}: only with --format {', '.join(PICTURES[options.pictures])}.",
            code="input.pictures",
        )
    if options.vcp is not None and options.form != "rulka":
        raise UsageError("--vcp: only with --format rulka.", code="input.vcp")
    capture_filter = CaptureFilter(
        track_selection.tracks(database), settings, options.only_exact, options.mixed, _tracks(track_selection)
    )
    export_options = ExportOptions(
        options.form,
        parse_split(",".join(options.split)),
        options.seed,
        options.shard_frames,
        str(capture_filter),
        options.pictures,
        options.split_rule,
        str(options.vcp.resolve()) if options.vcp is not None else "",
    )
    return export_options, capture_filter


def _tracks(selection: TrackSelection) -> str:
    """Return the tracks of a named selection as text, which stays the same while its tracks change; else nothing."""
    if selection.only is None:
        return ""
    named = ", ".join(f"track {id_name(track_id)}" for track_id in sorted(selection.named_tracks))
    return f"selection {selection.only}" + (f" ({named})" if named else "")
