"""`tmxdb export frames`: captured frames as a data set."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.commands.export.checking import check_frames
from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.cli.opening.database import open_database, open_storage
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import first_few
from tmxdb.cli.shared.output import message, plural, print_json, print_table
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.errors import UsageError
from tmxdb.export.frames.plan import FORMATS, PICTURES, ExportOptions, Shard, plan
from tmxdb.export.frames.split import SPLIT_RULES, parse_split

if TYPE_CHECKING:
    from tmxdb.db.engine import Database
    from tmxdb.export.frames.capture_filter import CaptureFilter
    from tmxdb.export.frames.sharded_export import Export

SHARE_TOLERANCE = 0.1
"""A part that is larger or smaller than requested by more than this gets a message."""
PROBLEMS_SHOWN = 5
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
    split: str = option_field(
        "--split",
        metavar="NAME=SHARE,…",
        default="train=0.9,val=0.1",
        show_default=True,
        help="Parts and their shares. All runs on a map are in the same part.",
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
        "--mixed", is_flag=True, default=False, help="Allow captures of several sizes or rates in one data set."
    )
    check: bool = option_field(
        "--check", is_flag=True, default=False, help="Read an existing export completely and report problems."
    )
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show the parts; write nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@command("frames")
@click.argument("out", type=click.Path(path_type=Path))
def frames(
    out: Path, options: FrameExportOptions, track_selection: TrackSelection, storage_options: StorageOptions
) -> None:
    """Write captured frames as a data set for training into the folder OUT. Interrupted, the same command continues.

    \b
      tmxdb export frames dataset --split train=0.8,val=0.1,test=0.1
      tmxdb export frames dataset --format parquet --only-exact
      tmxdb export frames dataset --check

    No map is in two parts. Runs are shuffled and never divided; a sample is named
    by capture and step.
    """
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.export.frames.capture_filter import select_captures
    from tmxdb.export.frames.sharded_export import open_export
    from tmxdb.export.track_ids import unknown_tracks

    if options.check:
        check_frames(out, as_json=options.as_json, progress=options.progress)
        return
    database = open_database(storage_options, read_only=True)
    export_options, capture_filter = _parse(options, track_selection, database)
    unknown = unknown_tracks(database, capture_filter.track_ids)
    if unknown:
        message(f"{plural(len(unknown), 'track')} not in the database: {first_few(unknown, ', ')}.")
    if options.dry_run:
        shards = plan(export_options, select_captures(database, capture_filter))
        _report(export_options, shards, as_json=options.as_json)
        sys.exit(SOME_FAILED if unknown else 0)
    data = open_storage(storage_options, database).root
    with stop_signals() as signals:
        data_set = open_export(out, export_options, lambda: select_captures(database, capture_filter))
        _say_progress(data_set)
        total = sum(shard.frames for shard in data_set.missing)
        with progress_bar(total, "frames", progress=options.progress) as bar:
            signals.say = message_above_bars
            data_set.write(data, stop=signals.stop, on_frame=bar.update, on_shard=lambda written: None)
    _report(export_options, data_set.shards, as_json=options.as_json)
    if data_set.left_out:
        for reason in list(data_set.left_out.values())[:PROBLEMS_SHOWN]:
            message(f"Left out: {reason}")
        message(f"{plural(len(data_set.left_out), 'run')} left out.")
    if data_set.left_out or unknown:
        sys.exit(SOME_FAILED)


def _parse(
    options: FrameExportOptions, track_selection: TrackSelection, database: Database
) -> tuple[ExportOptions, CaptureFilter]:
    from tmxdb.export.frames.capture_filter import CaptureFilter

    settings = {}
    for text in options.settings:
        name, _, value = text.partition("=")
        if not (name and value):
            raise UsageError(f"--setting {text}: write it as NAME=VALUE, such as width=64.", code="input.setting")
        settings[name.replace("-", "_")] = value
    if options.form in _ONE_SIZE and options.mixed:
        raise UsageError(
            f"--mixed: a {_ONE_SIZE[options.form]} data set has one size and one rate.", code="input.mixed"
        )
    if options.form not in PICTURES[options.pictures]:
        raise UsageError(
            f"--pictures {options.pictures}: only with --format {', '.join(PICTURES[options.pictures])}.",
            code="input.pictures",
        )
    capture_filter = CaptureFilter(track_selection.tracks(database), settings, options.only_exact, options.mixed)
    export_options = ExportOptions(
        options.form,
        parse_split(options.split),
        options.seed,
        options.shard_frames,
        str(capture_filter),
        options.pictures,
        options.split_rule,
    )
    return export_options, capture_filter


def _say_progress(data_set: Export) -> None:
    missing = data_set.missing
    if data_set.damaged_records:
        lines = "1 line was" if data_set.damaged_records == 1 else f"{data_set.damaged_records:,} lines were"
        message(
            f"{data_set.out}: {lines} cut short in the list of finished shards. Shards without an entry are written"
            " again."
        )
    if not missing:
        message(f"{data_set.out}: all {plural(len(data_set.shards), 'shard')} already written.")
    elif data_set.written:
        done = len(data_set.shards) - len(missing)
        message(f"{data_set.out}: {done:,} of {plural(len(data_set.shards), 'shard')} already written; continuing.")


def _report(options: ExportOptions, shards: Sequence[Shard], *, as_json: bool) -> None:
    """Print the parts and their sizes, and say which differ from the requested shares."""
    parts = {}
    for name in options.shares:
        mine = [shard for shard in shards if shard.split == name]
        runs = [run for shard in mine for run in shard.captures]
        tracks = len({run.track_id for run in runs})
        parts[name] = {"shards": len(mine), "tracks": tracks, "runs": len(runs), "frames": sum(s.frames for s in mine)}
    if as_json:
        print_json(parts)
    else:
        print_table(
            ("part", "shards", "tracks", "runs", "frames"), [(name, *part.values()) for name, part in parts.items()]
        )
    total = sum(part["frames"] for part in parts.values())
    unit = "map" if options.split_rule == "map" else "track"
    for name, share in options.shares.items():
        actual = parts[name]["frames"] / total
        if abs(actual - share) > SHARE_TOLERANCE:
            message(
                f"{name} has {actual:.0%} of the frames instead of {share:.0%}: all runs on a {unit} go to the same"
                f" part, and there are few {unit}s. Another --seed may fit better."
            )
