"""`tmxdb changes`: what is new since a moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.output import message, plural, print_json, safe
from tmxdb.cli.shared.parse_time import parse_past
from tmxdb.clock import iso
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.reports.changes import SiteChanges

SHOWN = 20
REASONS = {
    "removed": "removed from the leaderboard",
    "improved": "beaten by the same driver",
    "pushed": "pushed below what is listed",
    "replaced": "of an older version of the track",
}


@command()
@option(
    "--since",
    metavar="TIME",
    default="1d",
    show_default=True,
    help="A span before now (2h, 7d), today, yesterday, or a date and time (2026-11-25, 2026-11-25T18:30).",
)
@json_option
def changes(since: str, as_json: bool, only: TrackSelection, options: DatabaseOptions) -> None:
    """Show new tracks, new records and whom they beat, new replays, and what left a leaderboard.

    \b
      tmxdb changes --since yesterday
      tmxdb changes --since 7d --only best
      tmxdb changes --since 30d --track-id 2233
      tmxdb changes --json

    Changes are seen when a leaderboard is listed again: `tmxdb refresh` does that.
    """
    from tmxdb.reports.changes import read_changes

    reader = open_reader(options)
    since_at = iso(parse_past(since, reader.now_ms()))
    found = read_changes(reader, since_at, only.chosen(reader))
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)


def _print(found: SiteChanges) -> None:
    _section("new track", found.tracks, _new_track)
    _section("new record", found.records, _record)
    _section("new replay", found.replays, lambda row: f"{_track(row)}: {_run(row)}, rank {row['rank'] or '-'}")
    _section("replaced map", found.maps, _track)
    _section(
        "replay no longer listed",
        [row for row in found.left if row["reason"] == "removed"],
        lambda row: f"{_track(row)}: {_run(row)}, {REASONS[row['reason']]}",
    )
    others = ", ".join(
        f"{n:,} {REASONS[reason]}" for reason, n in sorted(found.reasons.items()) if reason in REASONS and n
    )
    if others:
        message(f"Replays that left a leaderboard: {others}. Their files stay.")
    if not (found.tracks or found.records or found.replays or found.left or found.maps):
        message(f"Nothing new has been seen since {found.since}. `tmxdb refresh` looks again.")


def _section(noun: str, rows: Sequence[dict[str, Any]], line: Any) -> None:
    if not rows:
        return
    click.echo(f"{plural(len(rows), noun) if ' no' not in noun else f'{len(rows):,} {noun}'}:")
    for row in rows[-SHOWN:]:
        click.echo(safe(f"  {row['at'] or '-'}  {line(row)}", keep=""))
    if len(rows) > SHOWN:
        click.echo(f"  … the latest {SHOWN}; --json has all.")


def _track(row: dict[str, Any]) -> str:
    return f"{id_name(row['track_id'])} {row['track_name'] or ''}".strip()


def _new_track(row: dict[str, Any]) -> str:
    return f"{_track(row)} by {row['uploader_name']}" if row["uploader_name"] else _track(row)


def _run(row: dict[str, Any]) -> str:
    return f"{row['user_name'] or 'unknown'} {_seconds(row['time_ms'])} (replay {id_name(row['replay_id'])})"


def _record(row: dict[str, Any]) -> str:
    line = f"{_track(row)}: {_run(row)}"
    if row["before_replay_id"] is None:
        return f"{line}, the first"
    before = f"{row['before_user_name'] or 'unknown'} {_seconds(row['before_time_ms'])}"
    if row["before_left"] in ("removed", "replaced"):
        return f"{line}; the record before, {before}, was {row['before_left']}"
    if row["faster_by_ms"] is None:
        return f"{line}, ahead of {before}"
    return f"{line}, {_seconds(row['faster_by_ms'])} faster than {before}"


def _seconds(time_ms: int | None) -> str:
    return "-" if time_ms is None else f"{time_ms / 1000:.3f} s"
