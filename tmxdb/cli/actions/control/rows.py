"""The rows that options select, as conditions in SQL; and what was named but does not exist."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, Table, func, or_, select

from tmxdb.cli.framework.types import suggestion
from tmxdb.cli.options.rows import RowSelection
from tmxdb.cli.shared.ids import first_few
from tmxdb.cli.shared.output import message
from tmxdb.db.models import JOBS
from tmxdb.db.selected import NamedRows, in_selection, missing_ids
from tmxdb.error_codes import CODES, FAMILIES
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.kinds import KINDS
from tmxdb.reports.pages.errors import NOUNS
from tmxdb.selections.store import find


def tables_of(selection: RowSelection) -> dict[str, tuple[Table, list[ColumnElement[bool]]]]:
    """Return the table of each chosen kind with the conditions on its rows."""
    tracks = selection.named_tracks
    chosen = {}
    for kind in selection.kinds or KINDS:
        table = JOBS[kind]
        conditions: list[ColumnElement[bool]] = []
        if selection.ids:
            key = next(iter(table.primary_key)).name
            conditions.append(in_selection(table, NamedRows(key, selection.ids)))
        if selection.codes:
            conditions.append(or_(*(_has_code(table, code) for code in selection.codes)))
        if tracks:
            conditions.append(in_selection(table, NamedRows("track_id", tracks)))
        if selection.only is not None:
            conditions.append(in_selection(table, selection.only))
        if selection.replay_ids:
            if "replay_id" not in table.c:
                continue
            conditions.append(in_selection(table, NamedRows("replay_id", selection.replay_ids)))
        chosen[kind] = table, conditions
    return chosen


def check_named(connection: Connection, selection: RowSelection) -> None:
    """Raise InvalidInput, before anything is changed, if what was named does not exist: row, code, selection.

    An unknown code is a UsageError.
    """
    if selection.only is not None:
        find(connection, selection.only)
    for noun, table, ids in (
        *((NOUNS[kind], JOBS[kind], selection.ids) for kind in selection.kinds),
        ("track", JOBS["list"], selection.named_tracks),
        ("replay", JOBS["download"], selection.replay_ids),
    ):
        missing = missing_ids(connection, next(iter(table.primary_key)), ids)
        if missing:
            raise InvalidInput(
                f"The database has no {noun} {first_few(missing, ', ')}; nothing was changed.", code="input.no_row"
            )
    for code in selection.codes:
        _check_code(connection, code)


def explain_empty(
    connection: Connection,
    tables: dict[str, tuple[Table, list[ColumnElement[bool]]]],
    sentence: Callable[[str], str],
) -> None:
    """Print why no row matched: how many rows match all but the status, by kind and status."""
    parts = []
    for kind, (table, conditions) in tables.items():
        query = select(table.c.status, func.count()).where(*conditions).group_by(table.c.status)
        parts += [f"{kind}: {n:,} {status}" for status, n in sorted(connection.execute(query))]
    message(sentence("; ".join(parts) if parts else "there are no such rows in any status"))


def _check_code(connection: Connection, code: str) -> None:
    codes: set[str] = set()
    for table in JOBS.values():
        codes.update(
            connection.execute(select(table.c.error_code).where(table.c.error_code.is_not(None)).distinct()).scalars()
        )
    if code in codes or code in CODES or code in FAMILIES:
        return
    hint = suggestion(code, codes) or suggestion(code, sorted(CODES | FAMILIES))
    present = f" Codes in this database: {', '.join(sorted(codes))}." if codes else " No row has an error code."
    raise UsageError(f"Unknown error code {code[:60]!r}.{hint}{present} Nothing was changed.", code="input.code")


def _has_code(table: Table, code: str) -> ColumnElement[bool]:
    """Return the condition that a row has the code, or one of the family if it is `gbx.*`."""
    if code in FAMILIES:
        return table.c.error_code.startswith(code.removesuffix("*"), autoescape=True)
    return table.c.error_code == code
