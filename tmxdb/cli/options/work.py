"""Options of `work` and `run`: how to work, and how each kind does its jobs."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.cli.options.processes import processes_field
from tmxdb.cli.options.reader import reader_field
from tmxdb.kinds.naming import DEFAULT_TEMPLATE

LIST, DOWNLOAD, EXTRACT = "List", "Download", "Extract"
DEFAULT_N, DEFAULT_GAMES, DEFAULT_TOP = 16, 1, 50


@dataclass(frozen=True)
class WorkOptions:
    """How to work. `n` None: the default for the kinds that run."""

    n: int | None = option_field(
        "--n",
        type=int_range(1, 1024),
        metavar="N",
        help=f"Jobs to run at once. For captures: how many games to use.  [default: {DEFAULT_N}; captures: 1]",
    )
    processes: int = processes_field(
        default=1,
        show_default=True,
        help="Processes that share these jobs, to use more than one core. Not for captures.",
    )
    limit: int | None = option_field("--limit", type=int_range(1), metavar="M", help="Stop after M jobs.")
    forever: bool = option_field("--forever", is_flag=True, default=False, help="Keep running and wait for new work.")
    wait: bool = option_field(
        "--wait/--no-wait", default=True, help="Wait for rows in backoff, or leave them.  [default: wait]"
    )
    max_attempts: int = option_field(
        "--max-attempts",
        type=int_range(1),
        metavar="N",
        default=5,
        show_default=True,
        help="Attempts before a row fails.",
    )
    gbx_reader: str = reader_field()
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Show what would be done.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )
    top: int | None = option_field(
        "--top",
        section=LIST,
        type=int_range(1),
        metavar="N",
        help=f"Keep the best N replays of each track; remembered.  [default: the selection's, or {DEFAULT_TOP}]",
    )
    all_replays: bool = option_field(
        "--all-replays",
        section=LIST,
        is_flag=True,
        default=False,
        help="Keep every replay, also beaten and unranked ones.",
    )
    name_template: str | None = option_field(
        "--name-template",
        section=DOWNLOAD,
        metavar="TEXT",
        help=f"Names of replay files; remembered.  [default: {DEFAULT_TEMPLATE}]",
    )
    store_inputs: bool = option_field(
        "--store-inputs/--no-inputs",
        section=DOWNLOAD,
        default=True,
        help="Store every input event in the database.  [default: store]",
    )
    source: str = option_field(
        "--from",
        section=EXTRACT,
        type=WordChoice(["replay", "site"]),
        metavar="SOURCE",
        default="replay",
        show_default=True,
        help="replay: cut maps out of replays and ask the site for the others; site: ask the site for all.",
    )
