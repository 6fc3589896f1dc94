"""Tracks, replays and maps to capture, generated quickly: files, rows, and a game."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.ports import free_ports
from tests.rows import Rows
from tests.sandbox.game.conftest import build_map, build_replay
from tests.tool import Tool
from tmxdb.arrays.telemetry import telemetry_of
from tmxdb.db.database import Database
from tmxdb.gbx import Sample, read_challenge, read_replay
from tmxdb.kinds.facts import map_columns, replay_columns
from tmxdb_sandbox import RunningGame, running_game
from tmxdb_sandbox.game.picture import map_key_of, read_back

SPEED_MS = 20.0
"""Metres per second."""
RACE_MS = 1200
Inputs = list[tuple[int, str, int]]
"""Events: time, control, value."""


class World:
    """The content of `tool.folder`: `tmx.db`, `data/`, and the folders of a game."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.user = tool.folder / "docs" / "TmForever"
        self.autosaves = self.user / "Tracks" / "Replays" / "Autosaves"
        self.scripts = tool.folder / "docs" / "TMInterface" / "Scripts"
        self.data = tool.folder / "data"
        for folder in (self.user / "Tracks" / "Challenges", self.autosaves, self.scripts, self.data):
            folder.mkdir(parents=True)

    def fill(
        self, tracks: int, replays: int, *, race_ms: int = RACE_MS, inputs: Callable[[int], Inputs] | None = None
    ) -> None:
        """Add tracks with replays that differ in their times and positions. `inputs` returns those of a replay."""
        database = Database(str(self.tool.folder / "tmx.db"))
        rows = Rows(database)
        for track_id in range(1, tracks + 1):
            uid = f"EndToEndMapNumber{track_id:010d}"
            challenge = build_map(uid=uid, name=f"Map {track_id}", checkpoint_count=1)
            columns = map_columns(read_challenge(challenge), uid)
            rows.map(track_id, "done", **{**columns, **self._file(f"tracks/{track_id}.Challenge.Gbx", challenge)})
            for place in range(replays):
                replay_id = 100 * track_id + place
                pressed = inputs(replay_id) if inputs else None
                data = self._replay(challenge, uid, track_id, race_ms + 50 * place, pressed)
                path = f"replays/{track_id}/{replay_id}_ann_{race_ms + 50 * place}ms.Replay.Gbx"
                facts = replay_columns(read_replay(data), uid) | self._file(path, data)
                rows.replay(replay_id, "done", track_id=track_id, position=place, **facts)
        database.close()

    def _replay(self, challenge: bytes, uid: str, track_id: int, race_ms: int, inputs: Inputs | None) -> bytes:
        begin = 100.0 * track_id
        steps = race_ms // 100 + 10
        return build_replay(
            challenge, uid, race_time_ms=race_ms, checkpoints_ms=[race_ms // 2, race_ms],
            inputs=inputs or [(10, "Accelerate", 1), (510, "SteerLeft", 1), (510 + race_ms % 400, "SteerLeft", 0)],
            samples=[(begin + SPEED_MS / 10 * n, 10.0, 50.0) for n in range(steps)],
        )  # fmt: skip

    def _file(self, path: str, data: bytes) -> dict[str, Any]:
        target = self.data / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return {"file_path": path, "file_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    @contextmanager
    def games(self, number: int = 1, *, port: int = 0, **settings: Any) -> Iterator[list[RunningGame]]:
        """Start games on consecutive ports."""
        from contextlib import ExitStack

        with ExitStack() as stack:
            port = port or free_ports(number)
            yield [
                stack.enter_context(
                    running_game(
                        user_folder=self.user,
                        replay_folders=[self.data / "replays"],
                        port=port + i,
                        **{"sees_later_files": True, **settings},
                    )
                )
                for i in range(number)
            ]

    def work(self, games: list[RunningGame]) -> list[str]:
        """Return the arguments of the command that captures with these games."""
        return ["work", "--kind", "capture", "--n", str(len(games)), "--base-tmi-port", str(games[0].port),
                "--trackmania-path", str(self.user), "--game-user", "Ann"]  # fmt: skip

    def check_folder(self, row: dict[str, Any], *, every: bool = True) -> int:
        """Check that each frame shows the tick of its name on the right map, with the car where the ghost was.

        With `every`, also check that no tick is missing. Return the number of frames.
        """
        folder = self.data / row["folder_path"]
        entries = json.loads((folder / "manifest.json").read_bytes())
        metadata = json.loads((folder / "metadata.json").read_bytes())
        replay_path = self.tool.one("select file_path from replays where replay_id = ?", row["replay_id"])
        replay = read_replay((self.data / replay_path).read_bytes())
        samples = list(replay.samples or ())
        finish_ms, uid = replay.race_time_ms, replay.map_uid
        assert finish_ms
        assert uid
        for entry in entries:
            time_ms = entry["time_ms"]
            image = Image.open(BytesIO((folder / entry["file"]).read_bytes())).convert("RGB")
            seen = read_back(image.tobytes(), *image.size)
            assert (seen.race_time_ms, seen.map_key) == (time_ms, map_key_of(uid))
            assert entry["file"] == f"frame_{entry['step']:05d}_{time_ms}ms.jpeg"
            assert entry["state"]["race_time_ms"] == time_ms
            late_m = 1.0 if time_ms == finish_ms else 0.05
            if time_ms <= finish_ms:  # behind it a car that missed the finish drives where the ghost never was
                assert entry["state"]["position"] == pytest.approx(_at(samples, time_ms), abs=late_m), (entry, metadata)
        times = [entry["time_ms"] for entry in entries]
        steps = [entry["step"] for entry in entries]
        assert times == sorted(set(times))
        assert steps == sorted(set(steps))
        names = {path.name for path in folder.iterdir()}
        told = {"manifest.json", "metadata.json"}
        if metadata["settings"]["drive"] == "script":
            told.add("telemetry.parquet")
            self._check_telemetry(folder, metadata, finish_ms, every=every)
        assert names == {entry["file"] for entry in entries} | told
        assert len(entries) == metadata["total_frames"] == row["frame_count"]
        if every:
            fps = metadata["fps"]
            assert times == [*range(0, finish_ms, 1000 // fps), finish_ms]
            assert (metadata["frames_missed"], metadata["time_matches"], metadata["inputs_match"]) == (0, True, True)
        return len(entries)

    @staticmethod
    def _check_telemetry(folder: Path, metadata: dict[str, Any], finish_ms: int, *, every: bool) -> None:
        """Check that every tick is there once, with the car where the frames of the same tick have it."""
        telemetry = telemetry_of(folder, metadata)
        assert telemetry is not None
        times = telemetry.time_ms.tolist()
        assert times == sorted(set(times))
        if every:
            assert times == list(range(0, finish_ms + 1, 10))
            assert (metadata["telemetry"]["ticks"], metadata["telemetry"]["missed"]) == (len(times), 0)
        for entry in json.loads((folder / "manifest.json").read_bytes()):
            row = times.index(entry["time_ms"])
            if entry["time_ms"] < finish_ms:
                assert telemetry.position[row] == pytest.approx(entry["state"]["position"], abs=1e-3)
                assert telemetry.action_idx[row] == entry["action_idx"]

    def captures(self) -> list[dict[str, Any]]:
        return self.tool.rows("select * from captures order by capture_id")


def _at(samples: list[Sample], time_ms: int) -> list[float]:
    """Return the position of the ghost, interpolated between its samples."""
    after = next(n for n, sample in enumerate(samples) if sample.time_ms >= time_ms)
    b = samples[after]
    a = samples[max(0, after - 1)]
    share = 0.0 if a is b else (time_ms - a.time_ms) / (b.time_ms - a.time_ms)
    return [pa + (pb - pa) * share for pa, pb in ((a.x, b.x), (a.y, b.y), (a.z, b.z))]


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
