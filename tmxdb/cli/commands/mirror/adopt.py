"""`tmxdb adopt`: adopt a folder of older downloads, or any folder of replays and maps."""

from __future__ import annotations

import click

from tmxdb.cli.completion.words import folders
from tmxdb.cli.framework.command import command
from tmxdb.cli.options.commands.adopt import AdoptOptions
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions


@command()
@click.argument("folder", metavar="DIR", shell_complete=folders)
def adopt(
    folder: str, options: AdoptOptions, storage_options: StorageOptions, exchange_options: ExchangeOptions
) -> None:
    """Adopt a folder of replays and maps that are on this machine already.

    Reads every file in DIR, whatever its name, and finds its track (by the map in
    it, or by a folder named after a track id) and its replay (by the time and the
    driver, on the site's list). Replays and maps that no exchange knows get
    negative ids, written local1, local2 and so on. The originals are not changed.

    \b
      tmxdb adopt maps/replays --tracks-dir maps/tracks
      tmxdb adopt maps/replays --dry-run
      tmxdb adopt ~/Documents/TrackMania --in-place --no-lookup

    Interrupted and started again, it continues. `tmxdb run` then downloads what is
    missing.
    """
    from tmxdb.cli.actions.mirror.adopt import do_adopt

    do_adopt(folder, options, storage_options, exchange_options)
