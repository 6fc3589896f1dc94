"""What a check gets and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import TmxdbError
from tmxdb.paths import plain
from tmxdb.storage import Storage
from tmxdb.tmx.sites import Site

OK, NOTE, WARNING, PROBLEM = "ok", "note", "warning", "problem"
"""OK: as it should be. NOTE: worth knowing. WARNING: will be a problem. PROBLEM: something does not work."""


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing that was looked at. `cure`: the command that helps."""

    level: str
    found: str
    cure: str | None = None
    check: str = ""

    def of(self, check: str) -> DoctorFinding:
        """Return the same finding of the check `check`, with paths as a person writes them."""
        return replace(self, check=check, found=plain(self.found))


@dataclass(frozen=True, slots=True)
class Examined:
    """The installation that is looked at. Nothing in it is changed.

    `database`: None if it cannot be used, and `trouble` says why. `site`: None without a request (`--offline`).
    """

    location: str
    database: Reader | None
    trouble: TmxdbError | None
    storage: Storage
    site: Site | None
    contact: str | None
    now_ms: int
    deep: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    known_variables: frozenset[str] = frozenset()
    ignored_in_dot_env: Sequence[str] = ()
