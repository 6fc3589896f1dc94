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

    Put the first line in ~/.bashrc, the second in ~/.zshrc, the third in
    ~/.config/fish/completions/tmxdb.fish, the last in the file that $PROFILE names.

    \b
      eval "$(tmxdb completion bash)"
      eval "$(tmxdb completion zsh)"
      tmxdb completion fish | source
      tmxdb completion powershell | Out-String | Invoke-Expression

    It completes commands, options, ids, names, error codes and selections.
    """
    from tmxdb.cli.completion.shells import script

    click.echo(script(shell, ctx.find_root().command), nl=False)
