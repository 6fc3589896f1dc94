"""Databases as an older tmxdb left them, full of odd rows, for tests of upgrades; knows no revision by name."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Integer, MetaData, Table, insert, inspect
from sqlalchemy import text as sql

from tests.rows import NOW, STATES
from tmxdb.clock import iso
from tmxdb.db.database import Database
from tmxdb.db.migrate import changing_schema, migrations_folder

Row = dict[str, Any]
STATUSES = tuple(STATES)
TEXTS = ("", 'it\'s "odd"; DROP TABLE tracks; --', "ünï☃漢字\U0001f3ce", "\x1b[2J\r\n\t", "x" * 10_000, "%s :a {b} \\")
NUMBERS = (0, -1, 2**31 - 1, -(2**31), 1, 7)
LARGE = (0, -1, 2**63 - 1, -(2**63), 2**53 + 1, 7)
FRACTIONS = (0.1, 4.0, 1e-300, 1.7976931348623157e308, 1 / 3, 7.5)
BY_TRIGGERS = {"tally"}
"""Tables that only triggers write."""

MUST_BE: dict[str, Row] = {
    "tracks": {"listed_top": -1, "tags": "[5, 99]"},
    "replays": {
        "file_path": "replays/1/a.Replay.Gbx", "file_bytes": 2**31 - 1, "sha256": "0" * 64, "position": 0,
        "checkpoints_ms": "[4170, 6110]", "device": "keyboard",
    },
    "maps": {"source": "replay", "from_replay_id": 2**62, "file_path": "a", "file_bytes": 1, "sha256": "f" * 64},
    "captures": {"folder_path": ""},
    "inputs": {"events": '[[0,"Steer",-65536],[10,"Gas",1]]'},
    "packed_inputs": {"events": '[[0,"Steer",-65536],[10,"Gas",1]]'},
    "adopted_files": {"outcome": "matched"},
    "attempts": {"outcome": "lost"},
    "politeness": {"id": 1},
    "rate_limit": {"id": 1},
    "workers": {"per_second": '{"download": 1.5}'},
}  # fmt: skip
"""What the rules of a table, or its views, ask for. Everything else is as odd as its column takes."""


RENAMED_TABLES = {"politeness": "rate_limit", "inputs": "packed_inputs"}
POSITION = "packing_inputs"
"""The setting that revision 0012 adds."""
UNPACKED = {"packed_inputs": "inputs"}
"""Tables that are read through a view."""
RENAMED_COLUMNS = {("workers", "width"): "concurrency"}
DROPPED = {(table, "lease_until") for table in ("tracks", "replays", "maps", "captures")}
"""What the revisions renamed and dropped: by the names of the older database."""


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(migrations_folder()))
    return made


def revisions() -> list[str]:
    """All there are, the oldest first."""
    return [revision.revision for revision in ScriptDirectory.from_config(config()).walk_revisions()][::-1]


def make(location: str, revision: str) -> Database:
    """A database as the tmxdb of `revision` would have made it."""
    database = Database(location)
    alembic = config()
    with changing_schema(database) as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
    return database


def fill(database: Database) -> None:
    """Rows in every table, whatever tables there are: of each status where there are statuses, else some."""
    tables = MetaData()
    with database.read() as connection:
        tables.reflect(connection)
    keys: dict[str, list[Any]] = {}
    with database.write() as connection:
        for table in tables.sorted_tables:
            if table.name in BY_TRIGGERS | {"alembic_version"}:
                continue
            made = [connection.execute(insert(table).values(**row)) for row in _rows(table, keys)]
            keys[table.name] = [result.inserted_primary_key[0] for result in made]


def everything(database: Database) -> dict[str, list[Row]]:
    """All rows of all tables but the tally, which may be summed up at any time. In an order that depends on them only.

    Reflecting the tables would take ten times as long as reading them.
    """
    with database.read() as connection:
        names = set(inspect(connection).get_table_names()) - BY_TRIGGERS - {"alembic_version"}
        read = {name: sql(f"SELECT * FROM {UNPACKED.get(name, name)}") for name in sorted(names)}
        rows = {name: connection.execute(query).mappings() for name, query in read.items()}
        found = {name: sorted(map(dict, some), key=_in_order) for name, some in rows.items()}
    found["settings"] = [row for row in found.get("settings", []) if row["key"] != POSITION]
    return found if found["settings"] else {name: some for name, some in found.items() if name != "settings"}


def _in_order(row: Row) -> list[str]:
    """The values of a row as text; a truth is a number on SQLite."""
    return [str(int(value) if isinstance(value, bool) else value) for value in row.values()]


def only_old(now: dict[str, list[Row]], before: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return `now` under the names of `before`, without the tables and columns that are newer."""
    return {
        name: [
            {column: row.get(RENAMED_COLUMNS.get((name, column), column), "missing") for column in rows[0]}
            for row in now.get(name, now.get(RENAMED_TABLES.get(name, ""), []))
        ]
        for name, rows in before.items()
    }


