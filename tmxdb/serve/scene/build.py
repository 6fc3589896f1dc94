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
from tmxdb.errors import DiskError, GbxError, InvalidInput, RetryLater
from tmxdb.gbx import read_challenge, read_replay
from tmxdb.serve.limited_cache import LimitedCache
from tmxdb.serve.run.captured import captured_telemetry
from tmxdb.serve.scene.blocks import PackedBlocks, no_blocks, packed_blocks
from tmxdb.serve.scene.lines import PackedLine, packed_line, unpack
from tmxdb.serve.scene.states import packed_states
from tmxdb.storage import Storage, id_name
from tmxdb.styles import plain

MAGIC, VERSION = b"TMXS", 2
MAX_GHOSTS = 100
NO_ROW = "it is not downloaded"
"""Why a replay that was asked for is left out."""
_MAP = "SELECT file_path, sha256 FROM maps WHERE track_id = :track_id AND status = 'done'"
_COLUMNS = """replay_id, user_name, coalesce(race_time_ms, site_time_ms) AS time_ms, position, checkpoints_ms, device,
 file_path, sha256, (SELECT folder_path FROM captures WHERE captures.replay_id = replays.replay_id
 AND captures.status = 'done' ORDER BY finished_at IS NULL, finished_at DESC, capture_id DESC LIMIT 1) AS folder_path"""
_FASTEST = f"""
SELECT {_COLUMNS} FROM replays WHERE track_id = :track_id AND status = 'done'
ORDER BY position IS NULL, position, replay_id LIMIT :n"""
_CHOSEN = "SELECT {columns} FROM replays WHERE track_id = :track_id AND status = 'done' AND replay_id IN ({ids})"
_OTHER_TRACK = """
SELECT replay_id, track_id FROM replays WHERE track_id <> :track_id AND replay_id IN ({ids})
ORDER BY replay_id LIMIT 1"""


@dataclass(frozen=True, slots=True)
class TrackScene:
    """A scene as it is sent: packed with gzip. `etag` changes with its content."""

    packed: bytes
    etag: str
    plain_bytes: int


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """The line of a run, and what was pressed at each of its points."""

    line: PackedLine
    states: bytes
    has_inputs: bool
    has_gears: bool

    def header(self) -> dict[str, Any]:
        """Return what the browser must know to unpack it."""
        return {**self.line.header(), "has_inputs": self.has_inputs, "has_gears": self.has_gears}


class _FileUnavailable(Exception):
    """A file is missing or cannot be read. That may change without a change of its row, so the scene is not kept."""


