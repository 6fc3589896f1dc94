"""The games that captures are made with: `tmxdb game check`, `install-plugin`. Needs no database."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from tmxdb.cli import FAILED
from tmxdb.cli.options import (
    base_port_option,
    driver_option,
    dry_run_option,
    game_folder_options,
    json_option,
    launching_options,
    option,
    window_title_option,
)
from tmxdb.cli.say import print_json, safe, talk


@click.group()
def game() -> None:
    """Look at the games that captures are made with.

    \b
        tmxdb game check
        tmxdb game check --n 2 --json
        tmxdb game install-plugin --dry-run
    """


@game.command()
@base_port_option
@driver_option
@option("--n", "games", type=click.IntRange(1, 16), default=1, show_default=True, help="How many games there are.")
@game_folder_options
@launching_options
@window_title_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    base_tmi_port: int,
    driver: str,
    games: int,
    trackmania_path: str | None,
    tminterface_path: str | None,
    tmloader_path: str | None,
    tmloader_profile: str,
    launch_script: str | None,
    autologin: str | None,
    window_title: str,
    as_json: bool,
) -> None:
    """Say what is there, what is missing, and how to mend it.

    Each game is spoken to for a moment, which takes it from whoever is using it: not while captures are made.
    Exit status 1 if something is missing without which captures fail.

    \b
        tmxdb game check
        tmxdb game check --base-tmi-port 9000 --n 2 --json
    """
    from tmxdb.game import check as looks
    from tmxdb.game.launch import LaunchSettings

    launching = LaunchSettings(tmloader_path, tmloader_profile, launch_script, autologin)
    findings = [
        looks.python(),
        *looks.packages(),
        *looks.folders(trackmania_path, tminterface_path, with_plugin=driver == "tmi2"),
        looks.launching(launching, base_tmi_port),
        looks.window(window_title),
        *(looks.port(base_tmi_port + i) if driver == "tmi2" else looks.mapping(i) for i in range(games)),
    ]
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


@game.command("install-plugin")
@option(
    "--folder",
    type=click.Path(path_type=Path),
    help="The folder that TMInterface loads plugins from.  [default: Plugins in TMInterface's folder]",
)
@game_folder_options
@option("--force", is_flag=True, help="Overwrite a file that is not tmxdb's, is newer or was changed; a copy is kept.")
@dry_run_option
@json_option
def install_plugin(
    folder: Path | None,
    trackmania_path: str | None,
    tminterface_path: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Put tmxdb's plugin where TMInterface 2 loads it from.

    It listens for tmxdb on a port of this machine, and speaks as the plugin Python_Link does: where that one is
    installed, it can be used instead, but not both.

    \b
        tmxdb game install-plugin
        tmxdb game install-plugin --folder ~/Documents/TMInterface/Plugins --dry-run
    """
    from tmxdb.errors import BadInput
    from tmxdb.game.folders import find_folders
    from tmxdb.game.plugin import install

    place = install.look(folder or find_folders(trackmania_path, tminterface_path).plugins)
    if place.needs_force and not force and not dry_run:
        raise BadInput(
            f"{place.path}: {place.there}. Nothing was changed; --force overwrites it and keeps a copy beside it.",
            code="input.exists",
        )
    kept = None if dry_run else install.install(place)
    if as_json:
        print_json(
            {
                "path": str(place.path),
                "there": place.there.name.lower(),
                "version": place.version,
                "installed": not dry_run and place.there is not install.There.THIS,
                "kept": str(kept) if kept else None,
                "rivals": [str(path) for path in place.rivals],
            }
        )
    else:
        done = "would be written" if dry_run else "written"
        done = "left as it is" if place.there is install.There.THIS else done
        click.echo(safe(f"{place.path}: {done} (there was {place.there})", keep=""))
    if kept:
        talk(f"What was there is now {kept}")
    for rival in place.rivals:
        talk(f"Warning: {rival} takes the same port. Move it to another folder: only one of the two can be used.")
    if not dry_run:
        talk(
            "Next: start the game anew with `set custom_port 8478` in its /configstring (one port for each game,"
            ' 8478 and up). Its console says "TmxdbLink: Port set to 8478"; then `tmxdb game check`.'
        )
