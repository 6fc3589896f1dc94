"""`tmxdb stats`: what a collection consists of, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path

import click

from tmxdb.cli.framework.command import command, force_option, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.output import print_json
from tmxdb.errors import UsageError
from tmxdb.formats import plural
from tmxdb.reports.collection import CHARTS
from tmxdb.storage import check_user_file, write_user_file

FORMATS = ("png", "svg")


@command()
@option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    default=Path("stats.png"),
    show_default=True,
    help="Picture to write: .png or .svg.",
)
@option(
    "--chart",
    "charts",
    type=WordChoice(tuple(CHARTS)),
    metavar="CHART",
    multiple=True,
    help=f"Only this chart: {', '.join(CHARTS)}; repeatable.",
)
@option("--dark", is_flag=True, help="Light text on a dark ground.")
@force_option
@json_option
def stats(
    out: Path,
    charts: tuple[str, ...],
    dark: bool,
    force: bool,
    as_json: bool,
    only: OnlyOption,
    options: DatabaseOptions,
) -> None:
    """Draw what the mirror consists of: replays per track, race times, uploads, devices, records.

    Charts the current records by the month of their upload. Devices are known only
    for downloaded runs. --json prints the numbers instead. Needs matplotlib:
    pip install "tmxdb[plot]"

    \b
      tmxdb stats
      tmxdb stats --chart uploads --chart devices --dark --out uploads.svg
      tmxdb stats --only best --json
    """
    from tmxdb.reports.collection import read_collection

    form = out.suffix.lower().removeprefix(".")
    if not as_json:
        if form not in FORMATS:
            raise UsageError(f"--out {out}: the name does not end with .png or .svg.", code="input.out")
        check_user_file(out, force=force)
    reader = open_reader(options)
    only.chosen(reader)
    found = read_collection(reader, only.only)
    if as_json:
        print_json(found.as_json())
        return
    from tmxdb.pictures.collection import draw_collection
    from tmxdb.pictures.theme import DARK, LIGHT

    title = f"{only.only or reader.name}: {plural(found.tracks, 'track')}, {plural(found.replays, 'replay')}"
    theme = DARK if dark else LIGHT
    picture = draw_collection(found, charts or tuple(CHARTS), title, form=form, theme=theme)
    write_user_file(out, picture, force=force, instead="choose another file with --out")
    click.echo(out)
