"""`tmxdb export tracks|replays|maps|captures|checkpoints|inputs|lines`: a table as one file, or as a folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.commands.export.lake import LakeOptions, export_lake
from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import DatabaseOptions, StorageOptions
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import say_missing
from tmxdb.cli.shared.output import file_size, message, plural, print_json
from tmxdb.cli.shared.signals import if_interrupted, stop_signals
from tmxdb.cli.shared.suffix import check_folder_name, check_form
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.export.file_card import TableFile
    from tmxdb.export.tables.sources import Row

FORMATS = ("parquet", "csv", "jsonl")
SHOWN = 5
SUMMARIES = {
    "tracks": "Write tracks to a file.",
    "replays": "Write replays to a file.",
    "maps": "Write maps to a file.",
    "captures": "Write captures to a file, without frames.",
    "checkpoints": "Write checkpoint times to a file.",
    "inputs": "Write input events to a file.",
}
_FACTS = "One row each, with all facts."
CONTENT = {
    **dict.fromkeys(SUMMARIES, _FACTS),
    "checkpoints": "One row per crossing, numbered from 1; the finish is the last one.",
    "inputs": "One row per event: time, control and value.",
}


@dataclass(frozen=True)
class TableExportOptions:
    """The form of the file."""

    form: str | None = option_field(
        "--format",
        type=WordChoice(FORMATS),
        metavar="FORMAT",
        help='parquet, csv or jsonl. Parquet needs pip install "tmxdb[parquet]".  [default: by the name of OUT]',
    )
    spreadsheet: bool = option_field(
        "--spreadsheet",
        is_flag=True,
        default=False,
        help="CSV for spreadsheets: text that would run as a formula gets an apostrophe in front.",
    )
    card: bool = option_field(
        "--card",
        is_flag=True,
        default=False,
        help="Write a data card beside the file, OUT.md, with its SHA-256. A folder always has one.",
    )
    force: bool = option_field("--force", is_flag=True, default=False, help="Write again what exists already.")
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")

    since_last: bool = option_field(
        "--since-last",
        is_flag=True,
        default=False,
        help="Into a folder: write only what has changed since the last export into it.",
    )

    def chosen_format(self, out: Path) -> str:
        """Return the format. Raise UsageError if neither the option nor the file name says one, or they differ."""
        if str(out) == "-":
            raise UsageError(
                "-: an export is a file. For rows on stdout use `tmxdb query --csv`, such as"
                ' `tmxdb query --csv "select * from replays"`.',
                code="input.out",
            )
        self.check_spreadsheet()
        form = "csv" if self.spreadsheet else self.form or out.suffix.lower().lstrip(".")
        if form not in FORMATS:
            raise UsageError(
                f"{out}: choose a format with --format {', '.join(FORMATS)}."
                " For a folder of files, end the name with /.",
                code="input.format",
            )
        check_form(out, form, "--spreadsheet" if self.spreadsheet else f"--format {form}")
        return form

    def check_spreadsheet(self) -> None:
        """Raise UsageError for --spreadsheet with another format than CSV."""
        if self.spreadsheet and self.form not in (None, "csv"):
            raise UsageError(
                f"--spreadsheet writes CSV, and --format says {self.form}. Leave one of them out.", code="input.format"
            )

    def is_folder(self, out: str) -> bool:
        """Return whether `out` names a folder of files. Raise UsageError for --since-last with the name of a file."""
        if self.since_last:
            check_folder_name(out, "--since-last")
        return self.since_last or out.endswith(("/", os.sep)) or os.path.isdir(out)


@dataclass(frozen=True)
class LineFileOptions(TableExportOptions):
    """The same for the table that is read from files, and for folders."""

    processes: int | None = processes_field("--n")


def table_commands() -> list[click.Command]:
    """Return a command for each table."""
    return [*(_table_command(name, summary) for name, summary in SUMMARIES.items()), lines]


@command("lines")
@click.argument("out", type=click.Path())
def lines(out: str, options: LineFileOptions, track_selection: TrackSelection, storage_options: StorageOptions) -> None:
    """Write the positions of downloaded replays to a file.

    \b
      tmxdb export lines lines.parquet
      tmxdb export lines lines.parquet --track-id 2233
      tmxdb export lines lake/ --since-last

    One row per position, every 50 or 100 ms: time_ms, x, y, z in metres, speed_kmh, angles in
    radians, jump (a respawn moved the car here) and after_finish: ghosts drive on after the
    finish. Rows are in the order of replays. Exit status 3: some replays have no positions.
    """
    from tmxdb.export.file_card import TableFile, described_tracks
    from tmxdb.export.tables.export import write_rows
    from tmxdb.export.tables.lines import LINES, line_pages
    from tmxdb.export.track_ids import unknown_tracks

    if options.is_folder(out):
        export_lake(("lines",), Path(out), _lake_options(options), track_selection, storage_options)
        return
    form = options.chosen_format(Path(out))
    _check_card(Path(out), options)
    database = open_database(storage_options, read_only=True)
    track_ids = track_selection.tracks(database)
    unknown = unknown_tracks(database, track_ids)
    data = open_files(storage_options, database).root
    problems: list[tuple[int, str]] = []
    with _whole_file(Path(out)), stop_signals() as signals:
        pages = line_pages(
            database,
            data,
            track_ids,
            processes=options.processes or os.cpu_count() or 1,
            on_problem=lambda replay_id, why: problems.append((replay_id, why)),
        )
        written = write_rows(
            Path(out),
            form,
            LINES.columns,
            _any_of(pages, Path(out), problems),
            for_spreadsheet=options.spreadsheet,
            force=options.force,
            stop=signals.stop,
        )
    for replay_id, why in problems[:SHOWN]:
        message(f"Replay {id_name(replay_id)}: {why}")
    if problems:
        message(f"{plural(len(problems), 'replay')} without positions left out.")
    table_file = TableFile("lines", form, written, described_tracks(track_ids), len(problems))
    _report(Path(out), table_file, unknown, options, database)
    if unknown or problems:
        sys.exit(SOME_FAILED)


def _any_of(pages: Iterator[list[Row]], out: Path, problems: list[tuple[int, str]]) -> Iterator[list[Row]]:
    """Pass on `pages`. Raise InvalidInput if `problems` left no row, and the older `out` would be lost."""
    rows = 0
    for page in pages:
        rows += len(page)
        yield page
    if not rows and problems and out.exists():
        replay_id, why = problems[0]
        raise InvalidInput(
            f"{out} is kept: none of {plural(len(problems), 'replay')} has positions."
            f" Replay {id_name(replay_id)}: {why}",
            code="input.no_data",
        )


def _table_command(table: str, summary: str) -> click.Command:
    text = f"""{summary}

    \b
      tmxdb export {table} {table}.parquet
      tmxdb export {table} {table}.csv --track-id 2233
      tmxdb export {table} lake/ --since-last

    {CONTENT[table]} Rows are in the order of their key. Memory
    stays flat however many there are.
    """

    @command(table, help=text)
    @click.argument("out", type=click.Path())
    def export_table(
        out: str, options: LineFileOptions, track_selection: TrackSelection, database_options: DatabaseOptions
    ) -> None:
        if options.is_folder(out):
            export_lake((table,), Path(out), _lake_options(options), track_selection, database_options)
        else:
            _export(table, Path(out), options, track_selection, database_options)

    return export_table


def _lake_options(options: LineFileOptions) -> LakeOptions:
    options.check_spreadsheet()
    form = "csv" if options.spreadsheet else options.form or "parquet"
    return LakeOptions(
        form=form,
        spreadsheet=options.spreadsheet,
        since_last=options.since_last,
        force=options.force,
        processes=options.processes,
        as_json=options.as_json,
    )


def _export(
    table: str,
    out: Path,
    options: TableExportOptions,
    track_selection: TrackSelection,
    database_options: DatabaseOptions,
) -> None:
    from tmxdb.export.file_card import TableFile, described_tracks
    from tmxdb.export.tables.export import export_table
    from tmxdb.export.track_ids import unknown_tracks

    form = options.chosen_format(out)
    _check_card(out, options)
    database = open_database(database_options, read_only=True)
    track_ids = track_selection.tracks(database)
    unknown = unknown_tracks(database, track_ids)
    with _whole_file(out), stop_signals() as signals:
        written = export_table(
            database,
            table,
            out,
            form,
            track_ids,
            for_spreadsheet=options.spreadsheet,
            force=options.force,
            stop=signals.stop,
        )
    _report(out, TableFile(table, form, written, described_tracks(track_ids)), unknown, options, database)
    if unknown:
        sys.exit(SOME_FAILED)


def _whole_file(out: Path) -> AbstractContextManager[None]:
    return if_interrupted(
        f"Interrupted. {out} was not written; the same command starts over. An export into a folder continues."
    )


def _check_card(out: Path, options: TableExportOptions) -> None:
    """Raise InvalidInput now if the card cannot be written, not after the table."""
    from tmxdb.export.file_card import check_card

    if options.card:
        check_card(out, force=options.force)


def _report(out: Path, written: TableFile, unknown: list[int], options: TableExportOptions, database: Database) -> None:
    """Say what was written, and write its card if one is wanted."""
    from tmxdb.export.file_card import write_card
    from tmxdb.export.lake.card import mirror_facts

    size = out.stat().st_size
    card = write_card(out, written, mirror_facts(database), force=options.force) if options.card else None
    say_missing("track", unknown)
    if options.as_json:
        print_json({"rows": written.rows, "bytes": size})
    else:
        click.echo(out)
        if card is not None:
            click.echo(card)
    message(f"{plural(written.rows, 'row')}, {file_size(size)}.")
