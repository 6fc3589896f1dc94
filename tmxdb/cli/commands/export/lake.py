"""`tmxdb export lake`: tables as folders of files, which DuckDB, polars and pandas open at once."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import DatabaseOptions, StorageOptions
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import say_missing
from tmxdb.cli.shared.output import file_size, message, plural, print_json, print_table
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.cli.shared.suffix import check_folder_name
from tmxdb.errors import UsageError
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.export.lake.export import LakeResult

FORMATS = ("parquet", "csv", "jsonl")
TABLES = ("tracks", "replays", "maps", "captures", "checkpoints", "inputs", "lines")
SHOWN = 5


@dataclass(frozen=True)
class LakeOptions:
    """How the files are written."""

    form: str = option_field(
        "--format",
        type=WordChoice(FORMATS),
        metavar="FORMAT",
        default="parquet",
        show_default=True,
        help='parquet, csv or jsonl. Parquet needs pip install "tmxdb[parquet]".',
    )
    spreadsheet: bool = option_field(
        "--spreadsheet", is_flag=True, default=False, help="CSV in which no text runs as a formula."
    )
    since_last: bool = option_field(
        "--since-last", is_flag=True, default=False, help="Write only what has changed since the last export."
    )
    force: bool = option_field("--force", is_flag=True, default=False, help="Write everything again.")
    processes: int | None = processes_field("--n")
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Count files and rows; write nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@dataclass(frozen=True)
class LakeTables:
    """Which tables."""

    tables: tuple[str, ...] = option_field(
        "--table",
        type=WordChoice(TABLES),
        multiple=True,
        metavar="NAME",
        help=f"Only this table; repeatable. Tables: {', '.join(TABLES)}.",
    )


@command("lake")
@click.argument("out", type=click.Path(path_type=Path))
def lake(
    out: Path,
    tables: LakeTables,
    options: LakeOptions,
    track_selection: TrackSelection,
    storage_options: StorageOptions,
) -> None:
    """Write tables into the folder OUT, for DuckDB, polars, pandas and others. Interrupted, the same command continues.

    \b
      tmxdb export lake lake
      tmxdb export lake lake --since-last
      tmxdb export lake lake --table replays --table lines --only best

    Each table is a folder with one file per environment and range of ids, such as
    replays/environment_name=stadium/replays-00000000-00199999.parquet. Beside them
    are a data card and the SHA-256 of each file: `tmxdb export --check lake`.
    """
    check_folder_name(out, "`export lake`")
    if options.spreadsheet and options.form == "jsonl":
        raise UsageError(
            "--spreadsheet writes CSV, and --format says jsonl. Leave one of them out.", code="input.format"
        )
    export_lake(tables.tables or TABLES, out, options, track_selection, storage_options)


def export_lake(
    tables: tuple[str, ...],
    out: Path,
    options: LakeOptions,
    track_selection: TrackSelection,
    database_options: DatabaseOptions,
) -> None:
    """Export `tables` into the folder `out` and report it."""
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.export.lake.export import LakeExport, LakeRequest
    from tmxdb.export.lake.records import LakeSettings
    from tmxdb.export.track_ids import unknown_tracks

    database = open_database(database_options, read_only=True)
    track_ids = track_selection.tracks(database)
    unknown = unknown_tracks(database, track_ids)
    say_missing("track", unknown)
    data = Path()
    if isinstance(database_options, StorageOptions) and "lines" in tables:  # the only one that reads files
        data = open_files(database_options, database).root
    if options.dry_run:
        _report_plan(database, tables, track_ids, as_json=options.as_json)
        sys.exit(SOME_FAILED if unknown else 0)
    settings = LakeSettings(
        "csv" if options.spreadsheet else options.form, _tracks(track_selection), options.spreadsheet
    )
    request = LakeRequest(tables, settings, tuple(track_ids), since_last=options.since_last, force=options.force)
    with (
        stop_signals() as signals,
        LakeExport(out, request, database, database_options.location, data) as exporter,
        progress_bar(sum(exporter.jobs.values()), "rows", progress=options.progress) as bar,
    ):
        signals.say = message_above_bars
        result = exporter.write(options.processes or os.cpu_count() or 1, stop=signals.stop, on_rows=bar.update)
    _report(out, result, as_json=options.as_json)
    if unknown or result.left_out:
        sys.exit(SOME_FAILED)


def _tracks(selection: TrackSelection) -> str:
    """Return which tracks are exported, as text. Equal options have equal text."""
    named = sorted(selection.named_tracks)
    parts = [f"selection {selection.only}"] if selection.only else []
    if named:
        digest = hashlib.sha256(repr(named).encode()).hexdigest()[:8]
        parts.append(f"{plural(len(named), 'track')} by id ({digest})")
    return ", of these ".join(parts) or "all"


def _report_plan(database: Database, tables: tuple[str, ...], track_ids: list[int], *, as_json: bool) -> None:
    from tmxdb.export.lake.layout import shards_of

    plan = {}
    for table in tables:
        shards = shards_of(database, table, track_ids)
        plan[table] = {"files": len(shards), "source_rows": sum(shards.values())}
    if as_json:
        print_json(plan)
    else:
        print_table(
            ("table", "files", "rows of the database"), [(name, *counts.values()) for name, counts in plan.items()]
        )


def _report(out: Path, result: LakeResult, *, as_json: bool) -> None:
    for replay_id, why in list(result.left_out.items())[:SHOWN]:
        message(f"Replay {id_name(replay_id)}: {why}")
    if result.left_out:
        message(f"{plural(len(result.left_out), 'replay')} without positions left out.")
    if result.card_kept:
        message("README.md was changed by hand and is kept as it is. Delete it to have it written again.")
    if as_json:
        counts = ("written", "kept", "removed", "rows", "bytes")
        print_json({name: getattr(result, name) for name in counts} | {"left_out": len(result.left_out)})
    else:
        click.echo(out)
    removed = f", {result.removed:,} removed" if result.removed else ""
    message(
        f"{plural(result.written, 'file')} written, {result.kept:,} unchanged{removed}:"
        f" {plural(result.rows, 'row')}, {file_size(result.bytes)}."
    )
