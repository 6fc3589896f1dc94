"""`tmxdb reread`: read the facts of downloaded files again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.reader import reader_field
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.clock import iso, wall_clock
from tmxdb.errors import UsageError

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.kinds.stored_facts import RereadResult
    from tmxdb.storage import Storage
    from tmxdb.upkeep.reread_progress import RereadProgress


@dataclass(frozen=True)
class RereadOptions:
    """Which files to read, and how."""

    all_files: bool = option_field(
        "--all", is_flag=True, default=False, help="Read all files, also those read by this version of tmxdb."
    )
    restart: bool = option_field(
        "--restart", is_flag=True, default=False, help="With --all: start over after an interruption."
    )
    store_inputs: bool = option_field(
        "--store-inputs/--no-inputs", default=True, help="Store every input event in the database.  [default: store]"
    )
    processes: int | None = processes_field()
    gbx_reader: str = reader_field()
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show how many files would be read.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@command()
def reread(options: RereadOptions, only: OnlyOption, storage_options: StorageOptions) -> None:
    """Read downloaded files again and store facts that an older tmxdb could not read. Nothing is downloaded.

    Local tracks that an older tmxdb adopted get the environment and the mood of their maps.

    \b
      tmxdb reread
      tmxdb reread --dry-run
      tmxdb reread --all --only best

    Interrupted, the same command continues.
    """
    from tmxdb.reread import TABLES, count_outdated
    from tmxdb.upkeep import reread_progress
    from tmxdb.upkeep.local_tracks import complete_tracks, incomplete_tracks

    if options.restart and not options.all_files:
        raise UsageError("--restart needs --all: without it, only files that are left are read.", code="input.usage")
    database = open_database(storage_options, read_only=options.dry_run)
    storage = open_files(storage_options, database)
    only.selection(database)
    progress = _progress(database, options, only.only)
    waiting = {
        name: count_outdated(
            database, TABLES[name], everything=options.all_files, selection=only.only, after=progress.after_in(name)
        )
        for name in TABLES
    }
    if progress.files:
        message(
            f"Continuing the run of {progress.began} after {plural(progress.files, 'file')}; --restart starts over."
        )
    if not any(waiting.values()):
        if progress.files:
            message("Nothing to read again: that run had read all files.")
        elif options.all_files:
            message("Nothing to read again: no file has been downloaded.")
        else:
            message(
                "Nothing to read again: this version of tmxdb has read all downloaded files. --all reads them anyway."
            )
    else:
        message(f"Files to read again: {', '.join(f'{n:,} {name}' for name, n in waiting.items())}.")
    if options.dry_run:
        with database.read() as connection:
            _say_completed(len(incomplete_tracks(connection, only.only)))
        return
    problems = _read(database, storage, options, progress, sum(waiting.values())) if any(waiting.values()) else 0
    with database.write() as connection:
        if options.all_files:
            reread_progress.finish(connection)
        n_completed = complete_tracks(connection, only.only)
    _say_completed(n_completed)
    if problems:
        message("To download one again: `tmxdb retry --kind download --status done --id ID`, then `tmxdb run`.")
        sys.exit(SOME_FAILED)


def _say_completed(n_tracks: int) -> None:
    if n_tracks:
        message(f"Filled in the environment and mood of {plural(n_tracks, 'local track')}.")


def _progress(database: Database, options: RereadOptions, selection: str | None) -> RereadProgress:
    """Return the progress of an interrupted run with `--all` and the same options, or that of a new run."""
    from tmxdb.kinds.facts import FACTS_VERSION
    from tmxdb.upkeep.reread_progress import RereadProgress, resume_or_start

    start = RereadProgress(
        selection, options.gbx_reader, options.store_inputs, began=iso(wall_clock()), version=FACTS_VERSION
    )
    if not options.all_files:
        return start
    with database.read() as connection:
        return resume_or_start(connection, start, restart=options.restart)


def _read(database: Database, storage: Storage, options: RereadOptions, progress: RereadProgress, n_files: int) -> int:
    """Read the files, and return how many could not be read. End the command if it is interrupted."""
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.process_pool import process_pool
    from tmxdb.reread import TABLES
    from tmxdb.reread import reread as read_again
    from tmxdb.upkeep import reread_progress

    problems = 0
    with (
        stop_signals() as signals,
        progress_bar(n_files, "files", progress=options.progress) as bar,
        process_pool(options.processes or os.cpu_count() or 1) as executor,
    ):

        def on_read(result: RereadResult) -> None:
            nonlocal problems
            bar.update()
            if result.problem:
                problems += 1
                message_above_bars(result.problem)

        def on_chunk(table: str, last_id: int, files: int) -> None:
            nonlocal progress
            if options.all_files:
                progress = progress.reached(table, last_id, files)
                with database.write() as connection:
                    reread_progress.save(connection, progress)

        for name, table in TABLES.items():
            read_again(
                database,
                storage,
                table,
                executor,
                reader=options.gbx_reader,
                inputs=options.store_inputs,
                everything=options.all_files,
                selection=progress.selection,
                after=progress.after_in(name),
                stop=signals.stop,
                on_read=on_read,
                on_chunk=partial(on_chunk, name),
            )
            if signals.stop.is_set():
                message("Interrupted. Run the same command again to continue.")
                sys.exit(INTERRUPTED)
    message(f"{plural(n_files - problems, 'file')} read again, {problems:,} could not be read.")
    return problems
