"""Which captured run a picture is of: the newest finished capture of a replay, and its frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from tmxdb.capture.reading import captured_frames
from tmxdb.db.engine import Database
from tmxdb.db.models import Capture, Replay, Track
from tmxdb.errors import BadInput
from tmxdb.pictures.drives import DrivenLine


@dataclass(frozen=True, slots=True)
class CapturedRun:
    """A finished capture. `folder` is where its frames lie on this machine."""

    capture_id: int
    replay_id: int
    folder: Path


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A replay of the database. `path` is None where it was not downloaded."""

    replay_id: int
    path: str | None
    track_name: str | None
    user_name: str | None


def replay_file(database: Database, replay_id: int) -> ReplayFile:
    """What the database knows of a replay. Raises BadInput if it does not know it."""
    query = select(Replay.replay_id, Replay.file_path, Track.name, Replay.user_name).where(
        Replay.replay_id == replay_id, Track.track_id == Replay.track_id
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise BadInput(f"replay {replay_id}: the database does not know it.", code="input.ids")
    return ReplayFile(*row)


def captured_run(database: Database, data: Path, replay_id: int, capture_id: int | None = None) -> CapturedRun | None:
    """The newest finished capture of a replay, or just `capture_id`; None if there is none."""
    query = select(Capture.capture_id, Capture.folder_path).where(
        Capture.replay_id == replay_id, Capture.status == "done"
    )
    if capture_id is not None:
        query = query.where(Capture.capture_id == capture_id)
    with database.read() as connection:
        row = connection.execute(query.order_by(Capture.finished_at.desc(), Capture.capture_id.desc())).first()
    if row is None or row.folder_path is None:
        return None
    return CapturedRun(row.capture_id, replay_id, data.joinpath(*row.folder_path.split("/")))


def captured_line(run: CapturedRun) -> DrivenLine:
    """The line of the states that were captured. Raises BadInput if the manifest can not be read."""
    frames = list(captured_frames(run.folder))
    return DrivenLine(
        f"captured ({run.capture_id})",
        [frame.time_ms for frame in frames],
        [frame.position[0] for frame in frames],
        [frame.position[2] for frame in frames],
        [frame.speed_kmh for frame in frames],
    )
