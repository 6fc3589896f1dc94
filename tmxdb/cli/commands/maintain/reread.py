"""`tmxdb reread`: read the facts of downloaded files again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmxdb.cli.exit_status import INTERRUPTED, SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.opening.database import open_database, open_storage
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.reader import reader_field
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import stop_signals

if TYPE_CHECKING:
    from tmxdb.reread import RereadResult


@dataclass(frozen=True)
class RereadOptions:
    """Which files to read, and how."""

    all_files: bool = option_field(
        "--all", is_flag=True, default=False, help="Read all files, also those read by this version of tmxdb."
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

    \b
      tmxdb reread
      tmxdb reread --dry-run
      tmxdb reread --all --only best
    """
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.process_pool import process_pool
    from tmxdb.reread import TABLES, count_outdated
    from tmxdb.reread import reread as read_again

    database = open_database(storage_options, read_only=options.dry_run)
    storage = open_storage(storage_options, database)
    only.selection(database)
    waiting = {
        name: count_outdated(database, table, everything=options.all_files, selection=only.only)
        for name, table in TABLES.items()
    }
    if not any(waiting.values()):
        if options.all_files:
            message("Nothing to read again: no file has been downloaded.")
        else:
            message(
                "Nothing to read again: this version of tmxdb has read all downloaded files. --all reads them anyway."
            )
        return
    message(f"Files to read again: {', '.join(f'{n:,} {name}' for name, n in waiting.items())}.")
    if options.dry_run:
        return
    problems = 0
    with (
        stop_signals() as signals,
        progress_bar(sum(waiting.values()), "files", progress=options.progress) as bar,
        process_pool(options.processes or os.cpu_count() or 1) as executor,
    ):

        def on_read(result: RereadResult) -> None:
            nonlocal problems
            bar.update()
            if result.problem:
                problems += 1
                message_above_bars(result.problem)

        for table in TABLES.values():
            read_again(
                database,
                storage,
                table,
                executor,
                reader=options.gbx_reader,
                inputs=options.store_inputs,
                everything=options.all_files,
                selection=only.only,
                stop=signals.stop,
                on_read=on_read,
            )
            if signals.stop.is_set():
                message("Interrupted. Run the same command again to continue.")
                sys.exit(INTERRUPTED)
    message(f"{plural(sum(waiting.values()) - problems, 'file')} read again, {problems:,} could not be read.")
    if problems:
        message("To download one again: `tmxdb retry --kind download --status done --id ID`, then `tmxdb run`.")
        sys.exit(SOME_FAILED)
