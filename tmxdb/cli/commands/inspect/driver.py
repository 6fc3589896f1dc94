"""`tmxdb driver`: one driver's runs and records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import drivers
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.opening.items import item_id_in
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import plural, print_json
from tmxdb.cli.shared.page import line, print_fitting_table, shown_id, title
from tmxdb.formats import day, gap, race_time

if TYPE_CHECKING:
    from tmxdb.reports.pages.driver import DriverPage


@command()
@option("--limit", "n", type=int_range(1, 100_000), metavar="N", default=10, show_default=True, help="Runs to show.")
@option(
    "--order",
    type=WordChoice(["latest", "rank"]),
    default="latest",
    show_default=True,
    metavar="ORDER",
    help="latest: newest run first; rank: best place first.",
)
@json_option
@click.argument("word", metavar="NAME|ID|URL", shell_complete=drivers)
def driver(n: int, order: str, as_json: bool, word: str, options: DatabaseOptions) -> None:
    """Show a driver: how many runs and records, with what device, and the latest runs.

    \b
      tmxdb driver Ann
      tmxdb driver 12345 --order rank --limit 50
      tmxdb driver Ann --json

    A driver is an account on the exchange. A part of the name is enough; if several
    drivers match, they are listed.
    """
    from tmxdb.reports.pages.driver import read_driver
    from tmxdb.reports.pages.lookup import find_driver

    reader = open_reader(options)
    page = read_driver(reader, find_driver(reader, word, item_id_in(word, "user")), order=order, n=n)
    if as_json:
        print_json(page.as_json())
    else:
        _print(page)


def _print(page: DriverPage) -> None:
    name = page.names[0] if page.names else "unnamed"
    title(f"{name} ({page.user_id})")
    line("also as", ", ".join(page.names[1:6]))
    line("logins", ", ".join(page.logins[:5]))
    line("runs", f"{plural(page.replays, 'replay')} on {plural(page.tracks, 'track')}, {page.downloaded:,} downloaded")
    line("places", f"{plural(page.records, 'record')}, {page.top_10:,} in the top 10")
    line("uploaded", f"{day(page.first_at)} to {day(page.last_at)}" if page.first_at else "")
    line("devices", ", ".join(f"{device} {runs:,}" for device, runs in page.devices.items()))
    if page.finished_runs:
        share = 100 * page.runs_with_respawns / page.finished_runs
        line(
            "respawns",
            f"in {page.runs_with_respawns:,} of {plural(page.finished_runs, 'finished run')} ({share:.0f} %)",
        )
    click.echo()
    print_fitting_table(
        ("track", "name", "rank", "time", "gap", "device", "uploaded", "replay", "download", "respawns"),
        [
            (shown_id(run.track_id), run.track_name, run.rank, race_time(run.time_ms), gap(run.gap_ms), run.device,
             day(run.replay_at), shown_id(run.replay_id), run.status, run.respawns)
            for run in page.runs
        ],
    )  # fmt: skip
    if page.replays > len(page.runs):
        click.echo(f"{page.replays - len(page.runs):,} more: `tmxdb driver {page.user_id} --limit {page.replays}`")
