"""Selections for commands that only look: read in plain SQL, without SQLAlchemy."""

from __future__ import annotations

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput
from tmxdb.selections.selection import Listed, Selection, selection_of, unknown_selection, why_empty

_LISTED = """
SELECT selections.*, (SELECT count(*) FROM selection_tracks WHERE selection = selections.name) AS n
FROM selections ORDER BY name"""
_TRACKS = "SELECT track_id FROM selection_tracks WHERE selection = :name ORDER BY rank, track_id"


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
