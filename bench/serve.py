"""Pages of `tmxdb serve` on a large SQLite database, and the data of the 3D view.

    python3 run.py bench serve [--replays 1000000] [--keep FILE] [--gbx FOLDER]

Each page is asked for in this process, without a network. "first" is the first time, "then" the median of five more.
`--gbx FOLDER` measures the 3D view of 50 ghosts: the replays of that folder with 20 to 180 s, repeated.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from bench._filled import fill
from bench._table import print_rows
from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.errors import GbxError
from tmxdb.gbx import read_replay
from tmxdb.serve.app import create_app
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.scene.build import SceneBuilder
from tmxdb.storage import Storage

LIMIT_S = 0.3
GHOSTS = 50
PAGES = (
    ("overview", "/"),
    ("tracks, most awards", "/tracks"),
    ("tracks by name, page 2", "/tracks?order=name&after=100036"),
    ("search for one track", "/tracks?q=track+2233"),
    ("search for a digit", "/tracks?q=7"),
    ("search that finds nothing", "/tracks?q=no+such+track"),
    ("three filters, few match", "/tracks?environment=coast&tag=tech&min_awards=99"),
    ("a track", "/track/2233"),
    ("a replay", "/replay/2233"),
    ("a driver", "/driver/7919"),
    ("captures", "/captures"),
    ("SQL, a track", "/sql?q=select+*+from+leaderboard+where+track_id+=+2233"),
    ("failures", "/failures"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replays", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--gbx", type=Path)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tmxdb-serve-"))
    try:
        path = wanted.keep or folder / "tmx.db"
        if not path.exists():
            made = Database(str(path))
            upgrade(made)
            fill(made, 1, wanted.replays)
            made.close()
        measure_pages(path)
        if wanted.gbx:
            measure_scene(wanted.gbx, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure_pages(path: Path) -> None:
    mirror = ServedMirror(str(path), Storage(path.parent / "data"))
    begin_s = time.perf_counter()
    tracks = len(mirror.tracks.get())
    built_s = time.perf_counter() - begin_s
    with TestClient(create_app(mirror), "http://127.0.0.1") as client:
        rows = [_row(client, name, address) for name, address in PAGES]
    title = f"pages with {tracks:,} tracks, {path.stat().st_size / 1e9:.2f} GB"
    print_rows(title, ("page", "first (ms)", "then (ms)", "KB", "below 0.3 s"), rows)
    print(f"The index of tracks was built in {built_s:.1f} s.")


def _row(client: Any, name: str, address: str) -> tuple[object, ...]:
    times_s = []
    for _ in range(6):
        begin_s = time.perf_counter()
        answer = client.get(address)
        times_s.append(time.perf_counter() - begin_s)
        assert answer.status_code == 200, answer.text
    then_s = statistics.median(times_s[1:])
    is_fast = "yes" if then_s < LIMIT_S else "no"
    return name, 1000 * times_s[0], 1000 * then_s, len(answer.content) / 1000, is_fast


def measure_scene(gbx: Path, folder: Path) -> None:
    """Print time and size of a scene of 50 ghosts of real replays."""
    files = [path for path in sorted(gbx.rglob("*.[Gg]bx")) if _has_line(path)]
    rows = []
    for number in range(GHOSTS):
        path = files[number % len(files)]
        rows.append({"replay_id": number + 1, "user_name": f"driver {number}", "time_ms": None, "position": number,
                     "checkpoints_ms": None, "device": None, "file_path": str(path), "folder_path": None,
                     "sha256": hashlib.sha256(f"{number}".encode()).hexdigest()})  # fmt: skip
    builder = SceneBuilder(Storage(folder))
    times_s = []
    for _ in range(2):
        begin_s = time.perf_counter()
        scene = builder.scene(1, rows, None)
        times_s.append(time.perf_counter() - begin_s)
    size = f"{scene.plain_bytes:,} bytes, {len(scene.packed):,} packed"
    print(f"3D data of {GHOSTS} ghosts ({len(files)} different): {size}; first {times_s[0]:.2f} s,"
          f" then {1000 * times_s[1]:.1f} ms")  # fmt: skip


def _has_line(path: Path) -> bool:
    try:
        replay = read_replay(path)
        return bool(replay.samples) and 20_000 <= (replay.race_time_ms or 0) <= 180_000
    except (GbxError, OSError):
        return False


if __name__ == "__main__":
    main()
