"""Look at the games that captures are made with: `tmxdb game check`. Needs no database."""

from __future__ import annotations

from dataclasses import asdict

import click

from tmxdb.cli import FAILED
from tmxdb.cli.options import base_port_option, json_option, option
from tmxdb.cli.say import print_json, safe


@click.group()
def game() -> None:
    """Look at the games that captures are made with.

    \b
        tmxdb game check
        tmxdb game check --n 2 --json
    """


@game.command()
@base_port_option
@option("--n", "games", type=click.IntRange(1, 16), default=1, show_default=True, help="How many games there are.")
@json_option
@click.pass_context
def check(ctx: click.Context, /, base_tmi_port: int, games: int, as_json: bool) -> None:
    """Say what is there, what is missing, and how to mend it.

    Each game is spoken to for a moment, which takes it from whoever is using it: not while captures are made.
    Exit status 1 if something is missing without which captures fail.

    \b
        tmxdb game check
        tmxdb game check --base-tmi-port 9000 --n 2 --json
    """
    from tmxdb.game import check as looks

    findings = [looks.python(), *looks.packages(), *(looks.port(base_tmi_port + i) for i in range(games))]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            word = {True: "ok", False: "WRONG", None: "-"}[finding.ok]
            click.echo(f"{finding.what:{width}}  {word:5}  {safe(finding.found, keep='')}")
            if finding.mend and finding.ok is not True:
                click.echo(f"{'':{width}}         {safe(finding.mend, keep='')}")
    ctx.exit(FAILED if any(finding.ok is False for finding in findings) else 0)
