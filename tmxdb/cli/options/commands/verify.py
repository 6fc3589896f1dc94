"""The options of `tmxdb verify`."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import int_range


@dataclass(frozen=True)
class VerifyOptions:
    """How thoroughly to check, and what to repair."""

    content: bool = option_field(
        "--hash", is_flag=True, default=False, help="Read every file and compare its SHA-256, not only its size."
    )
    repair: bool = option_field(
        "--repair",
        old_names=("--mend",),
        is_flag=True,
        default=False,
        help="Make rows with missing, damaged or outdated files pending again.",
    )
    move_orphans: bool = option_field(
        "--move-orphans",
        is_flag=True,
        default=False,
        help="Move files that belong to no row to DATA/orphans. Nothing is overwritten.",
    )
    restart: bool = option_field(
        "--restart", old_names=("--anew",), is_flag=True, default=False, help="Start over an interrupted check."
    )
    threads: int = option_field(
        "--threads",
        type=int_range(1, 64),
        metavar="N",
        default=8,
        show_default=True,
        help="Files to check at once.",
    )
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )
