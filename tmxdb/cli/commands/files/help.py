"""`tmxdb help COMMAND`: the same as `tmxdb COMMAND --help`."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import SectionedGroup, command


@command("help")
@click.argument("words", metavar="[COMMAND]…", nargs=-1)
@click.pass_context
def help(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Show the help of a command, or of tmxdb.

    \b
      tmxdb help work
      tmxdb help gbx show
    """
    context = ctx.find_root()
    for word in words:
        if not isinstance(context.command, SectionedGroup):
            ctx.fail(f"`{context.command_path}` has no subcommands.")
        name, found, _ = context.command.resolve_command(context, [word])
        if found is None:
            ctx.fail(f"No such command {word!r}.")
        context = click.Context(found, info_name=name, parent=context)
    click.echo(context.get_help())
