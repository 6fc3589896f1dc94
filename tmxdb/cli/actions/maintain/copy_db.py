"""What `tmxdb copy-db` does: copy a database to another engine."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.opening.database import close_at_end, warn_about_share
from tmxdb.cli.shared.output import message, plural, print_count, print_json
from tmxdb.cli.shared.progress import progress_bar, shows_bar
from tmxdb.cli.shared.signals import stop_signals
from tmxdb.clock import wall_clock
from tmxdb.db.database import Database, shown
from tmxdb.errors import DatabaseError
from tmxdb.upkeep.copying import Copying, carry_over, check, check_whole, finish, prepare, rows_in

CLEANED_SHOWN = 5
LOG_EVERY_S = 10.0


def do_copy(restart: bool, as_json: bool, progress: bool | None, source: str, target: str) -> None:
    """Copy the database, or compare a copy that is complete."""
    with _arguments_in_errors(source, target):
        _copy(restart, as_json, progress, source, target)


def _copy(restart: bool, as_json: bool, progress: bool | None, source: str, target: str) -> None:
    copying = Copying(_open(source, read_only=True), _open(target), wall_clock)
    warn_about_share(copying.target)
    prepared = prepare(copying, restart=restart)
    if prepared.is_filled:
        _compare_only(copying, as_json=as_json)
        return
    if prepared.began is not None:
        message(f"Continuing the copy of {prepared.began}; --restart starts over.")
    started = time.monotonic()
    with stop_signals() as signals, progress_bar(rows_in(copying.source), "rows", progress=progress) as bar:
        copying.stop, copying.on_step = signals.stop, bar.set_postfix_str
        copying.on_rows = _RowCounter(bar, log=not shows_bar(progress))
        with copying.source.read() as reading:
            is_complete = carry_over(copying, reading)
        copied_s = time.monotonic() - started
        tables: dict[str, int] = {}
        if is_complete:
            with copying.source.read() as reading:  # a new transaction, which sees what was written during the copy
                tables = check(copying, reading)
        if not tables:
            message("Interrupted. Run the same command again to continue.")
            sys.exit(INTERRUPTED)
        finish(copying)
    _report(copying, tables, copied_s, time.monotonic() - started - copied_s, as_json=as_json)


def _compare_only(copying: Copying, *, as_json: bool) -> None:
    """Compare a target that has rows: it is the requested copy or something else."""
    where = shown(copying.target.location)
    message(f"{where} already has rows; comparing them.")
    with stop_signals() as signals, copying.source.read() as reading:
        copying.stop = signals.stop
        tables = check_whole(copying, reading)
    if not tables:
        message("Interrupted; nothing was changed.")
        sys.exit(INTERRUPTED)
    message(f"Already copied: {plural(sum(tables.values()), 'row')} in {where}, all equal. Nothing was changed.")
    _print(tables, [], as_json=as_json)


def _report(copying: Copying, tables: dict[str, int], copied_s: float, checked_s: float, *, as_json: bool) -> None:
    cleaned = copying.cleaned.rows
    for item in cleaned[:CLEANED_SHOWN]:
        message(f"{item}: a NUL character, which PostgreSQL cannot store, is U+FFFD in the copy.")
    if len(cleaned) > CLEANED_SHOWN:
        message(f"… and in {plural(len(cleaned) - CLEANED_SHOWN, 'more row')}.")
    total = sum(tables.values())
    where = f"{shown(copying.source.location)} to {shown(copying.target.location)}"
    message(f"Copied {plural(total, 'row')} from {where} in {copied_s:.1f} s, compared in {checked_s:.1f} s: equal.")
    _print(tables, cleaned, as_json=as_json)


def _print(tables: dict[str, int], cleaned: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"tables": tables, "cleaned": cleaned})
    else:
        print_count(sum(tables.values()))


@contextmanager
def _arguments_in_errors(source: str, target: str) -> Iterator[None]:
    """Fit the advice of errors to the arguments: other commands get their database with --db."""
    try:
        yield
    except DatabaseError as error:
        text = error.message.replace(" with --db.", ".").replace('--db "', '"')
        if text.startswith(f"no database at {shown(source)}."):
            text = f"no database at {shown(source)}. Give one that exists as FROM."
        for location in (source, target):
            if text.startswith(f"{shown(location)} "):
                command = f"`tmxdb --db {shlex.quote(shown(location))} migrate`"
                text = text.replace("`tmxdb sync-tracks` or ", "").replace("`tmxdb migrate`", command)
        raise DatabaseError(text, code=error.code) from error


def _open(location: str, *, read_only: bool = False) -> Database:
    database = Database(location, read_only=read_only)
    close_at_end(database.close)
    return database


class _RowCounter:
    """Shows copied rows on the bar, or in a line every 10 s."""

    def __init__(self, bar: tqdm, *, log: bool) -> None:  # type: ignore[type-arg]
        self._bar, self._log = bar, log
        self._logged_at, self._n = time.monotonic(), 0

    def __call__(self, table: str, n: int) -> None:
        self._bar.set_description_str(table)
        self._bar.update(n)
        self._n += n
        if self._log and time.monotonic() - self._logged_at >= LOG_EVERY_S:
            self._logged_at = time.monotonic()
            message(f"{plural(self._n, 'row')} copied; now {table}.")
