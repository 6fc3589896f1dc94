"""`tmxdb work` and `tmxdb run`: claim pending rows and do their jobs."""

from __future__ import annotations

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.game import CaptureGameOptions
from tmxdb.cli.options.selection import ReplaySelection
from tmxdb.cli.options.work import WorkOptions
from tmxdb.kinds import KINDS, UNASKED


@command()
@option(
    "--kind",
    "kinds",
    type=WordChoice(KINDS),
    metavar="KIND",
    multiple=True,
    required=True,
    help="list, download, extract or capture; repeatable.",
)
def work(
    kinds: tuple[str, ...],
    only: ReplaySelection,
    options: WorkOptions,
    games: CaptureGameOptions,
    storage: StorageOptions,
    exchange: ExchangeOptions,
) -> None:
    """Do the pending jobs of one or more kinds until none is left.

    \b
      tmxdb work --kind list --n 16 --top 50
      tmxdb work --kind download --n 64
      tmxdb work --kind capture --n 2 --base-tmi-port 8478

    Several can run at the same time, on several machines: two workers never do
    the same row.
    """
    from tmxdb.cli.actions.mirror.work import WorkRequest, do_work

    do_work(WorkRequest([name for name in KINDS if name in kinds], storage, exchange, options, games, only))


@command()
def run(only: ReplaySelection, options: WorkOptions, storage: StorageOptions, exchange: ExchangeOptions) -> None:
    """List, download and extract side by side until nothing is left.

    \b
      tmxdb run --top 10 --n 16
      tmxdb run --only best
      tmxdb run --track-ids ids.txt
      tmxdb run --dry-run
    """
    from tmxdb.cli.actions.mirror.work import WorkRequest, do_work

    do_work(WorkRequest(list(UNASKED), storage, exchange, options, CaptureGameOptions(), only))
