"""`tmxdb convert-captures`: store the pictures of finished captures as files, a tar or a video."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from tmxdb.capture.settings import STORES
from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.framework.command import command, dry_run_option, json_option
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import say_missing
from tmxdb.cli.shared.output import file_size, message, plural, print_json


@dataclass(frozen=True)
class ConvertOptions:
    """The target."""

    to: str = option_field(
        "--to",
        type=WordChoice(list(STORES)),
        metavar="NAME",
        default="tar",
        show_default=True,
        help="files, tar, video or video-lossless.",
    )
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@command("convert-captures")
@dry_run_option
@json_option
def convert_captures(
    dry_run: bool, as_json: bool, options: ConvertOptions, tracks: TrackSelection, storage_options: StorageOptions
) -> None:
    """Store the pictures of finished captures in another way: a JPEG each, or one file for each run.

    \b
      tmxdb convert-captures --to tar
      tmxdb convert-captures --to video --track-id 2233 --dry-run

    Between files and tar nothing is lost. A video compresses the pictures again,
    unless it is lossless; the original JPEG bytes cannot be recovered.
    Interrupted, the same command continues.
    """
    from tmxdb.capture.store.convert import Converted, check_convertible, convert, loses, stored_as
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.cli.shared.signals import stop_signals
    from tmxdb.errors import InvalidInput
    from tmxdb.export.frames.capture_filter import CaptureFilter, select_captures
    from tmxdb.export.track_ids import unknown_tracks
    from tmxdb.storage.data_folder import process_owner

    database = open_database(storage_options, read_only=True)
    chosen = CaptureFilter(track_ids=tracks.tracks(database), mixed=True, ghosts=True)
    unknown = unknown_tracks(database, chosen.track_ids)
    say_missing("track", unknown)
    runs = select_captures(database, chosen)
    storage = open_files(storage_options, database)
    before: Counter[str] = Counter()
    problems: list[str] = []
    sizes = [0, 0]
    done = to_do = 0
    with stop_signals() as signals, progress_bar(len(runs), "captures", progress=options.progress) as bar:
        signals.say = message_above_bars
        for run in runs:
            if signals.stop.is_set():
                break
            try:
                folder = storage.absolute(run.folder_path)
                source = stored_as(folder)
                before[source] += 1
                result: Converted | None = None
                if dry_run:
                    check_convertible(folder, run.folder_path, options.to)
                    to_do += source != options.to
                else:
                    result = convert(storage, run.folder_path, options.to, owner=process_owner())
                if result is not None:
                    done += 1
                    sizes = [sizes[0] + result.bytes_before, sizes[1] + result.bytes_after]
            except InvalidInput as error:
                problems.append(f"capture {run.capture_id}: {error}")
            bar.update()
    losses = {source: why for source in before if (why := loses(source, options.to))}
    if as_json:
        print_json({"stored_as": dict(before), "to": options.to, "converted": done, "losses": losses,
                    "bytes_before": sizes[0], "bytes_after": sizes[1], "problems": problems})  # fmt: skip
    for source, why in losses.items():
        message(f"{plural(before[source], 'capture')} from {source} to {options.to}: {why}.")
    for problem in problems[:10]:
        message(problem)
    if dry_run:
        message(f"{plural(to_do, 'capture')} would be converted to {options.to}.")
    else:
        became = f": {file_size(sizes[0])} before, {file_size(sizes[1])} now" if done else ""
        message(f"{plural(done, 'capture')} converted to {options.to}{became}.")
    if signals.stop.is_set():
        message("Interrupted. Run the same command again to continue.")
        sys.exit(INTERRUPTED)
    if problems or unknown:
        sys.exit(SOME_FAILED)
