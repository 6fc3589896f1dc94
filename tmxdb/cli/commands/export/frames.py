"""`tmxdb export frames`: captured frames as a data set."""

from __future__ import annotations

import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.commands.export.checking import check_frames
from tmxdb.cli.commands.export.frame_options import FrameExportOptions, export_options_of
from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.opening.database import open_database, open_storage
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import first_few, say_missing
from tmxdb.cli.shared.output import message, plural, print_json, print_table
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.cli.shared.suffix import check_folder_name
from tmxdb.export.frames.data_card import DROPPED_BECAUSE
from tmxdb.export.frames.plan import ExportOptions, Shard, plan

if TYPE_CHECKING:
    from tmxdb.export.frames.sharded_export import Export

SHARE_TOLERANCE = 0.1
"""A part that is larger or smaller than requested by more than this gets a message."""
PROBLEMS_SHOWN = 5


@command("frames")
@click.argument("out", type=click.Path(path_type=Path))
def frames(
    out: Path, options: FrameExportOptions, track_selection: TrackSelection, storage_options: StorageOptions
) -> None:
    """Write captured frames as a data set for training into the folder OUT. Interrupted, the same command continues.

    \b
      tmxdb export frames dataset --split "train=0.8,val=0.1,test=0.1"
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
    check_folder_name(out, "`export frames`")
    database = open_database(storage_options, read_only=True)
    export_options, capture_filter = export_options_of(options, track_selection, database)
    unknown = unknown_tracks(database, capture_filter.track_ids)
    say_missing("track", unknown)
    if options.dry_run:
        shards = plan(export_options, select_captures(database, capture_filter))
        _report(export_options, shards, {}, {}, as_json=options.as_json)
        sys.exit(SOME_FAILED if unknown else 0)
    data = open_storage(storage_options, database).root
    with stop_signals() as signals:
        by_ids = replace(export_options, captures=str(replace(capture_filter, tracks="")))  # as 0.22.1 wrote them
        data_set = open_export(out, export_options, lambda: select_captures(database, capture_filter), older=by_ids)
        data_set.retry_left_out(data)
        _say_progress(data_set)
        _say_missing_lines(data_set)
        total = sum(shard.frames for shard in data_set.missing)
        with progress_bar(total, "frames", progress=options.progress) as bar:
            signals.say = message_above_bars
            data_set.write(data, stop=signals.stop, on_frame=bar.update, on_shard=lambda written: None)
    dropped = data_set.dropped
    _report(export_options, data_set.shards, data_set.left_out, dropped, as_json=options.as_json)
    if n_dropped := sum(dropped.values()):
        message(f"{plural(n_dropped, 'frame')} left out: {DROPPED_BECAUSE[export_options.form]}.")
    if data_set.left_out:
        for reason in list(data_set.left_out.values())[:PROBLEMS_SHOWN]:
            message(f"Left out: {reason}")
        message(f"{plural(len(data_set.left_out), 'run')} left out.")
    if data_set.left_out or unknown:
        sys.exit(SOME_FAILED)


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


def _say_missing_lines(data_set: Export) -> None:
    from tmxdb.export.frames.rulka import line_path

    if data_set.options.vcp:
        tracks = sorted({run.track_id for shard in data_set.shards for run in shard.captures})
        without = [track for track in tracks if not line_path(Path(data_set.options.vcp), track).exists()]
        if without:
            message(
                f"{data_set.options.vcp}: no centre line of {plural(len(without), 'track')}:"
                f" {first_few(without, ', ')}. Their states have no zones."
            )


def _report(
    options: ExportOptions,
    shards: Sequence[Shard],
    left_out: Container[int],
    dropped: Mapping[str, int],
    *,
    as_json: bool,
) -> None:
    """Print the parts and their sizes, and say which differ from the requested shares.

    `left_out`: the captures of `shards` that are in none of them, because they are damaged. `dropped`: how many frames
    of each shard its format cannot contain.
    """
    parts = {}
    for name in options.shares:
        mine = [shard for shard in shards if shard.split == name]
        runs = [run for shard in mine for run in shard.captures if run.capture_id not in left_out]
        tracks = len({run.track_id for run in runs})
        frames = sum(run.frame_count for run in runs) - sum(dropped.get(shard.file, 0) for shard in mine)
        parts[name] = {"shards": len(mine), "tracks": tracks, "runs": len(runs), "frames": frames}
    if as_json:
        print_json(parts)
    else:
        print_table(
            ("part", "shards", "tracks", "runs", "frames"), [(name, *part.values()) for name, part in parts.items()]
        )
    total = sum(part["frames"] for part in parts.values())
    unit = "map" if options.split_rule == "map" else "track"
    for name, share in options.shares.items():
        actual = parts[name]["frames"] / max(total, 1)
        if abs(actual - share) > SHARE_TOLERANCE or not parts[name]["frames"]:
            message(
                f"{name} has {actual:.0%} of the frames instead of {share:.0%}: all runs on a {unit} go to the same"
                f" part, and there are few {unit}s. Another --seed may fit better."
            )
