"""The tables that can be exported: their typed columns, and their rows page by page in the order of their key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, Column, ColumnElement, Float, Integer, Select, Table, select

from tmxdb.db.database import Database
from tmxdb.db.models import Base, CaptureRow, MapRow, ReplayInputsRow, ReplayRow, TrackRow, table_of
from tmxdb.db.selected import MAX_IDS_PER_STATEMENT

PAGE = 5_000
"""Rows read in one short transaction: long ones would let the write-ahead log of SQLite grow."""
INTERNAL = frozenset({"priority", "attempts", "losses", "available_at", "claimed_by", "claim_token", "facts_version"})
"""Columns of the queue, which mean nothing outside it."""

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """`type` is one of `PARQUET_TYPES` in `writers.py`. Every column may be null. `doc`: what it means, in Markdown."""

    name: str
    type: str
    doc: str = ""
    unit: str | None = None

    def __post_init__(self) -> None:
        if self.unit is None:
            unit = next((unit for suffix, unit in _UNITS.items() if self.name.endswith(suffix)), None)
            object.__setattr__(self, "unit", unit)


_UNITS = {"_ms": "ms", "_kmh": "km/h", "_bytes": "bytes", "_at": "UTC"}
"""Units that names of columns end with."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table to export. `expand` makes the exported rows of one selected row, of which the first value is the key.

    `content`: columns that decide the exported rows, if they are smaller than the rows themselves.
    """

    name: str
    columns: tuple[TableColumn, ...]
    query: Select[Any]
    key: ColumnElement[Any]
    track_id: ColumnElement[Any]
    expand: Callable[[Row], Iterable[Row]]
    page: int = PAGE
    content: tuple[ColumnElement[Any], ...] = ()


REPLAY_ID = TableColumn("replay_id", "integer", "the replay")
TRACK_ID = TableColumn("track_id", "integer", "its track")


def pages(database: Database, source: TableSource, track_ids: Sequence[int] = ()) -> Iterator[list[Row]]:
    """Yield the rows of `source` in pages, of the given tracks only, or of all."""
    for rows in selected_pages(database, source, track_ids):
        yield [exported for row in rows for exported in source.expand(row)]


def selected_pages(database: Database, source: TableSource, track_ids: Sequence[int] = ()) -> Iterator[Sequence[Row]]:
    """Yield the selected rows of `source` in pages, before they are expanded."""
    ids = sorted(set(track_ids))
    for at in range(0, max(len(ids), 1), MAX_IDS_PER_STATEMENT):
        yield from _pages(database, source, ids[at : at + MAX_IDS_PER_STATEMENT])


def table_sources() -> dict[str, TableSource]:
    """Return the tables by name."""
    replays, inputs = table_of(ReplayRow), table_of(ReplayInputsRow)
    checkpoints = select(
        replays.c.replay_id, replays.c.track_id, replays.c.race_time_ms, replays.c.checkpoints_ms
    ).where(replays.c.checkpoints_ms.is_not(None))
    events = select(inputs.c.replay_id, replays.c.track_id, inputs.c.events).join_from(
        inputs, replays, inputs.c.replay_id == replays.c.replay_id
    )
    sources = [
        *(_table(name, table_of(row)) for name, row in _TABLES.items()),
        TableSource(
            "checkpoints",
            (
                REPLAY_ID,
                TRACK_ID,
                TableColumn("checkpoint", "integer", "number of the checkpoint, from 1"),
                TableColumn("time_ms", "integer", "race time at which it was crossed"),
                TableColumn("is_finish", "boolean", "whether it is the finish of a finished run"),
            ),
            checkpoints,
            replays.c.replay_id,
            replays.c.track_id,
            _checkpoints,
        ),
        TableSource(
            "inputs",
            (
                REPLAY_ID,
                TRACK_ID,
                TableColumn("time_ms", "integer", "race time of the change"),
                TableColumn("control", "text", "name of the control, such as `Steer`"),
                TableColumn("value", "integer", "its new value: 0 or 1, or -65536 to 65536 (above 0 is left)"),
            ),
            events,
            inputs.c.replay_id,
            replays.c.track_id,
            _inputs,
            PAGE // 50,  # a replay has some 500 events
            (inputs.c.replay_id, replays.c.track_id, replays.c.sha256, replays.c.facts_version),
        ),
    ]
    return {source.name: source for source in sources}


_TABLES: dict[str, type[Base]] = {"tracks": TrackRow, "replays": ReplayRow, "maps": MapRow, "captures": CaptureRow}
TABLE_NAMES = (*_TABLES, "checkpoints", "inputs")


def _table(name: str, table: Table) -> TableSource:
    columns = [column for column in table.columns if column.name not in INTERNAL]
    key = table.primary_key.columns[0]
    columns.sort(key=lambda column: column is not key)  # the key first, the others in their order
    return TableSource(
        name,
        tuple(TableColumn(column.name, _type(column), column.doc or "") for column in columns),
        select(*columns),
        key,
        table.c.track_id,
        lambda row: (row,),
    )


_JSON_LISTS = {"checkpoints_ms": "integers", "tags": "integers", "control_names": "texts"}


def _type(column: Column[Any]) -> str:
    if column.name in _JSON_LISTS:
        return _JSON_LISTS[column.name]
    match column.type:
        case Boolean():
            return "boolean"
        case Integer():
            return "integer"
        case Float():
            return "number"
        case _:
            return "time" if column.name.endswith("_at") else "text"


def _pages(database: Database, source: TableSource, ids: list[int]) -> Iterator[Sequence[Row]]:
    query = source.query.order_by(source.key).limit(source.page)
    if ids:
        query = query.where(source.track_id.in_(ids))
    after = None
    while True:
        page = query if after is None else query.where(source.key > after)
        with database.read() as connection:
            rows = connection.execute(page).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        yield rows


def _checkpoints(row: Row) -> Iterator[Row]:
    """Yield a row for each checkpoint that was crossed, numbered from 1."""
    replay_id, track_id, race_time_ms, text = row
    times = json_list(text)
    for number, time_ms in enumerate(times, 1):
        if isinstance(time_ms, int) and time_ms >= 0:
            yield replay_id, track_id, number, time_ms, number == len(times) and time_ms == race_time_ms


def _inputs(row: Row) -> Iterator[Row]:
    replay_id, track_id, text = row
    for event in json_list(text):
        if isinstance(event, list) and len(event) == 3:
            time_ms, control, value = event
            yield replay_id, track_id, time_ms, control, value


def json_list(text: str) -> list[Any]:
    """Return the list in a stored text, or an empty one if it is anything else."""
    try:
        values = json.loads(text)
    except ValueError:
        return []
    return values if isinstance(values, list) else []
