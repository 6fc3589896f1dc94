"""Progress of a `tmxdb verify`, stored in the database so that a run that was stopped continues where it was.

It is one JSON text in `settings`, deleted when the run ends.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, delete

from tmxdb.clock import iso
from tmxdb.db.models import SettingRow
from tmxdb.db.selected import NamedRows, Scope
from tmxdb.db.settings import remember, setting
from tmxdb.errors import InvalidInput
from tmxdb.process_identity import other_process, process_note

_KEY, _RESULT = "verify", "verified"
KEPT = 1000
"""How many findings are stored, to be reported again by a run that continues. With more, progress is no longer stored:
that run continues where these were found, and finds the others again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem. `item`: the row it concerns, if any. `repaired`: what was done about it."""

    what: str
    item: str | None
    path: str
    why: str
    repaired: str | None = None


@dataclass(slots=True)
class VerifyProgress:
    """A run of `verify`: its options, the step and key it has reached, and what it found so far.

    `selection` says in one word which rows are checked: the name of a selection, or the digest of the tracks named.
    """

    data: str
    content: bool
    repair: bool
    move_orphans: bool
    began: str
    selection: str | None = None
    step: str = ""
    after: Any = None
    checked: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    kept: list[Finding] = field(default_factory=list)

    @property
    def unrepaired(self) -> int:
        """How many findings nothing was done about."""
        return sum(self.wrong.values()) - self.repaired

    @property
    def fits(self) -> bool:
        """Whether all findings are kept, so that a run that continues can report them."""
        return sum(self.wrong.values()) == len(self.kept)

    def add(self, finding: Finding) -> None:
        """Count `finding`, and keep it if there is room."""
        self.wrong[finding.what] = self.wrong.get(finding.what, 0) + 1
        self.repaired += finding.repaired is not None
        if len(self.kept) < KEPT:
            self.kept.append(finding)

    def drop(self, finding: Finding) -> None:
        """Forget a stored finding that is no longer true."""
        self.kept.remove(finding)
        self.wrong[finding.what] -= 1
        if not self.wrong[finding.what]:
            del self.wrong[finding.what]

    def count(self, what: str, n: int) -> None:
        """Count `n` more checked items."""
        self.checked[what] = self.checked.get(what, 0) + n


def word_for(scope: Scope | None) -> str | None:
    """Return what `VerifyProgress.selection` stores of the rows that are checked."""
    if not isinstance(scope, NamedRows):
        return scope
    return f"{scope.column} {hashlib.sha256(json.dumps(scope.ids).encode()).hexdigest()}"


def resume_or_start(connection: Connection, start: VerifyProgress, *, restart: bool) -> VerifyProgress:
    """Return the progress of an interrupted run with the options of `start`, otherwise `start`.

    Raise InvalidInput while another process of this machine verifies the database.
    """
    stored = setting(connection, _KEY)
    values: dict[str, Any] = json.loads(stored) if stored else {}
    pid = other_process(values.pop("process", None))
    if pid is not None:
        raise InvalidInput(
            f"another `tmxdb verify` is running (process {pid}). Wait for it, or stop it.", code="input.at_work"
        )
    names = ("data", "content", "repair", "move_orphans")
    same = all(name in values and values[name] == getattr(start, name) for name in names)
    same = same and values.get("selection") == start.selection
    if not same or restart:
        return start
    stored_progress = VerifyProgress(**{**values, "kept": [Finding(**finding) for finding in values["kept"]]})
    return stored_progress if stored_progress.fits else start  # an older version stored any progress


def save(connection: Connection, progress: VerifyProgress) -> None:
    """Store `progress`, from which an interrupted run continues. Without all its findings, keep what was stored."""
    if not progress.fits:
        return
    remember(connection, _KEY, json.dumps({**asdict(progress), "process": process_note()}))


def finish(connection: Connection, progress: VerifyProgress, now_ms: int) -> None:
    """Delete the stored progress and store the result."""
    connection.execute(delete(SettingRow).where(SettingRow.key == _KEY))
    result = {"ended": iso(now_ms), "began": progress.began, "content": progress.content}
    result |= {"checked": progress.checked, "wrong": progress.wrong, "mended": progress.repaired}
    remember(connection, _RESULT, json.dumps(result))
