"""The options of `tmxdb sync-tracks`."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.sync.bases import BASES
from tmxdb.tmx.endpoints import MAX_PAGE, ORDERS, PAGE

_ORDER_NAMES = [name + end for name in ORDERS for end in ("", "-asc")]


@dataclass(frozen=True)
class SyncOptions:
    """What to read from the list and what to do with it."""

    order: str | None = option_field(
        "--order",
        type=WordChoice(_ORDER_NAMES),
        metavar="NAME",
        help=f"Read the list in this order, largest first: {', '.join(ORDERS)}; NAME-asc: smallest first.",
    )
    max_tracks: int | None = option_field("--max-tracks", type=int_range(1), metavar="N", help="Stop after N tracks.")
    per_page: int | None = option_field(
        "--per-page",
        type=int_range(1, MAX_PAGE),
        metavar="N",
        help=f"Tracks per request, at most {MAX_PAGE:,}; the site may send fewer.  [default: {PAGE:,}]",
    )
    refresh: bool = option_field(
        "--refresh", is_flag=True, default=False, help="Also read what was updated or active since the last sync."
    )
    priority: str | None = option_field(
        "--priority",
        type=WordChoice(list(BASES)),
        metavar="NAME",
        help=f"What makes a track come first: {', '.join(BASES)}; remembered.  [default: awards]",
    )
    everything: bool = option_field(
        "--all",
        is_flag=True,
        default=False,
        help="In a database of selections: also read the list of all tracks.",
    )
    save_ids: str | None = option_field(
        "--save-ids",
        metavar="FILE",
        help="Write ids to FILE: with --order those read, else those of the selections, or all.",
    )
    force: bool = option_field("--force", is_flag=True, default=False, help="Overwrite the file of --save-ids.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show the first request; send nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )
