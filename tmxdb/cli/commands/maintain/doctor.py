"""`tmxdb doctor`: one look at everything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import OK, SOME_FAILED
from tmxdb.cli.formats.table import terminal_width
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.dotenv_file import read_dot_env
from tmxdb.cli.framework.environment import VARIABLES
from tmxdb.cli.framework.option import option
from tmxdb.cli.opening.database import open_reader, open_storage
from tmxdb.cli.opening.site import chosen_site
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.shared.output import message, plural, print_json, safe
from tmxdb.clock import wall_clock
from tmxdb.errors import TmxdbError
from tmxdb.storage import Storage

if TYPE_CHECKING:
    from tmxdb.db.reading.reader import Reader
    from tmxdb.tmx.sites import Site
    from tmxdb.upkeep.doctor.finding import DoctorFinding

_INDENT = 23
"""Columns of the level and the check, before what was found."""


@command()
@option("--deep", is_flag=True, help="Also read a large database completely.")
@option("--offline", is_flag=True, help="Send no request to the site.")
@json_option
@click.pass_context
def doctor(
    ctx: click.Context,
    /,
    deep: bool,
    offline: bool,
    as_json: bool,
    storage_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Check versions, database, disk, clock, site, workers and game.

    Each finding comes with the command that fixes it. Nothing is changed; one
    request is sent to the site. Exit status: 3 if there is a problem, else 0, also
    with notes and warnings.

    \b
      tmxdb doctor
      tmxdb doctor --offline --json
    """
    from tmxdb.upkeep.doctor import examine
    from tmxdb.upkeep.doctor.finding import PROBLEM, WARNING, Examined

    database, trouble = _database(storage_options)
    try:
        site, contact = _site(exchange_options, database)
    except TmxdbError as error:
        site, contact, trouble = None, None, trouble or error
    variables = dict(os.environ)
    dot_env = read_dot_env(Path(), variables)
    examined = Examined(
        location=storage_options.location,
        database=database,
        trouble=trouble,
        storage=_storage(storage_options, database),
        site=None if offline else site,
        contact=contact,
        now_ms=wall_clock(),
        deep=deep,
        environment=variables,
        known_variables=VARIABLES,
        ignored_in_dot_env=() if dot_env is None else dot_env.ignored,
    )
    findings = []
    for finding in examine(examined):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json([{"check": f.check, "level": f.level, "found": f.found, "cure": f.cure} for f in findings])
    problems = sum(finding.level == PROBLEM for finding in findings)
    warnings = sum(finding.level == WARNING for finding in findings)
    message(f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}.")
    ctx.exit(SOME_FAILED if problems else OK)


def _print(finding: DoctorFinding) -> None:
    """Write a finding, wrapped to the terminal, and what fixes it on a line of its own, to be copied whole."""
    width = terminal_width()
    text = safe(f"{finding.level:<8} {finding.check:<13} {finding.found}", keep="")
    indent = " " * (_INDENT if width is None or width > 2 * _INDENT else 4)
    click.echo(text if width is None else click.wrap_text(text, width, subsequent_indent=indent))
    if finding.cure and finding.level != "ok":
        click.echo(safe(f"{indent[1:]} {finding.cure}", keep=""))


def _database(options: StorageOptions) -> tuple[Reader | None, TmxdbError | None]:
    try:
        return open_reader(options), None
    except TmxdbError as error:
        return None, error


def _site(options: ExchangeOptions, database: Reader | None) -> tuple[Site, str | None]:
    if database is None:
        return chosen_site(options, shown="")
    query = "SELECT key, value FROM settings WHERE key IN ('site', 'contact')"
    known = {row["key"]: row["value"] for row in database.rows(query)}
    return chosen_site(options, shown=database.name, known=known.get("site"), known_contact=known.get("contact"))


def _storage(options: StorageOptions, database: Reader | None) -> Storage:
    if database is not None:
        return open_storage(options, database)
    return Storage(Path(options.data) if options.data else Path.cwd() / "data")
