"""How far a `verify` has come, kept in the database: one that was killed goes on where it was.

In `settings`, under one key: it is one small JSON text, and gone when the run ends.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, delete

from tmxdb.clock import iso
from tmxdb.db.models import Setting
from tmxdb.db.settings import remember, setting
from tmxdb.errors import BadInput
from tmxdb.queue.workers import process_started_ms, this_machine

_KEY, _RESULT = "verify", "verified"
KEPT = 1000
"""Findings that are kept to be told again."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong. `item`: the row, if one is concerned; `mended`: what was done about it."""

    what: str
    item: str | None
    path: str
    why: str
    mended: str | None = None


@dataclass(slots=True)
class Place:
    """A run of `verify`: what was asked, which step it is at and after which key, what it found so far."""

    data: str
    content: bool
    mend: bool
    began: str
    step: str = ""
    after: Any = None
    checked: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, int] = field(default_factory=dict)
    mended: int = 0
    kept: list[Finding] = field(default_factory=list)

    @property
    def unmended(self) -> int:
        """How many findings nothing was done about."""
        return sum(self.wrong.values()) - self.mended

    def add(self, finding: Finding) -> None:
        """Count `finding`, and keep it as long as there is room."""
        self.wrong[finding.what] = self.wrong.get(finding.what, 0) + 1
        self.mended += finding.mended is not None
        if len(self.kept) < KEPT:
            self.kept.append(finding)

    def count(self, what: str, n: int) -> None:
        """`n` more were looked at."""
        self.checked[what] = self.checked.get(what, 0) + n


def begin(connection: Connection, data: str, *, content: bool, mend: bool, anew: bool, now_ms: int) -> Place:
    """The place of a run that was broken off and asked the same, else a fresh one.

    Raises BadInput while another process of this machine is at it.
    """
    found = setting(connection, _KEY)
    told: dict[str, Any] = json.loads(found) if found else {}
    process = told.pop("process", None)
    here = process is not None and process["machine"] == this_machine() and process["pid"] != os.getpid()
    if here and process_started_ms(process["pid"]) == process["started_ms"]:
        raise BadInput(
            f"another `tmxdb verify` is at work (process {process['pid']}). Wait for it, or end it.",
            code="input.at_work",
        )
    asked = {"data": data, "content": content, "mend": mend}
    if told and not anew and {name: told[name] for name in asked} == asked:
        return Place(**{**told, "kept": [Finding(**finding) for finding in told["kept"]]})
    return Place(data, content, mend, iso(now_ms))


def keep(connection: Connection, place: Place) -> None:
    """Come back to `place` after whatever happens from now on."""
    pid = os.getpid()
    process = {"machine": this_machine(), "pid": pid, "started_ms": process_started_ms(pid)}
    remember(connection, _KEY, json.dumps({**asdict(place), "process": process}))


def end(connection: Connection, place: Place, now_ms: int) -> None:
    """The run is over: its place is forgotten, its result remembered."""
    connection.execute(delete(Setting).where(Setting.key == _KEY))
    result = {"ended": iso(now_ms), "began": place.began, "content": place.content}
    result |= {"checked": place.checked, "wrong": place.wrong, "mended": place.mended}
    remember(connection, _RESULT, json.dumps(result))
