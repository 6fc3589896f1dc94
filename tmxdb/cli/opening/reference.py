"""Opening the replay that `tmxdb game calibrate` and `tmxdb game check --drive` drive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.reference import ReferenceOptions
from tmxdb.errors import InvalidInput
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.capture.games.task import CaptureTask
    from tmxdb.capture.settings import CaptureSettings

_MAX_BYTES = 32 * 2**20


def open_reference(options: ReferenceOptions, settings: CaptureSettings) -> CaptureTask:
    """Return the task of the replay that the options name, or of one from the database.

    Raise InvalidInput if there is none, GbxError or PermanentError if it cannot be driven.
    """
    from tmxdb.capture.calibration.reference import reference_task

    if options.replay is not None and options.replay_id is not None:
        raise InvalidInput("--replay and --replay-id name two replays. Give one of them.", code="input.two_replays")
    if options.replay is not None:
        path = Path(options.replay)
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_BYTES)
        except OSError as error:
            raise InvalidInput(
                f"{path}: {error.strerror or 'cannot be read'}. Name a replay file.", code="input.unreadable"
            ) from error
        return reference_task(data, path.name, settings)
    return _from_database(options, settings)


def _from_database(options: ReferenceOptions, settings: CaptureSettings) -> CaptureTask:
    from tmxdb.capture.calibration.reference import reference_task
    from tmxdb.kinds.captures.reference_replay import choose_reference

    database = open_database(options, read_only=True)
    with database.read() as connection:
        replay_id, path = choose_reference(connection, options.replay_id)
    stored = open_files(options, database).read(path)
    if stored is None:
        raise InvalidInput(
            f"replay {id_name(replay_id)}: {path} no longer exists. Run `tmxdb verify --repair`, or name a replay"
            " file.",
            code="input.no_replay",
        )
    return reference_task(stored, f"replay {id_name(replay_id)}", settings)
