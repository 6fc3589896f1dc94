"""Reading rows page by page: each page is a short transaction, so a long loop holds nothing up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, exc, select, text

from tmxdb.api.arguments import values_for
from tmxdb.db.database import Database
from tmxdb.db.explained import explained
from tmxdb.errors import InvalidInput
from tmxdb.reports.parameters import is_one_expression, with_sqlalchemy_marks

PAGE = 500
Facts = Mapping[str, Any]


def pages(
    database: Database, table: Table, conditions: Sequence[ColumnElement[bool]], where: str | None, values: Facts
) -> Iterator[Facts]:
    """Yield the rows of `table` in the order of its key, as mappings of column names.

    `where`: a condition in SQL; `:name` in it stands for a value of `values`. Raise InvalidInput if it cannot be run,
    or if a name is in one of both only.
    """
    given = values_for(where or "", values)
    (key,) = table.primary_key
    query = select(table).where(*conditions).order_by(key).limit(PAGE)
    if where is not None:
        if not is_one_expression(where):
            raise _wrong(where, "its parentheses do not match")
        query = query.where(text(f"({with_sqlalchemy_marks(where)}\n)"))
    last: Any = None
    while True:
        with database.read() as connection:
            page = query if last is None else query.where(key > last)
            try:
                rows = connection.execute(page, given).mappings().all()
            except (exc.StatementError, exc.CompileError) as error:
                cause = getattr(error, "orig", None) or error
                if where is None or explained(database.location, cause) is not None:  # a locked file, a full disk
                    raise
                reason = str(cause).strip().splitlines()[0]
                raise _wrong(where, reason) from error
        for row in rows:
            yield dict(row)
        if len(rows) < PAGE:
            return
        last = rows[-1][key.name]


def _wrong(where: str, reason: str) -> InvalidInput:
    return InvalidInput(f"The condition {where!r} cannot be run: {reason}.", code="input.sql")
