"""`tmxdb reread`: facts of files that are there already."""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import click
from tqdm import tqdm

from tmxdb.cli import INTERRUPTED, SOME_FAILED
from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.options import dry_run_option, option, progress_option, reader_option, site_options
from tmxdb.cli.say import safe, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.reread import TABLES, Read, to_read
from tmxdb.reread import reread as read_again


@click.command()
@site_options()
@option("--all", "everything", is_flag=True, help="Also files whose facts are of this very version.")
@option("--store-inputs/--no-inputs", default=True, help="Keep every input event in the database.  [default: keep]")
@option("--processes", type=click.IntRange(min=1), help="How many read at once.  [default: one a processor]")
@reader_option
@dry_run_option
@progress_option
@click.pass_context
def reread(ctx: click.Context, /, **given: Any) -> None:
    """Read the files again that are there, and fill what a newer tmxdb has learned to read. Nothing is fetched.

    \b
        tmxdb reread
        tmxdb reread --dry-run
    """
    database = open_database(chosen := options(ctx, given))
    storage = open_storage(chosen, database)
    waiting = {name: to_read(database, table, everything=given["everything"]) for name, table in TABLES.items()}
    talk(", ".join(f"{n:,} {name}" for name, n in waiting.items()) + " to read again.")
    if given["dry_run"] or not any(waiting.values()):
        return
    problems = 0
    bar = sys.stderr.isatty() if given["progress"] is None else given["progress"]
    workers = given["processes"] or os.cpu_count() or 1
    with (
        ctrl_c() as stopping,
        tqdm(total=sum(waiting.values()), unit=" files", disable=not bar, file=sys.stderr) as shown,
        # Started afresh, not forked: threads and database connections do not survive a fork.
        ProcessPoolExecutor(
            workers,
            mp_context=get_context("spawn"),
            initializer=signal.signal,
            initargs=(signal.SIGINT, signal.SIG_IGN),  # Ctrl-C is for this process; the others end with it
        ) as executor,
    ):

        def on_read(result: Read) -> None:
            nonlocal problems
            shown.update()
            if result.problem:
                problems += 1
                tqdm.write(safe(result.problem), file=sys.stderr)

        for table in TABLES.values():
            read_again(
                database,
                storage,
                table,
                executor,
                reader=given["gbx_reader"],
                inputs=given["store_inputs"],
                everything=given["everything"],
                stop=stopping.stop,
                on_read=on_read,
            )
            if stopping.stop.is_set():
                talk("Interrupted; the same command goes on from here.")
                sys.exit(INTERRUPTED)
    talk(f"{sum(waiting.values()) - problems:,} files read again, {problems:,} could not be.")
    if problems:
        talk("Fetch those again with `tmxdb retry --kind download --status done --id …`, then `tmxdb run`.")
        sys.exit(SOME_FAILED)
