"""`tmxdb export`: what was captured, in forms that other programs read."""

from __future__ import annotations

from pathlib import Path

import click

from tmxdb.cli.commands.export.checking import check_export
from tmxdb.cli.commands.export.frames import frames
from tmxdb.cli.commands.export.lake import lake
from tmxdb.cli.commands.export.tables import table_commands
from tmxdb.cli.commands.export.vcp import vcp
from tmxdb.cli.framework.command import group
from tmxdb.cli.framework.option import option
from tmxdb.errors import UsageError


@group(invoke_without_command=True, no_args_is_help=True)
@option("--check", "checked", type=click.Path(path_type=Path), metavar="OUT", help="Verify the folder that an export wrote, or a file written with --card, and exit.")  # fmt: skip  # noqa: E501
@click.pass_context
def export(context: click.Context, checked: Path | None) -> None:
    """Write frames, centre lines and tables in forms that other programs read.

    \b
      tmxdb export lake lake
      tmxdb export frames dataset
      tmxdb export vcp maps/vcp
      tmxdb export replays replays.parquet
      tmxdb export --check lake
    """
    if checked is None:
        return
    if context.invoked_subcommand is not None:
        raise UsageError("--check OUT stands alone: leave the name of the table out.", code="input.usage")
    check_export(checked)


export.add_command(frames)
export.add_command(lake)
export.add_command(vcp)
for table_command in table_commands():
    export.add_command(table_command)
