"""How a table is divided into files: by the environment of the track, then by ranges of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, null

from tmxdb.db.database import Database
from tmxdb.db.models import TrackRow, table_of
from tmxdb.export.tables.lines import LINES
from tmxdb.export.tables.sources import Row, TableColumn, TableSource, selected_pages, table_sources

IDS_PER_FILE = {
    "tracks": 500_000,
    "replays": 200_000,
    "maps": 500_000,
    "captures": 200_000,
    "checkpoints": 200_000,
    "inputs": 50_000,
    "lines": 10_000,
}
"""Width of the ranges: a file of a complete mirror has at most some 100 MB, and is written in at most a minute."""
UNKNOWN = "unknown"
ENVIRONMENT = TableColumn("environment_name", "category", "environment of the track; also the name of the folder")
_tracks = table_of(TrackRow)
_environment = func.coalesce(_tracks.c.environment_name, UNKNOWN)


@dataclass(frozen=True, slots=True)
class LakeShard:
    """The rows of a table that one file contains. `first` and `last` are ids; None: those of local items."""

    table: str
    environment: str
    first: int | None
    last: int | None

    def file(self, form: str) -> str:
        """Return its path in the lake. Readers take the environment from the name of the folder."""
        ids = "local" if self.first is None else f"{self.first:08d}-{self.last:08d}"
        return f"{self.table}/{ENVIRONMENT.name}={self.environment}/{self.table}-{ids}.{form}"


def shards_of(database: Database, table: str, track_ids: Sequence[int] = ()) -> dict[LakeShard, int]:
    """Return the files of a table and how many rows of the database each one is made from."""
    source, width = _source(table), IDS_PER_FILE[table]
    range_ = case((source.key < 0, null()), else_=source.key // width).label("range")
    counts = _with_tracks(source).with_only_columns(
        range_, _environment.label("environment"), func.count(), maintain_column_froms=True
    )
    found: dict[LakeShard, int] = {}
    for ids in _slices(sorted(set(track_ids))):
        query = counts.where(source.track_id.in_(ids)) if ids else counts
        with database.read() as connection:
            rows = connection.execute(query.group_by(range_, _environment)).fetchall()
        for number, environment, count in rows:
            first = None if number is None else int(number) * width
            shard = LakeShard(table, environment, first, None if first is None else first + width - 1)
            found[shard] = found.get(shard, 0) + count
    return dict(sorted(found.items(), key=lambda item: (item[0].environment, item[0].first or -1)))


def shard_source(shard: LakeShard) -> TableSource:
    """Return the rows of a file, with the environment as their last column."""
    source = _source(shard.table)
    query = _with_tracks(source).where(_environment == shard.environment, *_range(source.key, shard))
    names = [column.name for column in source.columns]
    at = names.index(ENVIRONMENT.name) if ENVIRONMENT.name in names else None
    columns = (*(column for column in source.columns if column.name != ENVIRONMENT.name), ENVIRONMENT)
    expand = partial(_expanded, source, at, shard.environment)
    return replace(source, query=query, columns=columns, expand=expand)


def content_rows(database: Database, source: TableSource, track_ids: Sequence[int]) -> Iterator[Sequence[Row]]:
    """Yield, page by page, what decides the content of a file."""
    if source.content:
        query = source.query.with_only_columns(*source.content, maintain_column_froms=True)
        source = replace(source, query=query, page=_CONTENT_PAGE)
    yield from selected_pages(database, source, track_ids)


def with_environment(rows: Iterable[Row], environment: str) -> list[Row]:
    """Return the rows with the environment as their last value."""
    return [(*row, environment) for row in rows]


_CONTENT_PAGE = 10_000
_IDS_PER_STATEMENT = 10_000


def _source(table: str) -> TableSource:
    return LINES if table == LINES.name else table_sources()[table]


def _with_tracks(source: TableSource) -> Select[Any]:
    if source.key.compare(_tracks.c.track_id):
        return source.query
    return source.query.join(_tracks, _tracks.c.track_id == source.track_id)


def _range(key: ColumnElement[Any], shard: LakeShard) -> list[ColumnElement[bool]]:
    return [key < 0] if shard.first is None else [key >= shard.first, key <= shard.last]


def _expanded(source: TableSource, at: int | None, environment: str, row: Row) -> list[Row]:
    rows = source.expand(row)
    if at is None:
        return with_environment(rows, environment)
    return [(*row[:at], *row[at + 1 :], environment) for row in rows]


def _slices(ids: list[int]) -> Iterator[list[int]]:
    for at in range(0, max(len(ids), 1), _IDS_PER_STATEMENT):
        yield ids[at : at + _IDS_PER_STATEMENT]
