"""Fill a database with a million tracks and ten million replays in a few minutes: the engine itself makes the rows.

Triggers and indexes are dropped first and created again at the end, when the tally is counted, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from tmxdb.db.database import Database
from tmxdb.db.transfer import recount

CHUNK = 250_000
DONE_AT = "'2026-11-01T10:00:00.000Z'"
UPLOADED_AT = "(2008 + i % 18) || '-0' || (1 + i % 9) || '-1' || (i % 10) || 'T10:00:00.000Z'"

TRACKS = f"""
INSERT INTO tracks (track_id, name, uid, author_time_ms, uploader_id, uploader_name, uploaded_at, updated_at, awards,
                    environment, mood, tags, wr_time_ms, priority, status, listed_top, listed_whole, listed_count,
                    finished_at, attempts)
SELECT i, 'Track ' || i, 'uid' || i, 30000 + i % 60000, i % 50000, 'user' || (i % 50000), {DONE_AT}, {DONE_AT},
       i % 100, 1 + i % 7, i % 4, '[' || (i % 19) || ']', 29000 + i % 60000, i, 'done', 50, {{false}}, 10, {DONE_AT}, 1
FROM {{numbers}}"""

# Of ten rows three are pending and seven done; one in 200 has failed for good.
REPLAYS = f"""
INSERT INTO replays (replay_id, track_id, user_id, user_name, site_time_ms, replay_at, position, is_best, listed_at,
                     priority, attempts, status, finished_at, error_code, error, file_path, file_bytes, sha256, game,
                     map_uid, race_time_ms, checkpoint_count, checkpoints_ms, login, nickname, input_count, device,
                     finished, respawns)
SELECT i, track, driver, 'driver' || driver, 20000 + i % 80000, {UPLOADED_AT}, i % 10, {{true}}, {DONE_AT},
       track, CASE WHEN open THEN 0 ELSE 1 END,
       CASE WHEN open THEN 'pending' WHEN bad THEN 'failed' ELSE 'done' END,
       CASE WHEN open THEN NULL ELSE {DONE_AT} END,
       CASE WHEN bad AND NOT open THEN 'gbx.lzo' END,
       CASE WHEN bad AND NOT open THEN 'the body cannot be unpacked' END,
       CASE WHEN open OR bad THEN NULL ELSE 'replays/' || track || '/' || i || '_driver_30000ms.Replay.Gbx' END,
       CASE WHEN open OR bad THEN NULL ELSE 20000 + i % 30000 END,
       CASE WHEN open OR bad THEN NULL ELSE {{hash}} END,
       CASE WHEN open OR bad THEN NULL ELSE 'TMF' END, CASE WHEN open OR bad THEN NULL ELSE 'uid' || track END,
       CASE WHEN open OR bad THEN NULL ELSE 20000 + i % 80000 END, CASE WHEN open OR bad THEN NULL ELSE 5 END,
       CASE WHEN open OR bad THEN NULL ELSE '[4170, 8110, 12050, 16020, 20010]' END,
       CASE WHEN open OR bad THEN NULL ELSE 'login' || driver END,
       CASE WHEN open OR bad THEN NULL ELSE '$f00nick' || driver END, CASE WHEN open THEN NULL ELSE 400 END,
       CASE WHEN open OR bad THEN NULL WHEN i % 7 = 0 THEN 'pad' ELSE 'keyboard' END,
       CASE WHEN open OR bad THEN NULL ELSE {{true}} END, CASE WHEN open OR bad THEN NULL ELSE i % 5 END
FROM (SELECT i, 1 + (i - 1) / 10 AS track, (i * 7919) % 90000 AS driver, i % 10 < 3 AS open, i % 200 = 7 AS bad
      FROM {{numbers}}) AS made"""


def fill(database: Database, first: int, last: int) -> None:
    """Insert the replays `first` to `last`, ten for each track, and their tracks."""
    make = _sqlite if database.path is not None else _postgresql
    make(database, (1 + (first - 1) // 10, 1 + (last - 1) // 10), (first, last))
    with database.write() as connection:
        recount(connection)


def _chunks(tracks: tuple[int, int], replays: tuple[int, int]) -> Iterator[tuple[str, tuple[int, int]]]:
    for sql, (first, last) in ((TRACKS, tracks), (REPLAYS, replays)):
        for start in range(first, last + 1, CHUNK):
            yield sql, (start, min(start + CHUNK - 1, last))


def _sqlite(database: Database, tracks: tuple[int, int], replays: tuple[int, int]) -> None:
    database.close()
    connection = sqlite3.connect(database.path or "", isolation_level=None)
    for pragma in ("journal_mode = DELETE", "journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
        connection.execute(f"PRAGMA {pragma}")
    dropped = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN ('tracks', 'replays')"
        " AND type IN ('trigger', 'index') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in dropped:
        connection.execute(f"DROP {kind} {name}")
    words = {"true": "1", "false": "0", "hash": "printf('%064x', i)"}
    for sql, (first, last) in _chunks(tracks, replays):
        counter = f"WITH RECURSIVE n (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        connection.execute(
            sql.format(numbers=f"({counter} SELECT i FROM n)", **words).replace("INTO", "OR IGNORE INTO")
        )
    for _, _, sql in dropped:
        connection.execute(sql)
    connection.close()
    database.enable_wal()


def _postgresql(database: Database, tracks: tuple[int, int], replays: tuple[int, int]) -> None:
    words = {"true": "true", "false": "false", "hash": "lpad(to_hex(i), 64, '0')"}
    with database.write() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no triggers
        for sql, (first, last) in _chunks(tracks, replays):
            rows = sql.format(numbers=f"generate_series({first}::bigint, {last}) AS n (i)", **words)
            connection.exec_driver_sql(f"{rows} ON CONFLICT DO NOTHING".replace("%", "%%"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE tracks")
        connection.exec_driver_sql("VACUUM ANALYZE replays")


def size_of(database: Database) -> int:
    """Return the size of the database in bytes: of its file, or as the server reports it."""
    if database.path is not None:
        return database.path.stat().st_size
    with database.read() as connection:
        size: Any = connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    return int(size)
