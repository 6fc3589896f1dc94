"""Put a scene together: which replays, their lines, and the blocks of the map; parts are kept in memory."""

from __future__ import annotations

import gzip
import json
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.serve.limited_cache import LimitedCache
from tmxdb.serve.scene.blocks import PackedBlocks, no_blocks, packed_blocks
from tmxdb.serve.scene.lines import PackedLine, packed_line
from tmxdb.storage import Storage, id_name

MAGIC, VERSION = b"TMXS", 1
MAX_GHOSTS = 100
_MAP = "SELECT file_path, sha256 FROM maps WHERE track_id = :track_id AND status = 'done'"
_COLUMNS = """replay_id, user_name, coalesce(race_time_ms, site_time_ms) AS time_ms, position, checkpoints_ms, device,
 file_path, sha256"""
_FASTEST = f"""
SELECT {_COLUMNS} FROM replays WHERE track_id = :track_id AND status = 'done'
ORDER BY position IS NULL, position, replay_id LIMIT :n"""
_CHOSEN = "SELECT {columns} FROM replays WHERE track_id = :track_id AND status = 'done' AND replay_id IN ({ids})"


@dataclass(frozen=True, slots=True)
class TrackScene:
    """A scene as it is sent: packed with gzip. `etag` changes with its content."""

    packed: bytes
    etag: str
    plain_bytes: int


class SceneBuilder:
    """Builds scenes, one at a time: a second request for the same one waits and finds it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._scenes: LimitedCache[TrackScene] = LimitedCache(lambda scene: len(scene.packed), 32_000_000)
        self._lines: LimitedCache[PackedLine | str] = LimitedCache(
            lambda line: 200 + (len(line) if isinstance(line, str) else len(line.data)), 32_000_000
        )
        self._maps: LimitedCache[PackedBlocks] = LimitedCache(lambda blocks: 1000 + len(blocks.data), 8_000_000)
        self._building = threading.Lock()

    def scene(self, track_id: int, ghosts: Sequence[dict[str, Any]], map_row: dict[str, Any] | None) -> TrackScene:
        """Return the scene of some rows of `replays` and the row of the map (see `read_rows`)."""
        key = (track_id, map_row and map_row["sha256"], *(repr(sorted(row.items())) for row in ghosts))
        found = self._scenes.get(key)
        if found is None:
            with self._building:
                found = self._scenes.get(key)
                if found is None:
                    found = self._build(track_id, ghosts, map_row)
                    self._scenes.put(key, found)
        return found

    def _build(self, track_id: int, rows: Sequence[dict[str, Any]], map_row: dict[str, Any] | None) -> TrackScene:
        ghosts, left_out, parts = [], [], []
        for row in rows:
            line = self._line(row)
            if isinstance(line, str) or not line.n:
                reason = line if isinstance(line, str) else "it has no positions on the map"
                left_out.append({"replay_id": id_name(row["replay_id"]), "reason": reason})
                continue
            parts.append(line.data)
            ghosts.append(_ghost(row) | line.header())
        blocks, problem = self._blocks(map_row)
        parts.append(blocks.data)
        header = {
            "track_id": id_name(track_id), "ghosts": ghosts, "left_out": left_out, "blocks": blocks.header(),
            "map_problem": problem,
        }  # fmt: skip
        plain = encode(header, parts)
        packed = gzip.compress(plain, 6, mtime=0)
        return TrackScene(packed, f'"{len(packed):x}-{struct.unpack("<I", packed[-8:-4])[0]:08x}"', len(plain))

    def _line(self, row: dict[str, Any]) -> PackedLine | str:
        """Return the line of a replay, or why there is none."""
        key = (row["replay_id"], row["sha256"])
        line = self._lines.get(key)
        if line is None:
            data = self._read(row["file_path"])
            if data is None:
                return "its file is missing"
            try:
                line = packed_line(read_replay(data))
            except (GbxError, InvalidInput) as error:
                line = str(error)
            self._lines.put(key, line)
        return line

    def _blocks(self, map_row: dict[str, Any] | None) -> tuple[PackedBlocks, str | None]:
        """Return the blocks of a map, and why there are none."""
        if map_row is None:
            return no_blocks(), "The map is not downloaded: only lines are drawn."
        found = self._maps.get(map_row["sha256"])
        if found is not None:
            return found, None
        data = self._read(map_row["file_path"])
        try:
            if data is None:
                return no_blocks(), "The file of the map is missing: only lines are drawn."
            found = packed_blocks(read_challenge(data))
        except GbxError as error:
            return no_blocks(), f"The map cannot be read ({error}): only lines are drawn."
        self._maps.put(map_row["sha256"], found)
        return found, None if found.n else "The map has no readable blocks: only lines are drawn."

    def _read(self, path: str | None) -> bytes | None:
        try:
            return self._storage.read(path) if path else None
        except OSError:
            return None


def encode(header: dict[str, Any], parts: Sequence[bytes]) -> bytes:
    """Return a scene: `TMXS`, u32 version, u32 size of the header, the header as JSON, the parts.

    Header and parts begin at multiples of 4 bytes. The parts are the lines in the order of the header, then the blocks.
    """
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(part + bytes(-len(part) % 4) for part in parts)
    return MAGIC + struct.pack("<II", VERSION, len(text)) + text + body


def read_rows(
    reader: Reader, track_id: int, *, replay_ids: Sequence[int] = (), top: int = 10
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the chosen downloaded replays of a track (the first `top` of the leaderboard), and its map."""
    if replay_ids:
        ids = ", ".join(str(int(one)) for one in replay_ids[:MAX_GHOSTS])
        rows = reader.rows(_CHOSEN.format(columns=_COLUMNS, ids=ids), track_id=track_id)
        rows.sort(key=lambda row: (row["position"] is None, row["position"] or 0, row["replay_id"]))
    else:
        rows = reader.rows(_FASTEST, track_id=track_id, n=min(top, MAX_GHOSTS))
    return rows, reader.row(_MAP, track_id=track_id)


def _ghost(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "replay_id": id_name(row["replay_id"]),
        "name": row["user_name"] or "unknown",
        "time_ms": row["time_ms"],
        "rank": None if row["position"] is None else row["position"] + 1,
        "device": row["device"],
        "checkpoints_ms": json.loads(row["checkpoints_ms"] or "[]"),
    }
