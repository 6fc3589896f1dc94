"""`tmxdb sync-tracks`: the exchange's track list into the database."""

from __future__ import annotations

from tmxdb.cli.framework.command import command
from tmxdb.cli.options.commands.sync_tracks import SyncOptions
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.options.track_filters import TrackFilterOptions


@command("sync-tracks")
def sync_tracks(
    options: SyncOptions,
    track_filters: TrackFilterOptions,
    only: OnlyOption,
    database_options: StorageOptions,
    exchange_options: ExchangeOptions,
) -> None:
    """Copy the exchange's track list into the database; create it if needed.

    Reads the list in upload order, 1,000 tracks per request, and stores the
    position with each page: stopped and started again, it continues. Later runs
    read only what is new. Without filters, the tracks of live selections are chosen
    again. In a database that has only selections, the whole list is read only
    with --all.

    \b
      tmxdb --site http://127.0.0.1:8000 sync-tracks
      tmxdb sync-tracks --order awards --max-tracks 1000 --save-ids ids.txt
      tmxdb sync-tracks --environment stadium --tag fullspeed --min-awards 5
      tmxdb sync-tracks --refresh
      tmxdb sync-tracks --only best
    """
    from tmxdb.cli.actions.mirror.sync_tracks import do_sync

    do_sync(options, track_filters, only, database_options, exchange_options)
