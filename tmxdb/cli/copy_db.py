"""`tmxdb copy-db`: a database moves to another engine."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
from tqdm import tqdm

from tmxdb.cli import INTERRUPTED
from tmxdb.cli.context import close_at_the_end, options, warn_of_share
from tmxdb.cli.options import json_option, option, progress_option, site_options
from tmxdb.cli.say import counted, print_json, talk
from tmxdb.cli.signals import ctrl_c
from tmxdb.clock import wall_clock
from tmxdb.db.engine import Database, shown
from tmxdb.upkeep.copying import Copying, carry_over, check, check_whole, finish, prepare, rows_in

CLEANED_SHOWN = 5
LOG_EVERY_S = 10.0


@click.command("copy-db")
@site_options()
@option("--anew", is_flag=True, help="Begin a copy again that was broken off.")
@json_option
@progress_option
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.pass_context
def copy_db(
    ctx: click.Context, /, anew: bool, as_json: bool, progress: bool | None, source: str, target: str, **given: Any
) -> None:
    """Copy a whole database, for example from SQLite to PostgreSQL and back. Files stay where they are.

    \b
        tmxdb copy-db tmx.db postgresql+psycopg://me@server/tmxdb
        tmxdb copy-db postgresql+psycopg://me@server/tmxdb tmx.db

    FROM and TO are files or URLs. No worker may be at work on either; TO must be empty or not be there yet. Killed and
    started again it goes on. At the end every table is compared, row by row; a copy that is whole is compared only.
    """
    options(ctx, given)
    copying = Copying(_open(source, read_only=True), _open(target), wall_clock)
    warn_of_share(copying.target)
    prepared = prepare(copying, anew=anew)
    if prepared.is_whole:
        _compare_only(copying, as_json=as_json)
        return
    if prepared.began is not None:
        talk(f"Going on with the copy of {prepared.began}; --anew begins again.")
    bar = sys.stderr.isatty() if progress is None else progress
    started = time.monotonic()
    with (
        ctrl_c() as stopping,
        tqdm(total=rows_in(copying.source), unit=" rows", disable=not bar, file=sys.stderr) as shown_rows,
    ):
        copying.stop, copying.on_step = stopping.stop, shown_rows.set_postfix_str
        copying.on_rows = _Counting(shown_rows, log=not bar)
        with copying.source.read() as reading:
            whole = carry_over(copying, reading)
        copied_s = time.monotonic() - started
        tables: dict[str, int] = {}
        if whole:
            with copying.source.read() as reading:  # anew: what was written while we copied must not be missed
                tables = check(copying, reading)
        if not tables:
            talk("Interrupted; the same command goes on from here.")
            sys.exit(INTERRUPTED)
        finish(copying)
    _tell(copying, tables, copied_s, time.monotonic() - started - copied_s, as_json=as_json)


def _compare_only(copying: Copying, *, as_json: bool) -> None:
    """The target is there, with rows: the copy that was wished for, or something else."""
    where = shown(copying.target.location)
    talk(f"{where} has rows already; comparing them.")
    with ctrl_c() as stopping, copying.source.read() as reading:
        copying.stop = stopping.stop
        tables = check_whole(copying, reading)
    if not tables:
        talk("Interrupted; nothing was changed.")
        sys.exit(INTERRUPTED)
    total = sum(tables.values())
    talk(f"Already copied: {counted(total, 'row')} in {where} are the same; nothing has changed since.")
    _print(tables, [], as_json=as_json)


def _tell(copying: Copying, tables: dict[str, int], copied_s: float, checked_s: float, *, as_json: bool) -> None:
    cleaned = copying.cleaned.rows
    for item in cleaned[:CLEANED_SHOWN]:
        talk(f"{item}: a NUL character, which PostgreSQL can not hold, is U+FFFD in the copy.")
    if len(cleaned) > CLEANED_SHOWN:
        talk(f"… and in {counted(len(cleaned) - CLEANED_SHOWN, 'more row')}.")
    total = sum(tables.values())
    where = f"{shown(copying.source.location)} to {shown(copying.target.location)}"
    talk(f"Copied {counted(total, 'row')} from {where} in {copied_s:.1f} s, compared in {checked_s:.1f} s: the same.")
    _print(tables, cleaned, as_json=as_json)


def _print(tables: dict[str, int], cleaned: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"tables": tables, "cleaned": cleaned})
    else:
        click.echo(sum(tables.values()))


def _open(location: str, *, read_only: bool = False) -> Database:
    database = Database(location, read_only=read_only)
    close_at_the_end(database.close)
    return database


class _Counting:
    """Rows on the bar, or in a line now and then."""

    def __init__(self, bar: Any, *, log: bool) -> None:
        self._bar, self._log = bar, log
        self._logged, self._n = time.monotonic(), 0

    def __call__(self, table: str, n: int) -> None:
        self._bar.set_description_str(table)
        self._bar.update(n)
        self._n += n
        if self._log and time.monotonic() - self._logged >= LOG_EVERY_S:
            self._logged = time.monotonic()
            talk(f"{counted(self._n, 'row')} copied; at {table}.")
