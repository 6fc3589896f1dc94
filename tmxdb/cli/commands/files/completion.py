"""`tmxdb completion`: the script that makes a shell complete tmxdb."""

from __future__ import annotations

import click

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.types import WordChoice


@command()
@click.argument("shell", type=WordChoice(["bash", "zsh", "fish", "powershell"]))
@click.pass_context
def completion(ctx: click.Context, /, shell: str) -> None:
    """Print the script that makes a shell complete tmxdb with the Tab key.

    \b
      eval "$(tmxdb completion bash)"                             in ~/.bashrc
      eval "$(tmxdb completion zsh)"                              in ~/.zshrc
      tmxdb completion fish > ~/.config/fish/completions/tmxdb.fish
      tmxdb completion powershell | Out-String | Invoke-Expression   in $PROFILE

    It completes commands, options, ids, names, error codes and selections.
    """
    from tmxdb.cli.completion.shells import script

    click.echo(script(shell, ctx.find_root().command), nl=False)
