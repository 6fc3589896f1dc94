"""`tmxdb export vcp`: centre lines of tracks ("virtual checkpoints") from the positions of a ghost."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, float_range
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import first_few, say_missing
from tmxdb.cli.shared.output import message, plural, print_json
from tmxdb.cli.shared.signals import if_interrupted, stop_signals
from tmxdb.cli.shared.suffix import check_folder_name
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.export.centerlines.export import LineResult

SHOWN = 5
_FORCED = "Interrupted. With --force, the same command starts over; without it, only missing lines are written."


@dataclass(frozen=True)
class LineExportOptions:
    """How the lines are made."""

    distance: float = option_field(
        "--distance",
        type=float_range(0.01, 1000),
        metavar="METRES",
        default=0.5,
        show_default=True,
        help="Distance between two points.",
    )
    source: str = option_field(
        "--source",
        type=WordChoice(["best", "record", "first"]),
        metavar="NAME",
        default="best",
        show_default=True,
        help="Replay of each track. best: lowest race time; record: first on the leaderboard; first: uploaded first.",
    )
    processes: int | None = processes_field("--n")
    force: bool = option_field("--force", is_flag=True, default=False, help="Write files again that exist already.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Count the tracks; write nothing.")
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@command("vcp")
@click.argument("out", type=click.Path(path_type=Path))
def vcp(
    out: Path, options: LineExportOptions, track_selection: TrackSelection, storage_options: StorageOptions
) -> None:
    """Write the centre line of each track into the folder OUT, as linesight and rulka read it.

    \b
      tmxdb export vcp maps/vcp
      tmxdb export vcp maps/vcp --track-id 2233 --distance 0.5 --source record

    One file per track, such as 2233_0.5m_cl.npy: points about 0.5 m apart along the
    positions of a downloaded replay. Files that exist already are kept, so the same
    command continues after an interruption.
    """
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.export.centerlines.card import describe_lines
    from tmxdb.export.centerlines.export import file_name, line_sources, write_lines
    from tmxdb.export.export_lock import ExportLock
    from tmxdb.export.folder_card import begin_files, is_described, left_unfinished
    from tmxdb.export.track_ids import unknown_tracks
    from tmxdb.paths import extended

    check_folder_name(out, "`export vcp`")
    database = open_database(storage_options, read_only=True)
    wanted = track_selection.tracks(database)
    sources = line_sources(database, open_files(storage_options, database).root, options.source, wanted)
    unknown = unknown_tracks(database, wanted)
    say_missing("track", unknown)
    without = sorted(set(wanted) - {source.track_id for source in sources} - set(unknown))
    if without:
        message(f"No finished replay of {plural(len(without), 'track')} is downloaded: {first_few(without, ', ')}.")
    elif not sources and not unknown:
        message("No finished replay is downloaded. Run `tmxdb work --kind download` first.")
    if sources and not options.dry_run:
        lock = ExportLock(extended(out))
        lock.acquire()  # before looking which files exist: another export could be writing them
        click.get_current_context().call_on_close(lock.release)
    missing = [
        source
        for source in sources
        if options.force or not (out / file_name(source.track_id, options.distance)).exists()
    ]
    existing = len(sources) - len(missing)
    kept: str | None = None
    left = left_unfinished(out)
    if left and not options.force:
        message(
            f"An earlier export into {out} was interrupted. {plural(len(left), 'file')} that it was writing are kept;"
            " write them again with --force if its options were others."
        )
    results: list[LineResult] = []
    if missing and not options.dry_run:
        with (
            if_interrupted(_FORCED if options.force else None),
            stop_signals() as signals,
            progress_bar(len(missing), "tracks", progress=options.progress) as bar,
        ):
            signals.say = message_above_bars

            def record(result: LineResult) -> None:
                results.append(result)
                bar.update()

            begin_files(out, {file_name(source.track_id, options.distance) for source in missing})
            try:
                write_lines(
                    out,
                    missing,
                    options.distance,
                    processes=options.processes or os.cpu_count() or 1,
                    force=options.force,
                    stop=signals.stop,
                    on_result=record,
                )
            finally:  # files written before an interruption get their sums, too
                kept = describe_lines(out, sources, results, options.distance, options.source, without)
    elif sources and not options.dry_run:
        names = [file_name(source.track_id, options.distance) for source in sources]
        if not is_described(out, names):
            kept = describe_lines(out, sources, results, options.distance, options.source, without)
    if kept:
        message(kept)
    failed = [result for result in results if result.error]
    counts = {
        "written": len(missing) if options.dry_run else len(results) - len(failed),
        "existing": existing,
        "failed": len(failed),
        "points": sum(result.points for result in results),
    }
    if options.as_json:
        print_json(counts)
    _report(results, counts, dry_run=options.dry_run)
    if failed or without or unknown:
        sys.exit(SOME_FAILED)


def _report(results: list[LineResult], counts: dict[str, int], *, dry_run: bool) -> None:
    for result in [result for result in results if result.error][:SHOWN]:
        message(f"Track {id_name(result.track_id)}, replay {id_name(result.replay_id)}: {result.error}")
    respawned = [result.track_id for result in results if result.respawns and not result.error]
    if respawned:
        message(f"Runs with respawns, whose lines may have gaps: tracks {first_few(respawned, ', ')}.")
    verb = "would be written" if dry_run else "written"
    failed = f"; {counts['failed']:,} failed" if counts["failed"] else ""
    message(f"{plural(counts['written'], 'line')} {verb}; {counts['existing']:,} exist already{failed}.")
