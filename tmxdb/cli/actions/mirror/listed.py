"""What `tmxdb select --list` and `--show` print."""

from __future__ import annotations

from typing import Any

import click

from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, plural, print_json, print_table
from tmxdb.selections.reading import find, listed, track_ids
from tmxdb.selections.selection import Selection
from tmxdb.storage import id_name


def list_selections(options: DatabaseOptions, *, as_json: bool) -> None:
    """Print all selections."""
    found = listed(open_reader(options))
    if as_json:
        print_json([_as_json(row.selection, row.tracks) for row in found])
    elif not found:
        message("There are no selections; `tmxdb select NAME …` makes one.")
    else:
        print_table(
            ("name", "tracks", "kind", "top", "priority", "chosen", "how"),
            [
                (
                    row.selection.name, row.tracks, "live" if row.selection.is_live else "fixed", row.selection.top,
                    row.selection.priority, row.selection.applied_at, str(row.selection),
                )
                for row in found
            ],
        )  # fmt: skip


def show_selection(options: DatabaseOptions, name: str, *, as_json: bool) -> None:
    """Print a selection and the ids of its tracks."""
    reader = open_reader(options)
    selection, ids = find(reader, name), track_ids(reader, name)
    if as_json:
        print_json(_as_json(selection, len(ids)) | {"track_ids": ids})
        return
    kind = "live: chosen again at each sync" if selection.is_live else "fixed: these tracks"
    message(f"{name}, {kind}. {plural(len(ids), 'track')} by {selection}.")
    message(f"Last chosen: {selection.applied_at or 'not yet'}.")
    message(f"Top: {selection.top or 'as the run says'}. Priority: {selection.priority or 'by popularity'}.")
    for track_id in ids:
        click.echo(id_name(track_id))


def _as_json(selection: Selection, tracks: int) -> dict[str, Any]:
    return {
        "name": selection.name,
        "live": selection.is_live,
        "how": str(selection),
        "where": selection.where,
        "top": selection.top,
        "priority": selection.priority,
        "tracks": tracks,
        "created_at": selection.created_at,
        "applied_at": selection.applied_at,
    }
