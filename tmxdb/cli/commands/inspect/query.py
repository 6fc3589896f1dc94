"""`tmxdb query`: the database in SQL, read-only."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO, cast

import click

from tmxdb.cli.formats.pager import echo_lines
from tmxdb.cli.formats.rows import FORMATS, QueryWriter
from tmxdb.cli.formats.table import table_lines, terminal_width
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import is_utf8, option
from tmxdb.cli.framework.text_files import read_user_text
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.suffix import check_form, form_of
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.storage import new_user_file

TABLE_ROWS = 1000
MAX_SQL_BYTES = 10_000_000


@command()
@option(
    "--format",
    "form",
    type=WordChoice(FORMATS),
    metavar="FORMAT",
    help="table, csv, tsv, json, jsonl, markdown or vertical (a line for each column).  [default: table]",
)
@option("--json", "as_json", is_flag=True, help="Same as --format json.")
@option("--csv", "as_csv", is_flag=True, help="Same as --format csv.")
@option(
    "--spreadsheet",
    is_flag=True,
    help="CSV for Excel or LibreOffice: text that would run as a formula gets a leading apostrophe, control"
    " characters are escaped.",
)
@option(
    "-p",
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of :NAME in the SQL; repeatable.",
)
@option(
    "-o",
    "--out",
    metavar="FILE",
    help="Write to FILE, in UTF-8 in every shell; -: to stdout. The format follows from its name: .csv, .tsv, .json,"
    " .jsonl or .md.",
)
@option("--no-pager", is_flag=True, help="Do not show long tables through $PAGER.")
@force_option
@click.argument("sql", metavar="SQL|FILE.sql|-")
def query(
    form: str | None,
    as_json: bool,
    as_csv: bool,
    spreadsheet: bool,
    parameters: tuple[str, ...],
    out: str | None,
    no_pager: bool,
    force: bool,
    sql: str,
    options: DatabaseOptions,
) -> None:
    """Query the database in SQL. Nothing can be changed this way.

    \b
      tmxdb query "select * from progress"
      tmxdb query --csv "select * from leaderboard where track_id = 2233"
      tmxdb query "select * from drivers where user_name = :who" -p who=Ann
      tmxdb query "select * from replays where replay_at >= ago('2 days')"
      tmxdb query report.sql --out report.md

    `-` reads the SQL from stdin. `tmxdb schema` lists tables and views,
    `tmxdb schema leaderboard` the columns of one. docs/how-to/sql-cookbook.md
    answers twenty questions.
    """
    from tmxdb.reports.query import run_query

    statement, given = _statement(sql), _parameters(parameters)
    out = None if out == "-" else out
    form = _format_for(out, _format(form, as_json, as_csv, spreadsheet))
    if out and form in ("table", "vertical"):
        raise click.UsageError("--out writes CSV, TSV, JSON, JSON lines or Markdown, not tables.")
    reader = open_reader(options)
    with run_query(reader, statement, given) as result, _output(out, force=force) as file:
        if form == "table":
            _print_rows(result.columns, result.rows, pager=not no_pager)
        else:
            QueryWriter(file, for_spreadsheet=spreadsheet).write(form, result.columns, result.rows)
    if out:
        message(f"Wrote {out}.")


def _statement(sql: str) -> str:
    """Return the SQL: the argument itself, stdin for `-`, or the content of the file that the argument names."""
    if sql == "-" or (sql.lower().endswith(".sql") and not any(character.isspace() for character in Path(sql).name)):
        return read_user_text(sql, at_most=MAX_SQL_BYTES, what="SQL", code="input.sql")
    if not is_utf8(sql):
        raise InvalidInput("The SQL is not valid UTF-8.", code="input.sql")
    return sql


def _parameters(words: Sequence[str]) -> dict[str, str]:
    given = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"-p {word[:40]!r} is not NAME=VALUE.")
        if name in given:
            raise click.UsageError(f"-p {name} is given twice. Choose one value.")
        given[name] = value
    return given


@contextmanager
def _output(path: str | None, *, force: bool) -> Iterator[TextIO]:
    """Yield stdout, or a new file that gets its name when it is complete."""
    if path is None:
        yield sys.stdout
        return
    with new_user_file(path, force=force, instead="choose another file with --out") as file:
        text = io.TextIOWrapper(cast(io.BufferedWriter, file), encoding="utf-8", errors="backslashreplace", newline="")
        yield text
        text.flush()
        text.detach()


def _format(form: str | None, as_json: bool, as_csv: bool, spreadsheet: bool) -> str | None:
    chosen = {form, "json" if as_json else None, "csv" if as_csv or spreadsheet else None} - {None}
    if len(chosen) > 1:
        raise click.UsageError(f"Choose one format: {' or '.join(sorted(map(str, chosen)))}.")
    return chosen.pop() if chosen else None


def _format_for(out: str | None, chosen: str | None) -> str:
    """Return the format to write. Raise UsageError if the name of the file does not fit it."""
    if out is None:
        return chosen or "table"
    if chosen is not None:
        if chosen not in ("table", "vertical"):
            check_form(out, chosen, f"--format {chosen}")
        return chosen
    form = form_of(out) or "csv"
    if form not in FORMATS:
        raise UsageError(
            f"--out {out}: `query` does not write this format. End the name with .csv, .tsv, .json, .jsonl or .md.",
            code="input.form",
        )
    return form


def _print_rows(columns: list[str], result: Iterator[Sequence[Any]], *, pager: bool) -> None:
    rows = [tuple(row) for row in islice(result, TABLE_ROWS)]
    more = next(result, None) is not None
    echo_lines(table_lines(columns, rows, terminal_width()), pager=pager)
    count = plural(len(rows), "row")
    message(f"The first {count}; --csv and --json write all." if more else count)
