"""Writes one table to one file, which appears complete or not at all."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from tmxdb.db.database import Database
from tmxdb.export.tables.sources import Row, TableColumn, pages, table_sources
from tmxdb.export.tables.writers import row_writer
from tmxdb.queue.job import WorkerStopping
from tmxdb.storage import new_user_file


def export_table(
    database: Database,
    table: str,
    out: Path,
    form: str,
    track_ids: Sequence[int],
    *,
    for_spreadsheet: bool,
    force: bool,
    stop: threading.Event,
) -> int:
    """Write `table` to `out` and return the number of rows. Raise like `write_rows`.

    Rows that change meanwhile are written as they are when their page is read.
    """
    source = table_sources()[table]
    rows = pages(database, source, track_ids)
    return write_rows(out, form, source.columns, rows, for_spreadsheet=for_spreadsheet, force=force, stop=stop)


def write_rows(
    out: Path,
    form: str,
    columns: Sequence[TableColumn],
    row_pages: Iterable[Sequence[Row]],
    *,
    for_spreadsheet: bool,
    force: bool,
    stop: threading.Event,
) -> int:
    """Write pages of rows to `out` and return the number of rows.

    Raise WorkerStopping once `stop` is set, InvalidInput if `out` exists and not `force`, or DiskError.
    """
    written = 0
    with new_user_file(out, force=force) as file:
        writer = row_writer(form, file, columns, for_spreadsheet=for_spreadsheet)
        for rows in row_pages:
            if stop.is_set():
                raise WorkerStopping("the export was interrupted")
            writer.write(rows)
            written += len(rows)
        writer.close()
    return written
