"""Find the files behind a picture: the downloaded replay, and the newest finished capture of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import exists, select

from tmxdb.capture.output.reader import read_frames, shows_ghost, unlabelled
from tmxdb.db.database import Database
from tmxdb.db.models import CaptureRow, ReplayRow, SelectionTrackRow, TrackRow, table_of
from tmxdb.db.selected import is_selected
from tmxdb.errors import InvalidInput
from tmxdb.pictures.driven_line import DrivenLine, driven_line
from tmxdb.storage import Storage, id_name


@dataclass(frozen=True, slots=True)
class CapturedRun:
    """A finished capture. `folder` holds its frames on this machine."""

    capture_id: int
    replay_id: int
    folder: Path


@dataclass(frozen=True, slots=True)
class ReplayFile:
    """A replay of the database. `path` is None if it is not downloaded."""

    replay_id: int
    path: str | None
    track_name: str | None
    user_name: str | None


def replay_file(database: Database, replay_id: int) -> ReplayFile:
    """Return the file of a replay and names for its title. Raise InvalidInput if the replay is not in the database."""
    query = select(ReplayRow.replay_id, ReplayRow.file_path, TrackRow.name, ReplayRow.user_name).where(
        ReplayRow.replay_id == replay_id, TrackRow.track_id == ReplayRow.track_id
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        advice = (
            "`tmxdb adopt` adds files of your own."
            if replay_id < 0
            else "Its track's listing adds it: `tmxdb add-tracks TRACK`, then `tmxdb run`."
        )
        raise InvalidInput(
            f"replay {id_name(replay_id)} is not in the database. Check the id. {advice}", code="input.ids"
        )
    return ReplayFile(*row)


def read_replay_file(file: ReplayFile, storage: Storage) -> bytes:
    """Return the content of the file of a replay. Raise InvalidInput if it is missing."""
    data = storage.read(file.path) if file.path else None
    if data is not None:
        return data
    item = f"replay {id_name(file.replay_id)}"
    if not file.path:
        raise InvalidInput(f"{item} is not downloaded. Run `tmxdb work --kind download`.", code="input.no_replay")
    advice = (
        "no exchange has it. Put the file back"
        if file.replay_id < 0
        else "run `tmxdb verify --repair`, then `tmxdb work --kind download`"
    )
    raise InvalidInput(f"{item}: its file {file.path} is missing; {advice}.", code="input.no_file")


def track_replays(database: Database, track_id: int, n: int) -> list[ReplayFile]:
    """Return the best `n` downloaded replays of a track. Raise InvalidInput if the database has no such track."""
    query = (
        select(ReplayRow.replay_id, ReplayRow.file_path, TrackRow.name, ReplayRow.user_name)
        .where(ReplayRow.track_id == track_id, TrackRow.track_id == ReplayRow.track_id, ReplayRow.status == "done")
        .order_by(ReplayRow.position.is_(None), ReplayRow.position, ReplayRow.replay_id)
        .limit(n)
    )
    with database.read() as connection:
        found = [ReplayFile(*row) for row in connection.execute(query)]
        is_known = bool(found) or connection.execute(select(TrackRow.name).where(TrackRow.track_id == track_id)).first()
    if not is_known:
        raise InvalidInput(
            f"track {id_name(track_id)} is not in the database. Check the id, or add it with"
            f" {'`tmxdb adopt`' if track_id < 0 else '`tmxdb add-tracks`'}.",
            code="input.ids",
        )
    return found


def best_replays(database: Database, selection: str, *, captured: bool) -> list[int]:
    """Return the best replay with a file (with `captured`: with a finished capture) of each track of a selection.

    In the order of the selection; tracks without one are left out.
    """
    members = table_of(SelectionTrackRow)
    has_file = (
        exists().where(CaptureRow.replay_id == ReplayRow.replay_id, CaptureRow.status == "done")
        if captured
        else ReplayRow.file_path.is_not(None)
    )
    query = (
        select(members.c.track_id, ReplayRow.replay_id)
        .join(members, members.c.track_id == ReplayRow.track_id)
        .where(members.c.selection == selection, has_file)
        .order_by(members.c.rank, ReplayRow.position.is_(None), ReplayRow.position, ReplayRow.replay_id)
    )
    best: dict[int, int] = {}
    with database.read() as connection:
        for track_id, replay_id in connection.execute(query):
            best.setdefault(track_id, replay_id)
    return list(best.values())


def check_in_selection(database: Database, replay_id: int, selection: str) -> None:
    """Raise InvalidInput if the replay is of no track in the selection."""
    query = select(ReplayRow.replay_id).where(
        ReplayRow.replay_id == replay_id, is_selected(table_of(ReplayRow), selection)
    )
    with database.read() as connection:
        if connection.execute(query).first() is None:
            raise InvalidInput(f"replay {id_name(replay_id)} is of no track in the selection {selection}.",
                               code="input.selection")  # fmt: skip


def captured_run(database: Database, data: Path, replay_id: int, capture_id: int | None = None) -> CapturedRun | None:
    """Return the newest finished capture of a replay, or the one with `capture_id`; None without one."""
    query = select(CaptureRow.capture_id, CaptureRow.folder_path).where(
        CaptureRow.replay_id == replay_id, CaptureRow.status == "done"
    )
    if capture_id is not None:
        query = query.where(CaptureRow.capture_id == capture_id)
    with database.read() as connection:
        row = connection.execute(query.order_by(CaptureRow.finished_at.desc(), CaptureRow.capture_id.desc())).first()
    if row is None or row.folder_path is None:
        return None
    return CapturedRun(row.capture_id, replay_id, data.joinpath(*row.folder_path.split("/")))


def captured_line(run: CapturedRun) -> DrivenLine:
    """Return the line of the captured states. Raise InvalidInput if they are unreadable, or of a watched ghost."""
    if shows_ghost(run.folder):
        raise unlabelled(run.capture_id)
    rows = [(frame.time_ms, frame.position[0], frame.position[2], frame.speed_kmh) for frame in read_frames(run.folder)]
    return driven_line(f"captured ({run.capture_id})", rows)
