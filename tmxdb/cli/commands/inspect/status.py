"""`tmxdb status`: counts, workers, rates, failures and the disk."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import click

from tmxdb.cli.formats.colour import is_dumb_terminal
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_reader, open_storage
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.output import print_json

if TYPE_CHECKING:
    from tmxdb.db.reading.reader import Reader
    from tmxdb.reports.status import Status
    from tmxdb.selections.reading import ChosenTracks
    from tmxdb.storage import Storage

WATCH_EVERY_S = 2


@command()
@option("--watch", is_flag=True, help="Fill the screen and update every 2 s, until q or Ctrl-C.")
@option(
    "--format",
    "form",
    type=WordChoice(["text", "json", "prometheus"]),
    metavar="FORMAT",
    help="text, json, or prometheus: metrics for Prometheus.  [default: text]",
)
@json_option
def status(watch: bool, form: str | None, as_json: bool, only: TrackSelection, options: StorageOptions) -> None:
    """Show what is done, what is missing, which workers run, and why rows failed.

    \b
      tmxdb status
      tmxdb status --watch
      tmxdb status --only best
      tmxdb status --track-id 2233
      tmxdb status --json

    Estimates of time and disk space count the replays of tracks that were not
    listed yet. With --watch, keys pause, resume and retry.
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"Choose one format: json or {form}.")
    form = "json" if as_json else form or "text"
    from tmxdb.db.reading.reader import Reader

    reader = open_reader(options)
    chosen = only.chosen(reader)
    storage = open_storage(options, reader)
    reader.close()

    def read() -> Status:
        # Opened each time: the file may have been replaced, and an open one keeps its write-ahead log.
        with closing(Reader(options.location)) as current:
            return _read(current, storage, chosen)

    if watch and form == "text" and sys.stdout.isatty() and not is_dumb_terminal():
        from tmxdb.cli.watch.loop import watch_status

        watch_status(read, options.location)
        return
    while True:
        _write(read(), form)
        if not watch:
            return
        sys.stdout.flush()
        time.sleep(WATCH_EVERY_S)


def _read(reader: Reader, storage: Storage, chosen: ChosenTracks | None) -> Status:
    from tmxdb.reports.status import read_status

    return read_status(reader, storage.root, storage.free_bytes(), reader.now_ms(), chosen)


def _write(state: Status, form: str) -> None:
    if form == "json":
        print_json(state.as_json())
    elif form == "prometheus":
        from tmxdb.reports.status.prometheus import as_prometheus

        click.echo(as_prometheus(state), nl=False)
    else:
        from tmxdb.cli.watch.text import print_status

        print_status(state)
