"""The scripts for the shells. Click has those for Bash, Zsh and Fish; the one for PowerShell is here."""

from __future__ import annotations

import os
from typing import Any

from click import Command
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

VARIABLE = "_TMXDB_COMPLETE"
"""The shell sets it to `bash_complete` and so on when it asks for words."""

_POWERSHELL = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s, %(prog_name)s.exe -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim('"', "'") })
    $env:_TMXDB_WORDS = $words -join "`n"
    $env:_TMXDB_INCOMPLETE = $wordToComplete
    $env:%(complete_var)s = 'powershell_complete'
    try {
        & '%(prog_name)s' 2>$null | ForEach-Object {
            $kind, $value, $help = $_ -split "`t", 3
            if ($kind -eq 'plain') {
                if (-not $help) { $help = $value }
                $text = if ($value -match '[\\s,;|&$()]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
                [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
            }
        }
    } finally {
        Remove-Item Env:_TMXDB_WORDS, Env:_TMXDB_INCOMPLETE, Env:%(complete_var)s -ErrorAction SilentlyContinue
    }
}
"""


class PowerShellComplete(ShellComplete):
    """Completion for PowerShell 5 and later. Without a word, PowerShell completes names of files itself."""

    name = "powershell"
    source_template = _POWERSHELL

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor without the program, and the one at it."""
        words = os.environ.get("_TMXDB_WORDS", "").split("\n")
        return words[1:], os.environ.get("_TMXDB_INCOMPLETE", "").strip("'\"")

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return kind, word and help, separated by tabs."""
        return "\t".join((item.type, str(item.value), " ".join((item.help or "").split())))


SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShellComplete,
}


def script(shell: str, program: Command, name: str = "tmxdb") -> str:
    """Return the script that makes `shell` complete the command `name`."""
    made = SHELLS[shell](program, {}, name, VARIABLE)
    # Not `made.source()`: for Bash it starts one to learn its version, and warns on stderr.
    return made.source_template % made.source_vars()


def complete(program: Command, instruction: str) -> str:
    """Return the words for the shell that set `instruction`, or nothing, whatever goes wrong."""
    add_completion_class(PowerShellComplete)
    shell, _, action = instruction.partition("_")
    if shell not in SHELLS:
        return ""
    made = SHELLS[shell](program, {}, "tmxdb", VARIABLE)
    if action == "source":
        return script(shell, program)
    return made.complete() if action == "complete" else ""
