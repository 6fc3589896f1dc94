"""The differences between SQLite and PostgreSQL in SQL. No other module compares the name of the engine.

SQLite has one writer at a time, so row locks and advisory locks are no-ops there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Select,
    Table,
    Text,
    TypeDecorator,
    Update,
    bindparam,
    cast,
    collate,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from tmxdb.db.advisory_lock import AdvisoryLock
from tmxdb.db.packed_inputs import unpack_inputs

POSTGRESQL, SQLITE = "postgresql", "sqlite"
AnySelect = TypeVar("AnySelect", bound=Select[Any])
ROWS = "rows"
"""The parameter of a statement for many rows on PostgreSQL."""
MAX_PACKED_CHARS = 4_000_000
"""Length of one value of ROWS, unless a single row is longer: a server accepts no value above 1 GB."""
_COMPOSED = frozenset({dict, list, tuple})


def engine_name(connection: Connection | Engine) -> str:
    """Return the engine of `connection`, for functions that cache a statement for each engine."""
    return connection.dialect.name


def is_postgresql(connection: Connection | Engine) -> bool:
    """Return whether `connection` leads to a PostgreSQL server."""
    return engine_name(connection) == POSTGRESQL


def insert_into(table: Table, engine: str) -> Any:
    """Return an INSERT that understands `on_conflict_do_update` and `on_conflict_do_nothing`."""
    if engine == SQLITE:
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # takes 50 ms, which commands on SQLite need not wait for

    return postgresql.insert(table)


def insert_many(table: Table, names: Sequence[str], engine: str) -> Any:
    """Return an INSERT as `insert_into` does, of the columns `names` of many rows, for `bulk.execute_many`."""
    if engine == SQLITE:
        return insert_into(table, engine).values({name: bindparam(name) for name in names})
    new = _packed({name: table.c[name] for name in names})
    return insert_into(table, engine).from_select(list(names), select(*new.c), include_defaults=False)


def update_many(table: Table, keys: Mapping[str, Column[Any]], names: Sequence[str], engine: str) -> Update:
    """Return an UPDATE of the columns `names` of many rows for `bulk.execute_many`.

    `keys`: the columns that identify a row, by the name of the parameter with their value. No two rows may have the
    same keys.
    """
    if engine == SQLITE:
        found = [column == bindparam(parameter) for parameter, column in keys.items()]
        return update(table).where(*found).values({name: bindparam(name) for name in names})
    new = _packed({**keys, **{name: table.c[name] for name in names}})
    found = [column == new.c[parameter] for parameter, column in keys.items()]
    return update(table).where(*found).values({name: new.c[name] for name in names})


def _packed(columns: Mapping[str, Column[Any]]) -> Any:
    """Return the rows in the parameter ROWS as a table, with the types of `columns`.

    A statement for each row would run the triggers, which are for each statement, as often.
    """
    typed = (column(name, like.type) for name, like in columns.items())
    rows = func.json_to_recordset(cast(bindparam(ROWS), JSON)).table_valued(*typed)
    return rows.render_derived(name="new", with_types=True)


def packed_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return the values of ROWS for `rows`, each of up to MAX_PACKED_CHARS.

    Raise TypeError for a value that is neither a number nor a text nor None.
    """
    portion: list[str] = []
    chars = 0
    for row in rows:
        if not _COMPOSED.isdisjoint(map(type, row.values())):  # the server would store it as text
            raise TypeError(f"neither a number nor a text: {row}")
        packed = json.dumps(dict(row))
        if portion and chars + len(packed) > MAX_PACKED_CHARS:
            yield f"[{','.join(portion)}]"
            portion, chars = [], 0
        portion.append(packed)
        chars += len(packed) + 1
    if portion:
        yield f"[{','.join(portion)}]"


def any_of(column: Column[Any], parameter: str, engine: str) -> ColumnElement[bool]:
    """Return the condition that `column` is one of the numbers in the bound parameter, which `array` packs.

    One statement serves lists of any length.
    """
    if engine == SQLITE:
        return column.in_(select(func.json_each(bindparam(parameter)).table_valued("value").c.value))
    from sqlalchemy.dialects import postgresql

    return column == func.any(bindparam(parameter, type_=postgresql.ARRAY(BigInteger)))


def array(numbers: Iterable[int], engine: str) -> Any:
    """Return `numbers` as the one value that `any_of` expects."""
    return json.dumps(list(numbers)) if engine == SQLITE else list(numbers)


def may_fold_to(text: ColumnElement[Any], folded: Iterable[str], engine: str) -> ColumnElement[bool]:
    """Return a condition that leaves out only texts that `casefold` in Python turns into no member of `folded`.

    It narrows a search and does not decide: every text outside ASCII passes. SQLite's `lower` leaves its letters as
    they are, and PostgreSQL's depends on the locale, so the caller folds and compares what it reads.
    """
    if engine == SQLITE:
        lower, octets = func.lower(text), func.length(cast(text, LargeBinary))
    else:
        lower, octets = func.lower(collate(text, "C")), func.octet_length(text)
    return or_(lower.in_([one for one in folded if one.isascii()]), octets != func.length(text))


class _JsonNumbers(FunctionElement[Any]):
    inherit_cache = True


@compiles(_JsonNumbers, SQLITE)
def _json_each(element: _JsonNumbers, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_JsonNumbers, POSTGRESQL)
def _jsonb_elements(element: _JsonNumbers, compiler: Any, **options: Any) -> str:
    return f"jsonb_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS jsonb))"


