"""The options of `tmxdb select`."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.selections.selection import MAX_PRIORITY
from tmxdb.tmx.endpoints import ORDERS

_ORDER_NAMES = [name + end for name in ORDERS for end in ("", "-asc")]


@dataclass(frozen=True)
class SelectOptions:
    """Which tracks beyond the filters, how much of them, and what to do."""

    order: str | None = option_field(
        "--order",
        type=WordChoice(_ORDER_NAMES),
        metavar="NAME",
        help=f"Order of the tracks, largest first: {', '.join(ORDERS)}; NAME-asc: smallest first.",
    )
    max_tracks: int | None = option_field(
        "--max-tracks", type=int_range(1), metavar="N", help="The first N tracks of that order."
    )
    track_file: str | None = option_field(
        "--track-ids", metavar="FILE", help="The tracks in FILE, one id or URL per line; - is stdin."
    )
    where: str | None = option_field(
        "--where", metavar="SQL", help="Tracks that match a condition on the table tracks, such as 'awards >= 10'."
    )
    top: int | None = option_field(
        "--top",
        type=int_range(1),
        metavar="N",
        help="Keep the best N replays of each track.  [default: the run's]",
    )
    priority: int | None = option_field(
        "--priority",
        type=int_range(1, MAX_PRIORITY),
        metavar="N",
        help="1: before all other tracks; 2: after those; …  [default: by popularity, as all tracks]",
    )
    live: bool | None = option_field(
        "--live/--fixed",
        help="Choose the tracks again at each sync, or keep these tracks.  [default: live, with --track-ids fixed]",
    )
    list_all: bool = option_field("--list", is_flag=True, default=False, help="List all selections.")
    show: str | None = option_field("--show", metavar="NAME", help="Show a selection and its tracks.")
    drop: str | None = option_field("--drop", metavar="NAME", help="Drop a selection; its tracks and their files stay.")
    as_json: bool = option_field("--json", is_flag=True, default=False, help="With --list and --show: write JSON.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show what would be chosen.")
