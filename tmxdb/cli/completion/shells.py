"""The scripts for the shells. Click has those for Zsh and Fish; the ones for Bash and PowerShell are here.

Names of tracks and drivers come from outside: a shell that inserted one without quoting would run what is in it.
"""

from __future__ import annotations

import os
import re
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

_SPECIAL_IN_BASH = re.compile(r"[ !\"#$&'()*;<=>?\[\\\]^`{|}~]")
VARIABLE = "_TMXDB_COMPLETE"
"""The shell sets it to `bash_complete` and so on when it asks for words."""

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n'
    local line
    while read -r line; do
        case ${line%%%%,*} in
            dir) COMPREPLY=(); compopt -o dirnames ;;
            file) COMPREPLY=(); compopt -o default ;;
            plain) COMPREPLY+=("${line#*,}") ;;
        esac
    done <<< "$(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD %(complete_var)s=bash_complete $1)"
    return 0
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

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
                $inner = [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($value)
                $text = if ($value -match '^[\\w.:/-]+$') { $value } else { "'" + $inner + "'" }
                [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
            }
        }
    } finally {
        Remove-Item Env:_TMXDB_WORDS, Env:_TMXDB_INCOMPLETE, Env:%(complete_var)s -ErrorAction SilentlyContinue
    }
}
"""


class QuotingBashComplete(BashComplete):
    """Completion for Bash 4.4 and later, which inserts words as they are: they are quoted here."""

    source_template = _BASH

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """Return kind and word, which is quoted as the typed part of it is."""
        if item.type != "plain":
            return super().format_completion(item)
        typed = os.environ["COMP_WORDS"].split("\n")[int(os.environ["COMP_CWORD"]) :]
        return f"plain,{_quoted_for_bash(str(item.value), typed[0][:1] if typed else '')}"


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
    "bash": QuotingBashComplete,
    "zsh": ZshComplete,
    "fish": FishComplete,
    "powershell": PowerShellComplete,
}


def _quoted_for_bash(word: str, quote: str) -> str:
    """Return `word` as it is typed after the opening `quote`, or without one. Bash adds the closing one."""
    if quote == "'":
        return word.replace("'", "'\\''")
    if quote == '"':
        return re.sub(r"[\\$\"`]", r"\\\g<0>", word).replace("!", '"\\!"')  # no backslash within quotes hides a !
    return _SPECIAL_IN_BASH.sub(r"\\\g<0>", word)


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