def listed_numbers(parameter: Any) -> Select[Any]:
    """Return the query of the numbers in a bound parameter, which `packed_numbers` packs, on either engine.

    `any_of` is as fast for a statement that is built for one engine.
    """
    return select(literal_column("CAST(value AS BIGINT)")).select_from(_JsonNumbers(parameter))


def packed_numbers(numbers: Iterable[int]) -> str:
    """Return `numbers` as the one value that `listed_numbers` expects."""
    return json.dumps(list(numbers))


class _PackInputs(FunctionElement[Any]):
    inherit_cache = True


class _UnpackInputs(FunctionElement[Any]):
    inherit_cache = True


@compiles(_PackInputs, SQLITE)
def _pack_inputs(element: _PackInputs, compiler: Any, **options: Any) -> str:
    return f"packed_inputs({compiler.process(element.clauses, **options)})"


@compiles(_UnpackInputs, SQLITE)
def _unpack_inputs(element: _UnpackInputs, compiler: Any, **options: Any) -> str:
    return f"inputs_json({compiler.process(element.clauses, **options)})"


@compiles(_PackInputs, POSTGRESQL)
@compiles(_UnpackInputs, POSTGRESQL)
def _unchanged(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


class InputsText(TypeDecorator[str]):
    """The inputs of a replay as JSON text, which SQLite stores packed (`packed_inputs.py`).

    SQLite's functions `packed_inputs` and `inputs_json` convert them where a statement writes or reads the column.
    """

    impl = Text
    cache_ok = True

    def bind_expression(self, bindvalue: BindParameter[Any]) -> ColumnElement[Any]:
        return _PackInputs(bindvalue)

    def column_expression(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        return _UnpackInputs(column)


def packed_inputs(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the inputs in a column as the engine stores them: packed on SQLite, unchanged on PostgreSQL."""
    return _PackInputs(text)


def inputs_for(engine: str, packed: bytes) -> bytes | str:
    """Return packed inputs as a value for a column of `InputsText`."""
    return packed if engine == SQLITE else unpack_inputs(packed)


class _ServerMs(FunctionElement[int]):
    type = BigInteger()
    inherit_cache = True


@compiles(_ServerMs, SQLITE)
def _no_server(element: _ServerMs, compiler: Any, **options: Any) -> str:
    return "NULL"


@compiles(_ServerMs, POSTGRESQL)
def _server_ms(element: _ServerMs, compiler: Any, **options: Any) -> str:
    return "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"


def server_ms() -> ColumnElement[int]:
    """Return the server's time when the row is selected, in ms since 1970. NULL on SQLite, which has no server.

    `database_clock.py` decides what that means. With FOR UPDATE, PostgreSQL may compute it before it waits for a lock.
    """
    return _ServerMs()


def locking(query: AnySelect, *, skip_locked: bool = False, of: Table | None = None) -> AnySelect:
    """Return `query` with its rows locked until the transaction ends; `skip_locked` leaves out rows locked by others.

    `of`: with a join, lock only the rows of this table.
    FOR NO KEY UPDATE: inserts of rows that refer to the locked ones do not wait. SQLite's compiler ignores the clause.
    """
    return query.with_for_update(skip_locked=skip_locked, key_share=True, of=of)


def picking(query: Select[Any], engine: str, table: Table) -> Select[Any]:
    """Return `query`, the keys of up to n rows of `table`, for `key IN (…)` in an UPDATE.

    On PostgreSQL rows that another transaction has locked are skipped. The query becomes a CTE there, because an
    IN (SELECT … LIMIT) may run more than once and lock more than n rows.
    """
    if engine == SQLITE:
        return query
    return select(locking(query, skip_locked=True, of=table).cte("picked").c[0])


def in_key_order(query: Select[Any], engine: str, table: Table) -> Select[Any]:
    """Return `query`, which selects keys of `table`, for `key IN (…)` in an UPDATE that waits for other writers.

    PostgreSQL locks the rows in the order of their keys. An UPDATE alone locks them as it finds them: two transactions
    that lock the same rows in different orders wait for each other, and the server ends one of them.
    """
    if engine == SQLITE:
        return query
    ordered = query.order_by(next(iter(table.primary_key)))
    return select(locking(ordered, of=table).cte("locked").c[0])


def update_where(table: Table, engine: str, *conditions: ColumnElement[bool]) -> Update:
    """Return an UPDATE of all rows that match `conditions`, as `in_key_order` locks them."""
    if engine == SQLITE:
        return update(table).where(*conditions)
    key = next(iter(table.primary_key))
    return update(table).where(key.in_(in_key_order(select(key).where(*conditions), engine, table)))


def lock_for_transaction(connection: Connection, lock: AdvisoryLock, name: str | None = None) -> None:
    """Hold `lock` until the transaction ends; with `name`, one of many locks under its number."""
    if not is_postgresql(connection):
        return
    keys = (lock.value,) if name is None else (lock.value, func.hashtext(name))
    connection.execute(select(func.pg_advisory_xact_lock(*keys)))


def try_lock_for_transaction(connection: Connection, lock: AdvisoryLock) -> bool:
    """Take `lock` until the transaction ends, or return False if another transaction has it."""
    if not is_postgresql(connection):
        return True
    return bool(connection.execute(select(func.pg_try_advisory_xact_lock(lock.value))).scalar())


def character_encoding(connection: Connection) -> str:
    """Return the encoding of the database. UTF8 can store every character, and so can all encodings of SQLite."""
    if not is_postgresql(connection):
        return "UTF8"
    return str(connection.exec_driver_sql("SHOW server_encoding").scalar())


def analyze(connection: Connection) -> None:
    """Update PostgreSQL's statistics after a bulk load: its first queries would be planned for empty tables."""
    if is_postgresql(connection):
        connection.execute(text("ANALYZE"))
