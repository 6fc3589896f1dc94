"""The options of `tmxdb adopt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.options.processes import processes_field
from tmxdb.kinds.naming import DEFAULT_TEMPLATE

if TYPE_CHECKING:
    from tmxdb.adoption.placing import Placement


@dataclass(frozen=True)
class AdoptOptions:
    """What happens to the files, and how."""

    tracks_dir: str | None = option_field(
        "--tracks-dir", metavar="FOLDER", help="Also adopt the files of this folder, where older scripts kept maps."
    )
    copy: bool = option_field(
        "--copy", is_flag=True, default=False, help="Copy the files into the data folder; this is the default."
    )
    link: bool = option_field(
        "--link", is_flag=True, default=False, help="Hard-link them instead: the same bytes under two names."
    )
    in_place: bool = option_field(
        "--in-place", is_flag=True, default=False, help="Leave them where they are; rows get their absolute paths."
    )
    track_ids: str | None = option_field(
        "--track-ids", metavar="FILE", help="Track list of older scripts.  [default: track_ids.txt in or beside DIR]"
    )
    lookup: bool = option_field(
        "--lookup/--no-lookup",
        default=True,
        help="Ask the site about tracks and leaderboards that the database does not have. Without it, such files"
        " get local ids and keep them.  [default: lookup]",
    )
    processes: int | None = processes_field("--jobs")
    name_template: str = option_field(
        "--name-template", metavar="TEXT", default=DEFAULT_TEMPLATE, show_default=True, help="Names of replay files."
    )
    as_json: bool = option_field("--json", is_flag=True, default=False, help="Write JSON to stdout, for programs.")
    dry_run: bool = option_field("--dry-run", is_flag=True, default=False, help="Read the files; change nothing.")
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )

    def chosen(self) -> Placement:
        """Return what happens to the files. Raise UsageError for two answers."""
        if self.copy + self.link + self.in_place > 1:
            raise click.UsageError("--copy, --link and --in-place exclude each other. Give one of them.")
        from tmxdb.adoption.placing import Placement

        return Placement.LINK if self.link else Placement.IN_PLACE if self.in_place else Placement.COPY
