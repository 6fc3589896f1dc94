"""Choosing the tracks of selections, for `select`, `sync-tracks` and `watch`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import StopSignals
from tmxdb.db import settings
from tmxdb.db.database import Database
from tmxdb.errors import InvalidInput
from tmxdb.reports.parameters import is_one_expression
from tmxdb.reports.query import run_query
from tmxdb.selections import members
from tmxdb.selections.selection import Selection
from tmxdb.sync.priority import rank_tracks
from tmxdb.sync.selected import Applied, apply_selection, look_up
from tmxdb.sync.tracks import Synced
from tmxdb.tmx.client import Exchange


def matching_tracks(options: DatabaseOptions, condition: str, limit: int | None = None) -> list[int]:
    """Return the tracks that match an SQL condition, in order of priority. Nothing can be changed by it.

    Raise InvalidInput if the condition is not SQL that `tracks` can answer.
    """
    sql = f"SELECT tracks.track_id FROM tracks WHERE (\n{condition}\n) ORDER BY tracks.priority, tracks.track_id"
    if limit is not None:
        sql += f" LIMIT {limit}"
    check_condition(condition)
    try:
        with run_query(open_reader(options), sql) as result:
            return [row[0] for row in result.rows if isinstance(row[0], int)]
    except InvalidInput as error:
        raise _no_condition(condition, str(error).removeprefix("The SQL cannot be run: ")) from error


def check_condition(condition: str) -> None:
    """Raise InvalidInput if the text cannot be a condition, whatever the database contains."""
    if not is_one_expression(condition):
        raise _no_condition(condition, "its parentheses do not match.")


def _no_condition(condition: str, reason: str) -> InvalidInput:
    return InvalidInput(
        f"--where {condition[:80]!r} is not a condition on tracks: {reason} `tmxdb query` tries SQL out;"
        " docs/reference/schema.md lists the columns.",
        code="input.sql",
    )


def update_selections(
    database: Database,
    options: DatabaseOptions,
    exchange: Exchange | None,
    selections: Sequence[Selection],
    signals: StopSignals,
) -> bool:
    """Choose the tracks of these selections again and rank what is new. Return whether all of them were updated.

    A fixed selection keeps its tracks; their facts are read again.
    """
    complete = True
    for selection in selections:
        if signals.stop.is_set():
            return False
        complete = update_selection(database, options, exchange, selection, signals) and complete
    rank_all(database)
    return complete


def update_selection(
    database: Database,
    options: DatabaseOptions,
    exchange: Exchange | None,
    selection: Selection,
    signals: StopSignals,
    *,
    define: bool = False,
) -> bool:
    """Choose the tracks of one selection, without ranking. Return False if it was interrupted.

    `define`: the selection is new, or has another definition than before; it is stored with its tracks.
    """
    if not selection.is_live and selection.applied_at is not None:
        applied = _look_again(database, exchange, selection, signals)
    else:
        if selection.query is not None:
            message(f"Reading the tracks of {selection.name}: {selection}.")
        matches = partial(matching_tracks, options)
        listener = QuietSync()
        applied = apply_selection(database, exchange, selection, matches, listener, stop=signals.stop, define=define)
        if applied.complete:
            say_applied(selection.name, applied)
    return applied.complete


def say_applied(name: str, applied: Applied) -> None:
    """Print what a selection contains now."""
    changes = {"added": applied.added, "removed": applied.removed}
    changed = ", ".join(f"{n:,} {what}" for what, n in changes.items() if n)
    if not applied.tracks:
        message(f"Selection {name} is empty: no track matches{f'; {changed}' if changed else ''}.")
        return
    new = f"; {plural(applied.new, 'track')} new in the database" if applied.new else ""
    message(f"Selection {name}: {plural(applied.tracks, 'track')}, {changed or 'as before'}{new}.")


def rank_all(database: Database) -> None:
    """Give every track its priority."""
    with database.read() as connection:
        basis = settings.setting(connection, "priority") or "awards"
    rank_tracks(database, basis)


def _look_again(database: Database, exchange: Exchange | None, selection: Selection, signals: StopSignals) -> Applied:
    with database.read() as connection:
        ids = members.track_ids(connection, selection.name)
    if exchange is None:
        return Applied(len(ids), complete=True)
    applied = look_up(database, exchange, ids, stop=signals.stop, note=message)
    if applied.complete:
        missing = len(ids) - applied.tracks
        gone = f", {missing:,} of them no longer on the site" if missing else ""
        message(f"Selection {selection.name}: {plural(len(ids), 'track')}{gone}; {applied.reopened:,} changed.")
    return applied


class QuietSync:
    """Follows a walk and prints only what went wrong."""

    def page(self, synced: Synced) -> None:
        """Print nothing."""

    def note(self, text: str) -> None:
        """Print the sentence."""
        message(text)