class SceneBuilder:
    """Builds scenes, one at a time: a second request for the same one waits and finds it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._scenes: LimitedCache[TrackScene] = LimitedCache(lambda scene: len(scene.packed), 32_000_000)
        self._runs: LimitedCache[DrawnRun | str] = LimitedCache(
            lambda run: 200 + (len(run) if isinstance(run, str) else len(run.line.data) + len(run.states)), 32_000_000
        )
        self._maps: LimitedCache[PackedBlocks] = LimitedCache(lambda blocks: 1000 + len(blocks.data), 8_000_000)
        self._building = threading.Lock()

    def scene(
        self,
        track_id: int,
        ghosts: Sequence[dict[str, Any]],
        map_row: dict[str, Any] | None,
        replay_ids: Sequence[int] = (),
    ) -> TrackScene:
        """Return the scene of some rows of `replays` and the row of the map (see `read_rows`).

        `replay_ids`: those that were asked for. The scene names those without a row.
        """
        missing = tuple(sorted(set(replay_ids) - {row["replay_id"] for row in ghosts}))
        key = (track_id, map_row and map_row["sha256"], missing, *(repr(sorted(row.items())) for row in ghosts))
        found = self._scenes.get(key)
        if found is None:
            with self._building:
                found = self._scenes.get(key)
                if found is None:
                    found, has_every_file = self._build(track_id, ghosts, map_row, missing)
                    if has_every_file:
                        self._scenes.put(key, found)
        return found

    def _build(
        self,
        track_id: int,
        rows: Sequence[dict[str, Any]],
        map_row: dict[str, Any] | None,
        missing: Sequence[int],
    ) -> tuple[TrackScene, bool]:
        """Return the scene, and whether every file of it could be read."""
        ghosts, parts = [], []
        left_out = [{"replay_id": id_name(one), "reason": NO_ROW} for one in missing]
        has_every_file = True
        for row in rows:
            try:
                run = self._run(row)
            except _FileUnavailable as error:
                run, has_every_file = str(error), False
            if isinstance(run, str) or not run.line.n:
                reason = run if isinstance(run, str) else "it has no positions on the map"
                left_out.append({"replay_id": id_name(row["replay_id"]), "reason": reason})
                continue
            parts += [run.line.data, run.states]
            ghosts.append(_ghost(row) | run.header())
        try:
            blocks, problem = self._blocks(map_row)
        except _FileUnavailable as error:
            blocks, problem, has_every_file = no_blocks(), f"The map is not drawn: {error}.", False
        parts.append(blocks.data)
        header = {
            "track_id": id_name(track_id), "ghosts": ghosts, "left_out": left_out, "blocks": blocks.header(),
            "map_problem": problem,
        }  # fmt: skip
        plain = encode(header, parts)
        packed = gzip.compress(plain, 6, mtime=0)
        etag = f'"{len(packed):x}-{struct.unpack("<I", packed[-8:-4])[0]:08x}"'
        return TrackScene(packed, etag, len(plain)), has_every_file

    def _run(self, row: dict[str, Any]) -> DrawnRun | str:
        """Return the line of a replay, or why there is none. Raise _FileUnavailable."""
        key = (row["replay_id"], row["sha256"], row["folder_path"])
        run = self._runs.get(key)
        if run is None:
            data = self._read(row["file_path"])
            try:
                replay = read_replay(data)
                line = packed_line(replay)
                telemetry = captured_telemetry(self._storage, row["folder_path"])
                states, has_inputs = packed_states(unpack(line)[0], replay, telemetry)
                run = DrawnRun(line, states, has_inputs, telemetry is not None)
            except (GbxError, InvalidInput) as error:
                run = str(error)
            self._runs.put(key, run)
        return run

    def _blocks(self, map_row: dict[str, Any] | None) -> tuple[PackedBlocks, str | None]:
        """Return the blocks of a map, and why there are none. Raise _FileUnavailable."""
        if map_row is None:
            return no_blocks(), "The map is not downloaded: only lines are drawn."
        found = self._maps.get(map_row["sha256"])
        if found is not None:
            return found, None
        data = self._read(map_row["file_path"])
        try:
            found = packed_blocks(read_challenge(data))
        except GbxError as error:
            return no_blocks(), f"The map cannot be read ({error}): only lines are drawn."
        self._maps.put(map_row["sha256"], found)
        return found, None if found.n else "The map has no readable blocks: only lines are drawn."

    def _read(self, path: str | None) -> bytes:
        """Return the bytes of a file. Raise _FileUnavailable with the reason, which has no full stop."""
        try:
            data = self._storage.read(path) if path else None
        except (DiskError, RetryLater) as error:
            raise _FileUnavailable(str(error).removesuffix(".")) from error
        if data is None:
            raise _FileUnavailable("its file is missing")
        return data


def encode(header: dict[str, Any], parts: Sequence[bytes]) -> bytes:
    """Return a scene: `TMXS`, u32 version, u32 size of the header, the header as JSON, the parts.

    Header and parts begin at multiples of 4 bytes. The parts are line and states of each ghost in the order of the
    header, then the blocks.
    """
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(part + bytes(-len(part) % 4) for part in parts)
    return MAGIC + struct.pack("<II", VERSION, len(text)) + text + body


def track_name(reader: Reader, track_id: int) -> str:
    """Return the name of a track. Raise InvalidInput if it does not exist."""
    row = reader.row("SELECT name FROM tracks WHERE track_id = :id", id=track_id)
    if row is None:
        raise InvalidInput(f"The database has no track {id_name(track_id)}.", code="input.no_row")
    return plain(row["name"] or "")


def check_chosen(reader: Reader, track_id: int, replay_ids: Sequence[int]) -> None:
    """Raise InvalidInput if the track does not exist, or if one of the replays belongs to another track."""
    track_name(reader, track_id)
    other = reader.row(_OTHER_TRACK.format(ids=_listed(replay_ids)), track_id=track_id) if replay_ids else None
    if other is not None:
        replay, track = id_name(other["replay_id"]), id_name(other["track_id"])
        raise InvalidInput(
            f"Replay {replay} belongs to track {track}. Choose replays of track {id_name(track_id)}, or open"
            f" /track/{track}/3d?replays={replay}.",
            code="input.parameter",
        )


def read_rows(
    reader: Reader, track_id: int, *, replay_ids: Sequence[int] = (), top: int = 10
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """Return the chosen downloaded replays of a track (the first `top` of the leaderboard), and its map."""
    if replay_ids:
        rows = reader.rows(_CHOSEN.format(columns=_COLUMNS, ids=_listed(replay_ids)), track_id=track_id)
        rows.sort(key=lambda row: (row["position"] is None, row["position"] or 0, row["replay_id"]))
    else:
        rows = reader.rows(_FASTEST, track_id=track_id, n=min(top, MAX_GHOSTS))
    return rows, reader.row(_MAP, track_id=track_id)


def _listed(replay_ids: Sequence[int]) -> str:
    return ", ".join(str(int(one)) for one in replay_ids[:MAX_GHOSTS])


def _ghost(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "replay_id": id_name(row["replay_id"]),
        "name": row["user_name"] or "unknown",
        "time_ms": row["time_ms"],
        "rank": None if row["position"] is None else row["position"] + 1,
        "device": row["device"],
        "checkpoints_ms": json.loads(row["checkpoints_ms"] or "[]"),
    }
