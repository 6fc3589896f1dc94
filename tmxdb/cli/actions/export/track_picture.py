"""Read the best runs of a track and draw them together, for `tmxdb plot --track-id`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tmxdb.cli.shared.output import message
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.formats import plural
from tmxdb.storage import Storage, id_name
from tmxdb.styles import plain

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.pictures.captured import ReplayFile
    from tmxdb.pictures.track_lines import TrackRun

TOP, MAX_TOP = 10, 200


def draw_track_runs(database: Database, storage: Storage, track_id: int, *, top: int, heat: bool, dark: bool) -> bytes:
    """Return a PNG of the best `top` downloaded replays of a track. What cannot be read is named and left out.

    Raise InvalidInput if no run can be drawn.
    """
    from tmxdb.pictures.captured import track_replays
    from tmxdb.pictures.theme import DARK, LIGHT
    from tmxdb.pictures.track_lines import draw_track
    from tmxdb.upkeep.data_folder_check import check_data_folder

    files = track_replays(database, track_id, top)
    if not files:
        raise InvalidInput(
            f"track {id_name(track_id)} has no downloaded replay. `tmxdb run` downloads them.", code="input.no_replay"
        )
    check_data_folder(database, storage, changes=False)
    runs = [run for file in files if (run := _run(storage, file)) is not None]
    what = "speed of the best" if heat else "the best"
    title = f"{plain(files[0].track_name or 'track')} - {what} {plural(len(runs), 'downloaded run')}"
    return draw_track(title, runs, heat=heat, theme=DARK if dark else LIGHT)


def _run(storage: Storage, file: ReplayFile) -> TrackRun | None:
    from tmxdb.gbx import read_replay
    from tmxdb.pictures.controls import control_steps
    from tmxdb.pictures.driven_line import ghost_line
    from tmxdb.pictures.track_lines import TrackRun

    data = storage.read(file.path) if file.path else None
    try:
        replay = None if data is None else read_replay(data)
        line = None if replay is None else ghost_line(replay)
        if replay is None or line is None:
            why = "it has no samples" if replay else "its file is missing"
            message(f"replay {id_name(file.replay_id)} is left out: {why}.")
            return None
        end_ms = replay.race_time_ms
        respawns_ms = control_steps(replay.inputs, end_ms or line.times_ms[-1]).respawns_ms if replay.inputs else ()
        name = plain(file.user_name or "unknown")
        return TrackRun(replace(line, name=name), end_ms, replay.checkpoints_ms or (), respawns_ms)
    except GbxError as error:
        message(f"replay {id_name(file.replay_id)} is left out: {error}")
        return None
