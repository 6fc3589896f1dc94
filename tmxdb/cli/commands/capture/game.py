"""The group `tmxdb game`, and `tmxdb game install-plugin`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.commands.capture.calibrate import calibrate
from tmxdb.cli.commands.capture.check import check
from tmxdb.cli.commands.capture.prepare import prepare
from tmxdb.cli.framework.command import dry_run_option, group, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.options.game import DEFAULT_PORT, GamePluginOptions
from tmxdb.cli.shared.output import message, print_json, safe
from tmxdb.game.plugin import OPTIONAL

if TYPE_CHECKING:
    from tmxdb.game.plugin.install import PluginLocation


@group()
def game() -> None:
    """Check the games that captures are made with, and install the plugin.

    \b
      tmxdb game check
      tmxdb game check --drive --out report.txt
      tmxdb game calibrate --width 256 --height 256
      tmxdb game install-plugin --dry-run
      tmxdb game prepare
    """


game.add_command(check)
game.add_command(calibrate)
game.add_command(prepare)


@game.command_of("install-plugin")
@option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder that TMInterface loads plugins from.  [default: Plugins in TMInterface's folder]",
)
@option(
    "--force",
    is_flag=True,
    help="Overwrite a file that is not tmxdb's, is newer, or was changed. A copy is kept.",
)
@option(
    "--without",
    multiple=True,
    type=click.Choice(OPTIONAL),
    help="Leave out a capability whose calls your build of TMInterface does not compile. May be repeated.",
)
@dry_run_option
@json_option
def install_plugin(
    folder: Path | None,
    force: bool,
    without: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    plugin_options: GamePluginOptions,
) -> None:
    """Install tmxdb's plugin where TMInterface 2 loads it.

    It listens for tmxdb on a port of this machine and uses the protocol of the
    plugin Python_Link. If that one is installed it can be used instead; only one
    of the two can run.

    \b
      tmxdb game install-plugin
      tmxdb game install-plugin --folder TMInterface/Plugins --dry-run
    """
    from tmxdb.errors import InvalidInput
    from tmxdb.game.folders import find_folders
    from tmxdb.game.plugin import install

    location = install.inspect_folder(
        folder or find_folders(plugin_options.trackmania_path, plugin_options.tminterface_path).plugins
    )
    if location.needs_force and not force and not dry_run:
        raise InvalidInput(
            f"{location.path}: {location.status}. Nothing was changed. --force overwrites it and keeps a copy.",
            code="input.exists",
        )
    kept = None if dry_run else install.install(location, without)
    is_same = location.status is install.PluginStatus.THIS and set(location.without) == set(without)
    _report_plugin(location, kept, is_same=is_same, dry_run=dry_run, as_json=as_json)
    if not dry_run:
        port = plugin_options.base_tmi_port
        check = "tmxdb game check" if port == DEFAULT_PORT else f"tmxdb game check --base-tmi-port {port}"
        message(
            f"Next: restart the game with `set custom_port {port}` in its /configstring (one port for each game,"
            f' {port} and up). Its console shows "TmxdbLink: Port set to {port}"; then run `{check}`.'
        )


def _report_plugin(location: PluginLocation, kept: Path | None, *, is_same: bool, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "path": str(location.path),
                "there": location.status.name.lower(),
                "version": location.version,
                "installed": not dry_run and not is_same,
                "kept": str(kept) if kept else None,
                "rivals": [str(path) for path in location.rivals],
            }
        )
    else:
        done = "unchanged" if is_same else "would be written" if dry_run else "written"
        click.echo(safe(f"{location.path}: {done} (before: {location.status})", keep=""))
    if kept:
        message(f"The previous file is now {kept}")
    for rival in location.rivals:
        message(f"Warning: {rival} uses the same port. Move it to another folder: only one of the two can run.")
