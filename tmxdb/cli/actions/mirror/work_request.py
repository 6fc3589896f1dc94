"""What the user asked `tmxdb work`, `run` or `refresh` for, and what that means for the jobs."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.capture.stuck_maps import StuckMaps
from tmxdb.child_processes import MAX_PROCESSES
from tmxdb.cli.opening.remembered import remembered
from tmxdb.cli.options.database import ExchangeOptions, StorageOptions
from tmxdb.cli.options.game import CaptureGameOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.options.work import DEFAULT_GAMES, DEFAULT_N, DEFAULT_TOP, WorkOptions
from tmxdb.cli.shared.exclusive import refuse_together
from tmxdb.db.database import Database
from tmxdb.db.selected import Scope
from tmxdb.errors import UsageError
from tmxdb.kinds.context import JobOptions
from tmxdb.kinds.facts import reader
from tmxdb.kinds.naming import DEFAULT_TEMPLATE, NameTemplate


@dataclass(frozen=True)
class WorkRequest:
    """What the user asked for. `games`: options of the games; only `work` has them."""

    kinds: list[str]
    storage: StorageOptions
    exchange: ExchangeOptions
    work: WorkOptions
    games: CaptureGameOptions
    only: OnlyOption
    scope: Scope | None = None
    """The rows that `only` means; known when the database is open."""

    def check(self) -> None:
        """Raise an error for options that cannot be used, before anything is opened."""
        if self.work.all_replays:
            refuse_together("--all-replays", {"--top": self.work.top is not None}, "keeps every replay.")
        if self.work.forever:
            refuse_together(
                "--forever", {"--no-wait": not self.work.wait}, "waits for rows in backoff and for new work."
            )
        if self.work.name_template is not None:
            NameTemplate(self.work.name_template)
        if self.work.processes > 1 and "capture" in self.kinds:
            raise UsageError("Captures run in one process, and --n sets how many games it uses: leave out --processes.")

    @property
    def only_captures(self) -> bool:
        """Whether no request is sent to the exchange."""
        return self.kinds == ["capture"]

    @property
    def n(self) -> int:
        """Jobs to run at once."""
        return self.work.n or (DEFAULT_GAMES if self.only_captures else DEFAULT_N)

    @property
    def processes(self) -> int:
        """Processes that share the jobs: each has at least one at once, and one of the limit."""
        return min(self.work.processes, self.n, self.work.limit or self.n, MAX_PROCESSES)


def job_options_of(request: WorkRequest, database: Database) -> JobOptions:
    """Return the options of the jobs: typed, remembered or default."""
    options = request.work
    return JobOptions(
        top=options.top or int(float(remembered(database, "top") or DEFAULT_TOP)),
        top_chosen=options.top is not None,
        selection=request.scope,
        all_replays=options.all_replays,
        maps_from_site=options.source == "site",
        store_inputs=options.store_inputs,
        reader=reader(options.gbx_reader),
        name_template=NameTemplate(options.name_template or remembered(database, "name_template") or DEFAULT_TEMPLATE),
        strict_pictures=request.games.strict,
        stuck_maps=StuckMaps(request.games.write_stuck_maps) if request.games.write_stuck_maps is not None else None,
    )
