"""`tmxdb errors`: why rows are not done, and what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tmxdb.cli.formats.colour import coloured
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.database import open_reader
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.shared.output import plural, print_json
from tmxdb.cli.shared.page import line
from tmxdb.formats import minute
from tmxdb.kinds import KINDS

if TYPE_CHECKING:
    from tmxdb.reports.pages.errors import ErrorGroup

STATUSES = ("failed", "skipped", "retry")
_COLOURS = {"failed": "red", "retry": "yellow", "skipped": "cyan"}


@command()
@option(
    "--kind",
    "kinds",
    type=WordChoice(KINDS),
    metavar="KIND",
    multiple=True,
    help="Only this kind: list, download, extract or capture; repeatable.",
)
@option(
    "--status",
    "statuses",
    type=WordChoice(STATUSES),
    metavar="STATUS",
    multiple=True,
    help="Only rows with this status: failed, skipped or retry; repeatable.",
)
@json_option
def errors(kinds: tuple[str, ...], statuses: tuple[str, ...], as_json: bool, options: DatabaseOptions) -> None:
    """Show why rows are not done: grouped by reason, the newest first, with what to type.

    \b
      tmxdb errors
      tmxdb errors --status failed
      tmxdb errors --json
    """
    from tmxdb.reports.pages.errors import read_errors

    groups = read_errors(open_reader(options), kinds=kinds, statuses=statuses)
    if as_json:
        print_json([group.as_json() for group in groups])
        return
    if not groups:
        click.echo(
            f"No {' or '.join(kinds) + ' ' if kinds else ''}row is {' or '.join(map(_said, statuses or STATUSES))}."
        )
    for number, group in enumerate(groups):
        if number:
            click.echo()
        _print(group)


def _said(status: str) -> str:
    return "waiting for a retry" if status == "retry" else status


def _print(group: ErrorGroup) -> None:
    status = coloured(group.status, _COLOURS[group.status])
    when = f", last {minute(group.last_at)} UTC" if group.last_at else ""
    click.echo(f"{plural(group.n, group.kind + ' row')}, {status}: {group.error_code}{when}")
    line("meaning", group.meaning)
    line("example", group.example)
    line("what to do", group.advice)
    for command_line in group.commands:
        click.echo(f"      {command_line}")
