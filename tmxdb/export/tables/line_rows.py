"""The rows of one replay in the table `lines`, made in another process.

Imports no SQLAlchemy, which takes five times as long as all else here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tmxdb.errors import GbxError
from tmxdb.gbx import read_replay
from tmxdb.storage import Storage, unread

NO_POSITIONS = "the file contains no positions."


def line_rows(row: tuple[Any, ...], data: Path) -> list[tuple[Any, ...]] | str:
    """Return the rows of a replay; or why there are none, as a sentence."""
    replay_id, track_id, file_path = row
    path = Storage(data).absolute(file_path)
    try:
        samples = read_replay(path).samples
        if not samples:
            return NO_POSITIONS
        return [(replay_id, track_id, *sample) for sample in samples]
    except OSError as error:
        return unread(error, str(path), get_again="Run `tmxdb verify --repair` to download it again.")
    except GbxError as error:
        return str(error)
