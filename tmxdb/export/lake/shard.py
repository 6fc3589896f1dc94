"""Writes one file of a lake, in any process."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

from tmxdb.db.database import Database
from tmxdb.export.lake.layout import LakeShard, content_rows, shard_source, with_environment
from tmxdb.export.lake.records import LakeFile
from tmxdb.export.tables.line_rows import NO_POSITIONS
from tmxdb.export.tables.lines import LINES, pages_of_lines
from tmxdb.export.tables.sources import Row, TableSource, pages
from tmxdb.export.tables.writers import row_writer
from tmxdb.storage import PARTIAL, Storage
from tmxdb.storage.hashing_file import HashingFile
from tmxdb.storage.new_file import NewFile
from tmxdb.storage.os_errors import CHOOSE_OUT

LAYOUT = 1
"""Add one when a table is exported in another way, so that `--since-last` writes it again."""


@dataclass(frozen=True, slots=True, eq=False)
class ShardJob:
    """One file to write. `before`: its record, if it was written before and may be kept as it is."""

    location: str
    data: Path
    out: Path
    form: str
    for_spreadsheet: bool
    shard: LakeShard
    track_ids: tuple[int, ...]
    round: int
    before: LakeFile | None = None

    @property
    def file(self) -> str:
        """Its path in the lake."""
        return self.shard.file(self.form)


def write_shard(job: ShardJob) -> tuple[LakeFile, bool]:
    """Write a file. Return its record, and whether it was written: False if nothing in it has changed.

    Raise DiskError, DatabaseError, or InvalidInput without pyarrow.
    """
    source = shard_source(job.shard)
    with closing(Database(job.location, read_only=True)) as database:
        fingerprint = _fingerprint(database, source, job)
        if job.before is not None and _is_kept(job, job.before, fingerprint):
            return replace(job.before, round=job.round), False
        storage = Storage(job.out, instead=CHOOSE_OUT)
        final = job.out.joinpath(*job.file.split("/"))
        partial = job.out / PARTIAL / f"{os.getpid()}~{final.name}"
        left_out: dict[int, str] = {}

        def make_folders() -> None:
            storage.make_folder(str(partial.parent))
            storage.make_folder(str(final.parent))

        new = NewFile(str(partial), str(final), job.file, make_folders, instead=CHOOSE_OUT)
        try:
            file, rows = HashingFile(new.write), 0
            writer = row_writer(job.form, cast(BinaryIO, file), source.columns, for_spreadsheet=job.for_spreadsheet)
            for page in _pages(database, source, job, left_out):
                writer.write(page)
                rows += len(page)
            writer.close()
            new.publish()
        finally:
            new.discard()
    sha256 = file.sha256
    return LakeFile(job.shard.table, job.file, rows, new.size, sha256, fingerprint, job.round, left_out), True


def _is_kept(job: ShardJob, before: LakeFile, fingerprint: str) -> bool:
    """Return whether the file is as it would be written. Files that could not be read then are tried again."""
    path = job.out.joinpath(*job.file.split("/"))
    tried_again = any(reason != NO_POSITIONS for reason in before.left_out.values())
    return (
        before.fingerprint == fingerprint and not tried_again and path.is_file() and path.stat().st_size == before.bytes
    )


def _pages(database: Database, source: TableSource, job: ShardJob, left_out: dict[int, str]) -> Iterator[list[Row]]:
    if source.name != LINES.name:
        yield from pages(database, source, job.track_ids)
        return
    for rows in pages_of_lines(database, job.data, source, job.track_ids, left_out.__setitem__):
        yield with_environment(rows, job.shard.environment)


def _fingerprint(database: Database, source: TableSource, job: ShardJob) -> str:
    columns = [(column.name, column.type) for column in source.columns]
    digest = hashlib.sha256(repr((LAYOUT, columns)).encode())
    for rows in content_rows(database, source, job.track_ids):
        for row in rows:
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()
