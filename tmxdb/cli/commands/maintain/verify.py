"""`tmxdb verify`: compare files with rows, in both directions."""

from __future__ import annotations

from tmxdb.cli.framework.command import command
from tmxdb.cli.options.commands.verify import VerifyOptions
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import TrackSelection


@command()
def verify(options: VerifyOptions, only: TrackSelection, storage_options: StorageOptions) -> None:
    """Check that each row that is done has its complete file, and each file a row. Workers may run meanwhile.

    \b
      tmxdb verify
      tmxdb verify --hash
      tmxdb verify --repair
      tmxdb verify --move-orphans
      tmxdb verify --only best
      tmxdb verify --track-id 2233 --hash

    Prints one line for each problem. Stopped and started again, it continues.
    Exit status 3: there are problems that were not repaired.
    """
    from tmxdb.cli.actions.maintain.verify import do_verify

    do_verify(options, only, storage_options)
