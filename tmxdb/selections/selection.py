"""A selection as a value: its name, the question to the site, the condition in SQL, and how much of it is wanted."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tmxdb.errors import InvalidInput, UsageError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", re.ASCII)
MAX_PRIORITY = 999


@dataclass(frozen=True, slots=True)
class SiteQuery:
    """A question to the site. `order`: as in `--order`; None: by upload. `parameters`: as in a request.

    `names`: what the user typed, for people.
    """

    order: str | None = None
    max_tracks: int | None = None
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    min_awards: int = 0
    names: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the text for the column `filter`."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    def __str__(self) -> str:
        """Return the question as options: `--order awards --max-tracks 40`."""
        options = {"order": self.order, "max-tracks": self.max_tracks, **self.names}
        options |= {"min-awards": self.min_awards or None}
        return " ".join(f"--{name} {value}" for name, value in options.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Selection:
    """A row of `selections`. Without a query and a condition its tracks were named one by one."""

    name: str
    is_live: bool
    query: SiteQuery | None = None
    where: str | None = None
    top: int | None = None
    priority: int | None = None
    created_at: str | None = None
    applied_at: str | None = None

    @property
    def sends_requests(self) -> bool:
        """Whether an update asks the site: which tracks match, or what is new about tracks that stay the same."""
        return self.query is not None or (not self.is_live and self.applied_at is not None)

    def __str__(self) -> str:
        """Return how its tracks are chosen."""
        parts = [str(self.query) or "all tracks of the site"] if self.query else []
        parts += [f'--where "{self.where}"'] if self.where else []
        return " ".join(parts) or "tracks by id"


@dataclass(frozen=True, slots=True)
class Listed:
    """A selection and how many tracks it has."""

    selection: Selection
    tracks: int


def selection_of(row: Mapping[str, Any]) -> Selection:
    """Return the selection in a row of `selections`."""
    query = SiteQuery(**json.loads(row["filter"])) if row["filter"] else None
    names = ("name", "top", "priority", "created_at", "applied_at")
    values = {name: row[name] for name in names}
    return Selection(is_live=bool(row["is_live"]), query=query, where=row["where_sql"], **values)


def unknown_selection(name: str, known: Sequence[str]) -> InvalidInput:
    """Return the error for a name that no selection has, with the closest of `known`."""
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    there = f" Selections: {', '.join(known[:10])}." if known else " There are none; `tmxdb select` makes one."
    return InvalidInput(f"No selection {name[:60]!r}.{hint}{there}", code="input.selection")


def why_empty(selection: Selection) -> str:
    """Return why a selection has no tracks, as the end of a sentence."""
    if selection.applied_at is None:
        return f" yet. Choose them with `tmxdb sync-tracks --only {selection.name}`."
    return f": no track matches {selection}."


def check_name(name: str) -> str:
    """Return `name`. Raise UsageError if it cannot be the name of a selection."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:60]!r} cannot be the name of a selection: use 1 to 40 letters, digits and . _ -, beginning with a"
            " letter or digit.",
            code="input.selection",
        )
    return name
