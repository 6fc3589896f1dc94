"""Look into replay and map files: `tmxdb gbx show`, `map`, `inputs`, `thumbnail`. Needs no database.

Here are files, folders, processes and the terminal; what is in a file is known by `tmxdb.gbx` alone.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click

from tmxdb.cli import SOME_FAILED
from tmxdb.cli.options import json_option, option, reader_option
from tmxdb.cli.say import print_table, safe, talk
from tmxdb.errors import BadInput, GbxError
from tmxdb.storage import write_whole

_STDIN = "-"
_UNREADABLE = "input.unreadable"
_ENOUGH_FOR_PROCESSES = 200  # files: starting a process costs as much as reading a hundred

file_argument = click.argument("file", metavar="FILE")


output_option = click.option(
    "-o", "--output", required=True, metavar="OUT", help="The file to write, or - for stdout. None is written over."
)


@click.group()
def gbx() -> None:
    """Look into replay and map files of the classic TrackMania games.

    FILE is a path, or - for stdin. A file that can not be read is one line on stderr and exit status 3.

    \b
        tmxdb gbx show data/replays
        tmxdb gbx map a.Replay.Gbx -o a.Challenge.Gbx
        tmxdb gbx inputs a.Replay.Gbx --as script > a.txt
    """


@gbx.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True)
@json_option
@reader_option
@option("--workers", type=click.IntRange(1, 61), help="Processes for many files.  [default: one for each core]")
@click.pass_context
def show(ctx: click.Context, /, files: Sequence[str], as_json: bool, gbx_reader: str, workers: int | None) -> None:
    """What replays and maps say, for one or many files and folders.

    With --json one object for each file, one a line, with "file" in it; what was damaged stands in "problems".

    \b
        tmxdb gbx show a.Replay.Gbx
        tmxdb gbx show data/replays --json | jq .race_time_ms
    """
    paths = list(_walk(files))
    if not paths:
        raise BadInput("there are no .gbx files there", code="input.no_files")
    failed = False
    for number, (path, facts, problems) in enumerate(_read_all(paths, gbx_reader, workers)):
        if facts is not None and as_json:
            click.echo(json.dumps({"file": path, **facts}))
        elif facts is not None:
            _show(path, facts, first=number == 0)
        for problem in problems:
            talk(_complaint(path, problem))
        failed = failed or bool(problems)
    ctx.exit(SOME_FAILED if failed else 0)


@gbx.command("map")
@file_argument
@output_option
@click.pass_context
def map_(ctx: click.Context, /, file: str, output: str) -> None:
    """Cut the map out of a replay, exactly as it lies in there.

    \b
        tmxdb gbx map a.Replay.Gbx -o a.Challenge.Gbx
    """
    from tmxdb.gbx import embedded_challenge

    with _complaints(ctx, file):
        _write(output, embedded_challenge(_read(file)))


@gbx.command()
@file_argument
@click.option(
    "--as",
    "form",
    type=click.Choice(["table", "csv", "script"]),
    default="table",
    show_default=True,
    help="A table; CSV; or a script that TMInterface drives the run with.",
)
@reader_option
@click.pass_context
def inputs(ctx: click.Context, /, file: str, form: str, gbx_reader: str) -> None:
    """What the driver pressed, and when, on the race clock.

    Steering and gas are numbers from -65536 to 65536 as the game stores them: above 0 is left. In a script left is
    below 0, as TMInterface has it.

    \b
        tmxdb gbx inputs a.Replay.Gbx
        tmxdb gbx inputs a.Replay.Gbx --as script > a.txt
    """
    with _complaints(ctx, file):
        replay = _readers(gbx_reader)[0](_read(file))
        columns = ("time_ms", "control", "value")
        if form == "table":
            print_table(columns, replay.inputs)
        elif form == "csv":
            # control names are the file's own words: in CSV, too, they must not move a cursor
            rows = csv.writer(sys.stdout, lineterminator="\n")
            rows.writerow(columns)
            rows.writerows((time_ms, safe(control, keep=""), value) for time_ms, control, value in replay.inputs)
        else:
            from tmxdb.gbx.script import to_script

            click.echo(to_script(replay.inputs, replay.race_time_ms), nl=False)


@gbx.command()
@file_argument
@output_option
@click.option("--as-stored", is_flag=True, help="As the game stores it: upside down.")
@click.pass_context
def thumbnail(ctx: click.Context, /, file: str, output: str, as_stored: bool) -> None:
    """The picture of a map, or of the map in a replay, the right way up.

    \b
        tmxdb gbx thumbnail a.Challenge.Gbx -o a.jpg
    """
    from tmxdb.gbx.format.classes import CHALLENGE
    from tmxdb.gbx.format.container import read_container
    from tmxdb.gbx.thumbnail import upright

    with _complaints(ctx, file):
        data = _read(file)
        read_replay, read_challenge = _readers("own")
        is_map = read_container(data).class_id == CHALLENGE
        picture = (read_challenge(data) if is_map else read_replay(data).challenge).thumbnail
        if picture is None:
            raise GbxError("gbx.no_thumbnail", "there is no thumbnail in this map")
        _write(output, picture if as_stored else upright(picture))


def _walk(files: Sequence[str]) -> Iterator[str]:
    """The files themselves, and every .gbx file below the folders, in the order of their names."""
    for file in files:
        if file != _STDIN and os.path.isdir(file):
            yield from sorted(str(path) for path in Path(file).rglob("*") if path.suffix.lower() == ".gbx")
        else:
            yield file


Shown = tuple[str, dict[str, Any] | None, list[str]]  # path, facts, problems


def _read_all(paths: list[str], reader: str, workers: int | None) -> Iterator[Shown]:
    """The facts of all files in their order; many of them in processes, with a bar on a terminal."""
    look = partial(_look, reader=reader)
    if len(paths) < _ENOUGH_FOR_PROCESSES and workers is None:
        yield from map(look, paths)
        return
    from tqdm import tqdm

    # "spawn" everywhere: the same on Windows, and no process inherits what this one has open
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = pool.map(look, paths, chunksize=max(1, min(50, len(paths) // 20)))
        yield from tqdm(found, total=len(paths), unit="file", file=sys.stderr, disable=None, leave=False)


def _look(path: str, reader: str) -> Shown:
    """One file, in whatever process."""
    from tmxdb.gbx.facts import file_facts

    try:
        facts = file_facts(_read(path), *_readers(reader))
    except (GbxError, BadInput) as error:
        return path, None, [str(error)]
    return path, facts, facts["problems"]


def _readers(name: str) -> tuple[Any, Any]:
    """`read_replay` and `read_challenge` of a reader."""
    if name == "pygbx":
        from tmxdb.gbx import with_pygbx

        return with_pygbx.read_replay, with_pygbx.read_challenge
    from tmxdb.gbx import read_challenge, read_replay

    return read_replay, read_challenge


def _read(path: str) -> bytes:
    from tmxdb.gbx.format.limits import MAX_FILE_BYTES

    try:
        if path == _STDIN:
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(error.strerror or str(error), code=_UNREADABLE) from error


def _write(path: str, data: bytes) -> None:
    """The whole file or none; never over one that is there."""
    if path == _STDIN:
        sys.stdout.buffer.write(data)
        return
    target = Path(path)
    if target.exists():
        raise BadInput(f"{path} is there already; nothing was written", code="input.exists")
    write_whole(target, data, instead="choose another file with --output")


@contextmanager
def _complaints(ctx: click.Context, /, path: str) -> Iterator[None]:
    """A file that can not be read: one line, and exit status 3."""
    try:
        yield
    except (GbxError, BadInput) as error:
        if isinstance(error, BadInput) and error.code != _UNREADABLE:
            raise
        talk(_complaint(path, str(error)))
        ctx.exit(SOME_FAILED)


def _complaint(path: str, problem: str) -> str:
    return f"Error: {_named(path)}: {safe(problem, keep='')}"


def _named(path: str) -> str:
    return "stdin" if path == _STDIN else safe(path, keep="")


def _show(path: str, facts: dict[str, Any], *, first: bool) -> None:
    """A person's view: the facts below each other, those of the map further in."""
    if not first:
        click.echo()
    click.echo(_named(path))
    _show_facts(facts, indent=2)


def _show_facts(facts: dict[str, Any], indent: int) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        if isinstance(value, dict):
            click.echo(" " * indent + name)
            _show_facts(value, indent + 2)
        elif name != "problems":
            text = ", ".join(map(str, value)) if isinstance(value, list) else _word(value)
            click.echo(f"{'':{indent}}{name:{width}}  {safe(text, keep='')}".rstrip())


def _word(value: Any) -> str:
    if value is None:
        return ""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
