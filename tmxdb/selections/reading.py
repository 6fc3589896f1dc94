"""Selections for commands that only look: read in plain SQL, without SQLAlchemy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.selections.selection import Listed, Selection, selection_of, unknown_selection, why_empty

_LISTED = """
SELECT selections.*, (SELECT count(*) FROM selection_tracks WHERE selection = selections.name) AS n
FROM selections ORDER BY name"""
_TRACKS = "SELECT track_id FROM selection_tracks WHERE selection = :name ORDER BY rank, track_id"


@dataclass(frozen=True, slots=True)
class ChosenTracks:
    """The tracks that a command is about: those with `ids`, which were named, or else those of `selection`."""

    selection: str | None
    ids: tuple[int, ...] = ()

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of `condition`."""
        return {"selection": self.selection} if self.selection is not None and not self.ids else {}

    def condition(self, column: str) -> str:
        """Return the condition in SQL that `column` is one of the tracks."""
        if self.ids:
            return f"{column} IN ({', '.join(map(str, self.ids))})"
        return f"{column} IN (SELECT track_id FROM selection_tracks WHERE selection = :selection)"


def find(reader: Reader, name: str) -> Selection:
    """Return the selection `name`. Raise InvalidInput, with the closest name, if there is none."""
    row = reader.row("SELECT * FROM selections WHERE name = :name", name=name)
    if row is None:
        raise unknown_selection(name, [row["name"] for row in reader.rows("SELECT name FROM selections ORDER BY name")])
    return selection_of(row)


def check(reader: Reader, name: str) -> None:
    """Raise InvalidInput if there is no selection `name`, or if it has no tracks: that never means all tracks."""
    selection = find(reader, name)
    if reader.row("SELECT 1 FROM selection_tracks WHERE selection = :name LIMIT 1", name=name) is None:
        raise InvalidInput(f"The selection {name} has no tracks{why_empty(selection)}", code="input.selection")


def listed(reader: Reader) -> list[Listed]:
    """Return all selections with the number of their tracks, by name."""
    return [Listed(selection_of(row), row["n"]) for row in reader.rows(_LISTED)]


def track_ids(reader: Reader, name: str) -> list[int]:
    """Return the tracks of a selection in its order."""
    return [row["track_id"] for row in reader.rows(_TRACKS, name=name)]


def known_tracks(reader: Reader, ids: Sequence[int]) -> list[int]:
    """Return those of `ids` that the database has, in their order."""
    condition = ChosenTracks(None, tuple(ids)).condition("track_id")
    found = {row["track_id"] for row in reader.rows(f"SELECT track_id FROM tracks WHERE {condition}")}
    return [track_id for track_id in ids if track_id in found]
