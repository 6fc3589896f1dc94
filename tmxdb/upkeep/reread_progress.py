"""Progress of a `tmxdb reread --all`, stored in the database so that a run that was stopped continues where it was.

A run without `--all` needs none: the version of the reader in each row says what is left.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace

from sqlalchemy import Connection, delete

from tmxdb.db.models import SettingRow
from tmxdb.db.settings import remember, setting

_KEY = "reread"
_BELOW_ALL_IDS = -(2**63)


@dataclass(frozen=True, slots=True)
class RereadProgress:
    """A run: its options, the id that it has reached in each table, and how many files it has read.

    `version`: that of the reader. A newer one reads all files again.
    """

    selection: str | None
    reader: str
    inputs: bool
    began: str
    version: int
    after: dict[str, int] = field(default_factory=dict)
    files: int = 0

    def after_in(self, table: str) -> int:
        """Return the last id of `table` that was read; an id below all others if none was."""
        return self.after.get(table, _BELOW_ALL_IDS)

    def reached(self, table: str, after: int, files: int) -> RereadProgress:
        """Return the progress after `files` more files of `table`, the last one of the row `after`."""
        return replace(self, after={**self.after, table: after}, files=self.files + files)


def resume_or_start(connection: Connection, start: RereadProgress, *, restart: bool) -> RereadProgress:
    """Return the progress of an interrupted run with the options of `start`, otherwise `start`."""
    stored = setting(connection, _KEY)
    if stored is None or restart:
        return start
    found = RereadProgress(**json.loads(stored))
    is_same = replace(start, began=found.began) == replace(found, after={}, files=0)
    return found if is_same else start


def save(connection: Connection, progress: RereadProgress) -> None:
    """Store `progress`, from which an interrupted run continues."""
    remember(connection, _KEY, json.dumps(asdict(progress)))


def finish(connection: Connection) -> None:
    """Delete the stored progress."""
    connection.execute(delete(SettingRow).where(SettingRow.key == _KEY))
