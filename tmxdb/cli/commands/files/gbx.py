"""`tmxdb gbx`: read replay and map files without a database.

Files, folders, processes and the terminal are handled here; the format is known to `tmxdb.gbx` alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from tmxdb.cli.commands.files.gbx_convert import files_argument, inputs, line
from tmxdb.cli.commands.files.gbx_reading import (
    STDIN,
    UNREADABLE,
    gbx_files,
    problem_line,
    read_all,
    read_file,
    readers,
    shown_name,
)
from tmxdb.cli.exit_status import OK, SOME_FAILED
from tmxdb.cli.framework.command import force_option, group, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.options.processes import processes_option
from tmxdb.cli.options.reader import reader_option
from tmxdb.cli.shared.output import message, safe
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.storage import write_user_file

file_argument = click.argument("file", metavar="FILE")
output_option = option(
    "-o",
    "--out",
    "output",
    old_names=("--output",),
    required=True,
    metavar="OUT",
    help="File to write, or - for stdout.",
)


@group()
def gbx() -> None:
    """Read replay and map files of the classic TrackMania games.

    FILE is a path, or - for stdin. A file that cannot be read is reported in one
    line on stderr; the exit status is then 3.

    \b
      tmxdb gbx show data/replays
      tmxdb gbx map a.Replay.Gbx -o a.Challenge.Gbx
      tmxdb gbx inputs a.Replay.Gbx --as script > a.txt
      tmxdb gbx line data/replays --as npy -o lines
    """


@gbx.command_of()
@files_argument
@json_option
@reader_option
@processes_option
@click.pass_context
def show(ctx: click.Context, /, files: Sequence[str], as_json: bool, gbx_reader: str, processes: int | None) -> None:
    """Show the facts in replays and maps, for one or many files and folders.

    With --json: one object per file and line, with the path in "file" and damaged
    parts in "problems".

    \b
      tmxdb gbx show a.Replay.Gbx
      tmxdb gbx show data/replays --json | jq .race_time_ms
    """
    paths = list(gbx_files(files))
    if not paths:
        raise InvalidInput("No .gbx files in the folders you named.", code="input.no_files")
    failed = False
    for number, (path, facts, problems) in enumerate(read_all(paths, gbx_reader, processes)):
        if facts is not None and as_json:
            click.echo(json.dumps({"file": path, **facts}))
        elif facts is not None:
            _show(path, facts, first=number == 0)
        for problem in problems:
            message(problem_line(path, problem))
        failed = failed or bool(problems)
    ctx.exit(SOME_FAILED if failed else OK)


@gbx.command_of("map")
@file_argument
@output_option
@force_option
@click.pass_context
def map_(ctx: click.Context, /, file: str, output: str, force: bool) -> None:
    """Extract the map from a replay, byte for byte.

    \b
      tmxdb gbx map a.Replay.Gbx -o a.Challenge.Gbx
    """
    from tmxdb.gbx import embedded_challenge

    with _report_unreadable(ctx, file):
        _write(output, embedded_challenge(read_file(file)), force=force)


gbx.add_command(line)
gbx.add_command(inputs)


@gbx.command_of()
@file_argument
@output_option
@force_option
@option("--as-stored", is_flag=True, help="Keep it as the game stores it: upside down.")
@click.pass_context
def thumbnail(ctx: click.Context, /, file: str, output: str, force: bool, as_stored: bool) -> None:
    """Extract the picture of a map, or of the map in a replay, the right way up.

    \b
      tmxdb gbx thumbnail a.Challenge.Gbx -o a.jpg
    """
    from tmxdb.gbx.format.classes import CHALLENGE
    from tmxdb.gbx.format.container import read_container
    from tmxdb.gbx.thumbnail import upright

    with _report_unreadable(ctx, file):
        data = read_file(file)
        read_replay, read_challenge = readers("own")
        is_map = read_container(data).class_id == CHALLENGE
        picture = (read_challenge(data) if is_map else read_replay(data).challenge).thumbnail
        if picture is None:
            raise GbxError("gbx.no_thumbnail", "this map has no thumbnail")
        _write(output, picture if as_stored else upright(picture), force=force)


def _write(path: str, data: bytes, *, force: bool) -> None:
    """Write the complete file or nothing."""
    if path == STDIN:
        sys.stdout.buffer.write(data)
    else:
        write_user_file(path, data, force=force, instead="choose another file with --out")


@contextmanager
def _report_unreadable(ctx: click.Context, /, path: str) -> Iterator[None]:
    """Turn a file that cannot be read into one line and exit status 3."""
    try:
        yield
    except (GbxError, InvalidInput) as error:
        if isinstance(error, InvalidInput) and error.code != UNREADABLE:
            raise
        message(problem_line(path, str(error)))
        ctx.exit(SOME_FAILED)


def _show(path: str, facts: dict[str, Any], *, first: bool) -> None:
    """Print the facts one below the other, those of the map indented."""
    if not first:
        click.echo()
    click.echo(shown_name(path))
    _show_facts(facts, indent=2)


def _show_facts(facts: dict[str, Any], indent: int) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(" " * indent + name)
            _show_facts(value, indent + 2)
        elif name != "problems":
            text = (
                ", ".join("-" if item is None else str(item) for item in value)
                if isinstance(value, list)
                else _word(value)
            )
            click.echo(f"{'':{indent}}{name:{width}}  {safe(text, keep='')}".rstrip())


def _word(value: Any) -> str:
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
