"""`tmxdb track`: one track, its leaderboard, and what is downloaded. `tmxdb top`: its leaderboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import tracks_and_names
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.opening.items import item_id_in
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import file_size, plural, print_json
from tmxdb.cli.shared.page import counted, line, print_leaderboard, title
from tmxdb.formats import day, race_time
from tmxdb.storage import id_name

if TYPE_CHECKING:
    from tmxdb.reports.pages.track import TrackPage

_SHOWN = option(
    "--top", "n", type=int_range(1, 100_000), metavar="N", default=10, show_default=True, help="Number of replays."
)


@command()
@_SHOWN
@json_option
@click.argument("word", metavar="ID|NAME|URL", shell_complete=tracks_and_names)
def track(n: int, as_json: bool, word: str, options: DatabaseOptions) -> None:
    """Show a track: its facts, medals and leaderboard, and what is downloaded.

    \b
      tmxdb track 2233
      tmxdb track "A01-Race" --top 20
      tmxdb track https://tmnf.exchange/trackshow/2233 --json

    A part of the name is enough. If several tracks match, they are listed. No file is
    looked at: `tmxdb show replay ID` and `tmxdb verify` tell whether one is still there.
    """
    page = _read(options, word, n)
    if as_json:
        print_json(page.as_json())
        return
    _print_facts(page)
    print_leaderboard(page.leaderboard, stunts=_is_stunts(page))
    if page.listed > len(page.leaderboard):
        click.echo(
            f"{page.listed - len(page.leaderboard):,} more: `tmxdb top {id_name(page.track_id)} --top {page.listed}`"
        )


@command()
@option("--top", "n", type=int_range(1, 100_000), metavar="N", default=50, show_default=True, help="Number of replays.")
@json_option
@click.argument("word", metavar="ID|NAME|URL", shell_complete=tracks_and_names)
def top(n: int, as_json: bool, word: str, options: DatabaseOptions) -> None:
    """Show the leaderboard of a track, with device, respawns and gap to the record.

    \b
      tmxdb top 2233
      tmxdb top "A01-Race" --top 100 --json

    The column "download" has the status of each download. No file is looked at.
    """
    page = _read(options, word, n)
    if as_json:
        values = page.as_json()
        print_json({name: values[name] for name in ("track_id", "name", "listed", "leaderboard")})
        return
    title(f"{page.name or 'unnamed'} ({id_name(page.track_id)})")
    print_leaderboard(page.leaderboard, stunts=_is_stunts(page))
    if page.listed > len(page.leaderboard):
        click.echo(f"The first {len(page.leaderboard):,} of {page.listed:,}.")


def _read(options: DatabaseOptions, word: str, n: int) -> TrackPage:
    from tmxdb.reports.pages.lookup import find_track
    from tmxdb.reports.pages.track import read_track

    reader = open_reader(options)
    return read_track(reader, find_track(reader, word, item_id_in(word, "track")), top=n)


def _print_facts(page: TrackPage) -> None:
    facts = page.facts
    by = f" by {facts['uploader_name']}" if facts["uploader_name"] else ""
    title(f"{page.name or 'unnamed'} ({id_name(page.track_id)}){by}")
    kind = [facts["primary_type_name"], facts["environment_name"], facts["mood_name"], facts["difficulty_name"]]
    line("track", ", ".join(str(word) for word in kind if word))
    line("tags", ", ".join(page.tags))
    line("uploaded", day(facts["uploaded_at"]) + _updated(facts["uploaded_at"], facts["updated_at"]))
    line("awards", f"{facts['awards'] or 0:,}; {plural(facts['comments'] or 0, 'comment')}")
    medals = [
        f"{name} {race_time(facts[column])}"
        for name, column in (
            ("author", "author_time_ms"),
            ("gold", "gold_ms"),
            ("silver", "silver_ms"),
            ("bronze", "bronze_ms"),
        )
        if facts[column] is not None
    ]
    line("medals", "; ".join(medals))
    listing = f"{facts['status']} {day(facts['finished_at'])}".strip()
    more = "; only its best" if facts["status"] == "done" and not facts["listed_whole"] else ""
    line("leaderboard", f"{plural(page.listed, 'replay')} ({listing}{more})")
    line("replays", f"{counted(page.replays)} ({file_size(page.replay_bytes)})" if page.replays else "none")
    line("map", page.map_path if page.map_status == "done" and page.map_path else page.map_status or "none yet")
    line("captures", counted(page.captures))


def _updated(uploaded_at: str | None, updated_at: str | None) -> str:
    return f", file replaced {day(updated_at)}" if updated_at and day(updated_at) != day(uploaded_at) else ""


def _is_stunts(page: TrackPage) -> bool:
    return bool(page.facts["primary_type_name"] == "stunts")
