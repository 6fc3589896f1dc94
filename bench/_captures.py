"""The measured programs, each in its own process; prints JSON.

`python -m bench._captures floor FOLDER WIDTH HEIGHT FRAMES PORT…`   receives, converts, encodes and writes
`python -m bench._captures durable FOLDER WIDTH HEIGHT FRAMES PORT…` the same, with each file synced
`python -m bench._captures tmxdb FOLDER WIDTH HEIGHT RACE_MS PORT…`  claims, drives, labels, all of it, and settles
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

QUALITY = 90


def main() -> None:
    what, folder, *numbers = sys.argv[1:]
    width, height, amount, *ports = map(int, numbers)
    measure = {"floor": floor, "durable": durable, "tmxdb": tmxdb}[what]
    wall, cpu = time.perf_counter(), time.process_time()
    memory = Memory()
    n = measure(Path(folder), width, height, amount, ports)
    seconds, spent = time.perf_counter() - wall, time.process_time() - cpu
    print(json.dumps({"n": n, "wall_s": seconds, "cpu_s": spent, **memory.summary()}))


class Memory:
    """Samples the resident memory of this process 20 times per second."""

    def __init__(self) -> None:
        import psutil

        self._me = psutil.Process()
        self._samples: list[int] = []
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while True:
            self._samples.append(self._me.memory_info().rss)
            time.sleep(0.05)

    def summary(self) -> dict[str, float]:
        """Return the memory in MB after a quarter of the time, and the maximum after that."""
        quarter = len(self._samples) // 4
        return {"rss_quarter_mb": self._samples[quarter] / 1e6, "rss_most_mb": max(self._samples[quarter:]) / 1e6}


def durable(folder: Path, width: int, height: int, frames: int, ports: list[int]) -> int:
    return floor(folder, width, height, frames, ports, syncs=True)


def floor(folder: Path, width: int, height: int, frames: int, ports: list[int], *, syncs: bool = False) -> int:
    numbers = (width, height, frames)
    threads = [threading.Thread(target=_receive, args=(folder / str(p), *numbers, p, syncs)) for p in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return frames * len(ports)


def _receive(folder: Path, width: int, height: int, frames: int, port: int, syncs: bool) -> None:
    from PIL import Image

    folder.mkdir(parents=True)
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(frames.to_bytes(4, "little"))
        for number in range(frames):
            data = bytearray(4 + 4 * width * height)
            view = memoryview(data)
            at = 0
            while at < len(data):
                at += link.recv_into(view[at:])
            image = Image.frombuffer("RGB", (width, height), view[4:], "raw", "BGRX", 0, 1)
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=QUALITY)
            with open(folder / f"{number}.jpeg", "wb", buffering=0) as file:
                file.write(buffer.getbuffer())
                if syncs:
                    os.fsync(file.fileno())


def tmxdb(folder: Path, width: int, height: int, race_ms: int, ports: list[int]) -> int:
    """Run the command as a user does, with existing rows."""
    from tmxdb.cli.program import tmxdb as command

    os.chdir(folder)
    sys.stdout.flush()
    arguments = ["work", "--kind", "capture", "--n", str(len(ports)), "--base-tmi-port", str(ports[0]),
                 "--trackmania-path", "game", "--game-user", "Bench", "--no-progress"]  # fmt: skip
    command.main(arguments, standalone_mode=False)
    folders = Path("data/frames").glob("[0-9]*/*")
    return sum(sum(file.name.endswith(".jpeg") for file in os.scandir(path)) for path in folders)


def prepare(folder: Path, width: int, height: int, race_ms: int, tracks: int) -> None:
    """Create a database and files for one capture on each track."""
    from sqlalchemy import insert

    from tmxdb.capture.settings import CaptureSettings
    from tmxdb.db.database import Database
    from tmxdb.db.migrate import upgrade
    from tmxdb.db.models import CaptureRow, MapRow, ReplayRow, TrackRow, table_of

    (folder / "game" / "Tracks").mkdir(parents=True)
    database = Database(str(folder / "tmx.db"))
    upgrade(database)
    settings = CaptureSettings(fps=100, width=width, height=height, quality=QUALITY)
    done = {"status": "done", "finished_at": "2026-01-01T00:00:00.000Z"}
    with database.write() as connection:
        for track_id in range(1, tracks + 1):
            challenge, replay, uid = _made(track_id, race_ms)
            files = [_file(folder, f"tracks/{track_id}.Challenge.Gbx", challenge),
                     _file(folder, f"replays/{track_id}/{track_id}_a.Replay.Gbx", replay)]  # fmt: skip
            rows: list[tuple[Any, dict[str, Any]]] = [
                (TrackRow, {"track_id": track_id, "listed_top": 1, **done}),
                (MapRow, {"track_id": track_id, "uid": uid, "source": "site", "name_plain": f"Map {track_id}",
                       **files[0], **done}),
                (ReplayRow, {"replay_id": track_id, "track_id": track_id, "map_uid": uid, **files[1], **done}),
                (CaptureRow, {"replay_id": track_id, "track_id": track_id, "settings": settings.to_json()}),
            ]  # fmt: skip
            for model, row in rows:
                connection.execute(insert(table_of(model)).values(**row))
    database.close()


def _made(track_id: int, race_ms: int) -> tuple[bytes, bytes, str]:
    from tmxdb_sandbox.gbx_writer import write_challenge, write_replay

    uid = f"BenchMap{track_id:019d}"
    challenge = write_challenge(
        uid=uid, name=f"Map {track_id}", author="bench", bronze_ms=4, silver_ms=3, gold_ms=2, author_ms=1
    )
    replay = write_replay(
        challenge, map_uid=uid, environment="Stadium", map_author="bench", race_time_ms=race_ms,
        checkpoints_ms=[race_ms], login="a", nickname="a", ghost_uid="", inputs=[(10, "Accelerate", 1)],
    )  # fmt: skip
    return challenge, replay, uid


def _file(folder: Path, path: str, data: bytes) -> dict[str, Any]:
    target = folder / "data" / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data)
    return {"file_path": path, "file_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


if __name__ == "__main__":
    main()
