"""`tmxdb work` and `tmxdb run`: claim pending rows and do their jobs."""

from __future__ import annotations

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option, typed_by_section
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.game import SECTION, CaptureGameOptions
from tmxdb.cli.options.selection import ReplaySelection
from tmxdb.cli.options.work import DOWNLOAD, EXTRACT, LIST, WorkOptions
from tmxdb.cli.shared.output import message
from tmxdb.kinds import KINDS, RUN_KINDS

KIND_OF_SECTION = {LIST: "list", DOWNLOAD: "download", EXTRACT: "extract", SECTION: "capture"}
"""Which kind of job the options of a section of the help are for."""


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
    for section, names in typed_by_section().items():
        if section in KIND_OF_SECTION and KIND_OF_SECTION[section] not in kinds:
            verb = "has" if len(names) == 1 else "have"
            message(f"{', '.join(names)} {verb} no effect without --kind {KIND_OF_SECTION[section]}.")
    _do([name for name in KINDS if name in kinds], storage, exchange, options, games, only)


@command()
def run(only: ReplaySelection, options: WorkOptions, storage: StorageOptions, exchange: ExchangeOptions) -> None:
    """List, download and extract side by side until nothing is left.

    \b
      tmxdb run --top 10 --n 16
      tmxdb run --only best
      tmxdb run --track-ids ids.txt
      tmxdb run --dry-run
    """
    _do(list(RUN_KINDS), storage, exchange, options, CaptureGameOptions(), only)


def _do(
    kinds: list[str],
    storage: StorageOptions,
    exchange: ExchangeOptions,
    options: WorkOptions,
    games: CaptureGameOptions,
    only: ReplaySelection,
) -> None:
    """Do the work, or print what would be done, without importing what does it."""
    from tmxdb.cli.actions.mirror.work_request import WorkRequest

    request = WorkRequest(kinds, storage, exchange, options, games, only)
    if options.dry_run:
        from tmxdb.cli.actions.mirror.plan import say_plan

        say_plan(request)
        return
    from tmxdb.cli.actions.mirror.work import do_work

    do_work(request)