def without_dropped(before: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """Return rows of an older database without the columns that a later revision dropped on purpose."""
    return {
        name: [{column: value for column, value in row.items() if (name, column) not in DROPPED} for row in rows]
        for name, rows in before.items()
    }


def counted(database: Database) -> tuple[list[Any], list[Any]]:
    """Rows by kind and status: as the tally has it, and counted."""
    with database.read() as connection:
        tally = connection.execute(sql("SELECT kind, status, n FROM progress ORDER BY kind, status")).fetchall()
        rows = connection.execute(
            sql("SELECT kind, status, count(*) FROM jobs GROUP BY kind, status ORDER BY kind, status")
        ).fetchall()
    return [tuple(row) for row in tally], [tuple(row) for row in rows]


def schema(database: Database) -> set[tuple[Any, ...]]:
    """Everything that the engine knows of the schema: tables, columns, indexes, rules, triggers, views, functions."""
    with database.read() as connection:
        found: set[tuple[Any, ...]] = set()
        if connection.dialect.name == "sqlite":
            rows = connection.execute(sql("SELECT type, name, tbl_name, sql FROM sqlite_master")).fetchall()
            found |= {(*row[:3], " ".join((row[3] or "").split())) for row in rows}
        else:
            for statement in _POSTGRESQL:
                found |= {tuple(row) for row in connection.execute(sql(statement))}
        found |= set(_columns(connection))
    return found


def views(database: Database) -> dict[str, int]:
    """How many rows each view has; reading them shows that they work."""
    with database.read() as connection:
        names = inspect(connection).get_view_names()
        return {name: len(connection.execute(sql(f"SELECT * FROM {name}")).fetchall()) for name in names}


_POSTGRESQL = (
    "SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'rule', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
)


def _columns(connection: Connection) -> Iterator[tuple[Any, ...]]:
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        for column in inspector.get_columns(table):
            yield table, column["name"], str(column["type"]), column["nullable"], column["default"]


def _rows(table: Table, keys: dict[str, list[Any]]) -> Iterator[Row]:
    """As many rows as there are statuses; one where the table takes only one."""
    for i in range(1 if table.name in ("politeness", "rate_limit") else len(STATUSES)):
        row = {column.name: _value(column, i, keys) for column in table.columns if not _is_given_by_engine(column)}
        if "claim_token" in row:
            free = {"available_at", "claimed_by", "lease_until", "error_code", "error", "finished_at"}
            leased = {"lease_until": iso(NOW)} if STATUSES[i] == "running" else {}
            row |= {
                **dict.fromkeys(free),
                "status": STATUSES[i],
                **STATES[STATUSES[i]],
                **leased,
                "losses": i,
                "attempts": i,
                "claim_token": i,
            }
            row = {name: value for name, value in row.items() if name in table.columns}
        yield {**row, **{name: value for name, value in MUST_BE.get(table.name, {}).items() if name in row}}


def _is_given_by_engine(column: Column[Any]) -> bool:
    """Whether it is computed, or PostgreSQL counts it and would give a number that we chose to the next row, too."""
    return column.computed is not None or (column.primary_key and column.server_default is not None)


def _value(column: Column[Any], i: int, keys: dict[str, list[Any]]) -> Any:
    """The i-th odd value of a column. Every column that may be NULL is so in some row."""
    for foreign in column.foreign_keys:
        return keys[foreign.column.table.name][i]
    if column.nullable and i == 2:
        return None
    if isinstance(column.type, Boolean):
        return i % 2 == 0
    if isinstance(column.type, Float):
        return FRACTIONS[i]
    if isinstance(column.type, Integer):
        if column.primary_key:
            return next(itertools.islice((1, 2, 100, 2**31, 2**53 + 1, 2**63 - 1), i, None))
        return (LARGE if isinstance(column.type, BigInteger) else NUMBERS)[i]
    if column.primary_key:
        return f"{i} {TEXTS[i]}"
    return TEXTS[i]
