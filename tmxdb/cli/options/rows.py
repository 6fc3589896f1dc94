"""Which rows `retry` and `skip` are about."""

from __future__ import annotations

from dataclasses import dataclass

import click

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import ROW_ID, WordChoice
from tmxdb.cli.options.selection import ReplaySelection
from tmxdb.kinds import KINDS


@dataclass(frozen=True)
class RowSelection(ReplaySelection):
    """Rows by kind, id, error code, track and replay. What is not named restricts nothing."""

    kinds: tuple[str, ...] = option_field(
        "--kind",
        type=WordChoice(KINDS),
        metavar="KIND",
        multiple=True,
        help="Only this kind: list, download, extract or capture; repeatable.",
    )
    ids: tuple[int, ...] = option_field(
        "--id", type=ROW_ID, metavar="ID", multiple=True, help="Only the row with this id; needs one --kind."
    )
    codes: tuple[str, ...] = option_field(
        "--code",
        metavar="CODE",
        multiple=True,
        help="Only rows with this error code, such as tmx.timeout; tmx.* is every code of that family; repeatable.",
    )

    def check(self) -> None:
        """Raise UsageError if --id is ambiguous."""
        if self.ids and len(self.kinds) != 1:
            raise click.UsageError("--id needs one --kind: the same number can be a track and a replay.")

    @property
    def names_rows(self) -> bool:
        """Whether anything but the kind restricts the rows."""
        return bool(self.ids or self.codes or self.names_tracks or self.replay_ids)
