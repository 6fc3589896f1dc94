"""Rows per second of `sync-tracks`, compared with a plain sqlite3 executemany of the same rows.

    python3 run.py bench sync [--tracks 30000]

The pages are downloaded first. The measured part is from JSON to rows: parse, check, upsert, commit the cursor.
"""

from __future__ import annotations

import argparse
import gc
import json
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import requests

from bench._table import print_rows
from tmxdb.cli import GC_THRESHOLD
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.sync.filters import Filters
from tmxdb.sync.tracks import Synced, TrackSync
from tmxdb.tmx.endpoints import PAGE, TRACK_FIELDS
from tmxdb.tmx.pages import track_page
from tmxdb.tmx.records import TRACK, Page, TrackRecord
from tmxdb_sandbox import running_site


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tracks", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    gc.set_threshold(GC_THRESHOLD)  # as the command does
    with tempfile.TemporaryDirectory() as folder, running_site(tracks=wanted.tracks) as site:
        bodies = fetched_pages(site.url)
        plain, first, again = [], [], []
        for round_ in range(wanted.rounds):
            plain.append(_plain(Path(folder, f"plain-{round_}.db"), bodies))
            database = Database(str(Path(folder, f"tmx-{round_}.db")))
            upgrade(database)
            first.append(synced_per_second(database, bodies))
            again.append(synced_per_second(database, bodies))
            database.close()
    base, *others = (sorted(runs)[wanted.rounds // 2] for runs in (plain, first, again))
    rows: list[list[Any]] = [["sqlite3 executemany, rows ready", base, 1.0]]
    rows += [
        [name, speed, speed / base] for name, speed in zip(("sync, from JSON", "the same again"), others, strict=True)
    ]
    print_rows(f"{wanted.tracks:,} tracks, 1000 a page (median of {wanted.rounds})", ("what", "rows/s", "ratio"), rows)


def fetched_pages(url: str) -> list[bytes]:
    """Return all pages of a site's track list, as bytes."""
    bodies, after = [], 0
    while True:
        parameters = {"fields": TRACK_FIELDS, "count": 1000, "order1": 1, **({"after": after} if after else {})}
        body = requests.get(f"{url}/api/tracks", params=parameters, headers={"User-Agent": "bench"}).content
        bodies.append(body)
        page = json.loads(body)
        if not page["More"]:
            return bodies
        after = page["Results"][-1]["TrackId"]


def _plain(path: Path, bodies: list[bytes]) -> float:
    """Return the rows per second of inserting the same columns into a plain table. Parsing is not counted."""
    pages = [track_page(body, PAGE, "bench") for body in bodies]
    rows = [[(record.track_id, *record.values) for record in page.records] for page in pages]
    names = ["track_id", *TRACK.columns]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"CREATE TABLE tracks (track_id INTEGER PRIMARY KEY, {', '.join(names[1:])})")
    insert = f"INSERT INTO tracks VALUES ({', '.join('?' for _ in names)})"
    began = time.perf_counter()
    for page in rows:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(insert, page)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return sum(map(len, rows)) / seconds


def synced_per_second(database: Database, bodies: list[bytes]) -> float:
    """Return the tracks per second of a sync that gets `bodies`."""
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM syncs")
    sync = TrackSync(database, _PreparedExchange(bodies), _SilentListener(), stop=threading.Event())  # type: ignore[arg-type]
    began = time.perf_counter()
    synced = sync.by_upload(Filters())
    return synced.seen / (time.perf_counter() - began)


class _PreparedExchange:
    """An exchange with prepared answers."""

    def __init__(self, bodies: list[bytes]) -> None:
        self._bodies = iter(bodies)

    def tracks(self, parameters: Any) -> Page[TrackRecord]:
        return track_page(next(self._bodies), PAGE, "bench")


class _SilentListener:
    def page(self, synced: Synced) -> None: ...
    def note(self, message: str) -> None: ...


if __name__ == "__main__":
    main()
