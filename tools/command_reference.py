"""The page docs/reference/commands.md, made from the commands themselves."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import click

from tmxdb.cli.framework.option import GENERAL, SectionedOption
from tmxdb.cli.program import COMMANDS, tmxdb

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"

_HEAD = """# Commands

Generated from the command line by `python3 run.py docs`. `tmxdb help COMMAND` prints the same text in a terminal.

Exit status of every command: 0 all well, 1 the command failed, 2 wrong usage, 3 finished but some items failed,
130 interrupted.
"""


def generated() -> str:
    """Return the page as it should be now."""
    context = click.Context(tmxdb, info_name="tmxdb", **tmxdb.context_settings)
    parts = [_HEAD, _section(tmxdb, context, "tmxdb", 2)]
    for name in COMMANDS:
        command = tmxdb.get_command(context, name)
        if command is None or command.hidden:
            continue
        parts += _sections(command, click.Context(command, info_name=name, parent=context), f"tmxdb {name}", 2)
    return "\n".join(parts)


def _sections(command: click.Command, context: click.Context, name: str, level: int) -> list[str]:
    parts = [_section(command, context, name, level)]
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None and not found.hidden:
                parts += _sections(found, click.Context(found, info_name=child, parent=context), f"{name} {child}", 3)
    return parts


def _section(command: click.Command, context: click.Context, name: str, level: int) -> str:
    usage = command.get_usage(context).removeprefix("Usage: ")
    lines = [f"{'#' * level} `{name}`", "", *_paragraphs(command.help or ""), "```text", usage, "```", ""]
    sections: dict[str, list[click.Option]] = {}
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            section = parameter.section if isinstance(parameter, SectionedOption) else GENERAL
            sections.setdefault(section, []).append(parameter)
    for section, options in sections.items():
        heading = "option" if len(sections) == 1 else f"{section.lower()} option"
        lines += [f"| {heading} | meaning |", "| --- | --- |", *(_row(option, context) for option in options), ""]
    return "\n".join(lines)


def _paragraphs(text: str) -> list[str]:
    """Return the help text as Markdown: paragraphs that Click keeps as they are (`\\b`) become code blocks."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            typed = inspect.cleandoc(paragraph[1:].strip("\n")).splitlines()
            lines += ["```console", *(f"$ {line}" if line.startswith("tmxdb") else line for line in typed), "```", ""]
        else:
            lines += [re.sub(r"\s*\n\s*", " ", paragraph), ""]
    return lines


def _row(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    names, meaning = record if record is not None else (", ".join(option.opts), "")
    cells = [f"`{names}`", " ".join(meaning.split())]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
