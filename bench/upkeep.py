"""How fast `verify`, `backup` and `copy-db` are, compared with the system calls alone.

    python3 run.py bench upkeep [--replays 100000]

Every replay has a file of 100 bytes, so that the disk does not count, and a row with its facts; one in twenty has its
inputs in the database. Each command runs in its own process, and its start counts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench._command import tmxdb_command
from bench._server import temporary_server
from bench._table import print_rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.packed_inputs import pack_inputs

BODY = b"x" * 100
PER_TRACK = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=100_000)
    n = parser.parse_args().replays
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make(folder, n)
        data = ("--data", str(folder / "data"))
        rows = [
            _row("os.stat, one thread", n, *_timed(lambda: sum(os.stat(path).st_size for path in _paths(folder, n)))),
            _row("tmxdb verify", n, *_command(folder / "tmx.db", *data, "verify")),
            _row("sha256, one thread", n, *_timed(lambda: sum(len(_sha256(path)) for path in _paths(folder, n)))),
            _row("tmxdb verify --hash", n, *_command(folder / "tmx.db", *data, "verify", "--hash")),
            _row("sqlite3 backup", n, *_timed(lambda: _bare_backup(folder))),
            _row("tmxdb backup", n, *_command(folder / "tmx.db", "backup", str(folder / "copy.db"))),
        ]
        with temporary_server() as url:
            if url is not None:
                there, back = ("copy-db", str(folder / "tmx.db"), url), ("copy-db", url, str(folder / "back.db"))
                rows.append(_row("tmxdb copy-db to PostgreSQL", n, *_command(folder / "tmx.db", *there)))
                rows.append(_row("tmxdb copy-db back", n, *_command(folder / "tmx.db", *back)))
        print_rows(f"upkeep of {n:,} replays", ("what", "replays/s", "s", "MB at most"), rows)


def _row(name: str, n: int, seconds: float, mb: object) -> list[object]:
    return [name, n / seconds, seconds, mb]


def _timed(work: object) -> tuple[float, str]:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began, ""


def _command(database: Path, *arguments: str) -> tuple[float, object]:
    measured = tmxdb_command("--db", str(database), *arguments)
    return measured.seconds, measured.peak_mb or ""


def _paths(folder: Path, n: int) -> Iterator[str]:
    """Yield the paths one by one: the memory of this process counts for the processes that it starts."""
    return (f"{folder}/data/{_path(replay_id)}" for replay_id in range(1, n + 1))


def _path(replay_id: int) -> str:
    return f"replays/{1 + replay_id // PER_TRACK}/{replay_id}_driver_{30_000 + replay_id}ms.Replay.Gbx"


def _make(folder: Path, n: int) -> None:
    database = Database(str(folder / "tmx.db"))
    upgrade(database)
    database.close()
    digest = hashlib.sha256(BODY).hexdigest()
    events = pack_inputs((i * 10, "Steer", 65536 - i) for i in range(500))
    with closing(sqlite3.connect(folder / "tmx.db")) as raw, raw:
        tracks = range(1, n // PER_TRACK + 2)
        done = "status, finished_at"
        raw.executemany(
            f"insert into tracks (track_id, listed_top, {done}) values (?, 10, 'done', 'x')", ((t,) for t in tracks)
        )
        for replay_id in range(1, n + 1):
            track_id = 1 + replay_id // PER_TRACK
            path = _path(replay_id)
            file = folder / "data" / path
            if replay_id % PER_TRACK == 0 or replay_id == 1:
                file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(BODY)
            raw.execute(
                "insert into replays (replay_id, track_id, user_id, user_name, site_time_ms, position, file_path,"
                " file_bytes, sha256, game, map_uid, finished, race_time_ms, checkpoints_ms, login, nickname, device,"
                f" {done}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'TMF', ?, 1, 30000, '[1000, 2000, 3000]', ?, ?,"
                " 'keyboard', 'done', 'x')",
                (replay_id, track_id, replay_id, f"user {replay_id}", 30_000 + replay_id, replay_id % PER_TRACK, path,
                 len(BODY), digest, f"uid{track_id:024}", f"login{replay_id}", f"$fff{replay_id}"),
            )  # fmt: skip
            if replay_id % 20 == 0:
                raw.execute("insert into packed_inputs (replay_id, events) values (?, ?)", (replay_id, events))


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bare_backup(folder: Path) -> None:
    source, target = sqlite3.connect(folder / "tmx.db"), sqlite3.connect(folder / "bare.db")
    with closing(source), closing(target):
        source.backup(target)


if __name__ == "__main__":
    main()
