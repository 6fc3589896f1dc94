"""`tmxdb gbx line` and `tmxdb gbx inputs`: replays as files of other programs, one or many at once."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.commands.files.gbx_reading import (
    STDIN,
    UNREADABLE,
    gbx_files,
    map_files,
    problem_line,
    read_file,
    readers,
)
from tmxdb.cli.exit_status import OK, SOME_FAILED
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.cli.framework.windows_expansion import files_of_patterns
from tmxdb.cli.options.processes import processes_option
from tmxdb.cli.options.reader import reader_option
from tmxdb.cli.shared.output import message, plural, print_table, safe
from tmxdb.errors import GbxError, InvalidInput, TmxdbError, UsageError
from tmxdb.storage import write_user_file

if TYPE_CHECKING:
    from tmxdb.gbx import Replay

_NO_INPUTS = "there are no readable inputs in this file"
_EXTENSION = re.compile(r"(\.replay|\.challenge)?\.gbx$", re.IGNORECASE)
SUFFIXES = {
    ("line", "csv"): ".line.csv",
    ("line", "npy"): ".line.npy",
    ("line", "parquet"): ".line.parquet",
    ("inputs", "csv"): ".inputs.csv",
    ("inputs", "npz"): ".inputs.npz",
    ("inputs", "script"): ".txt",
    ("inputs", "actions"): ".actions.json",
}
_BINARY = ("npy", "npz", "parquet")
files_argument = click.argument("files", metavar="FILE…", nargs=-1, required=True, callback=files_of_patterns)
out_option = option(
    "-o",
    "--out",
    "output",
    old_names=("--output",),
    metavar="OUT",
    help="File to write; for many files a folder.  [default: stdout, for one file]",
)


@command("line")
@files_argument
@option("--as", "form", type=WordChoice(["csv", "npy", "parquet"]), metavar="FORM", default="csv", show_default=True, help='csv; npy: a structured array; parquet. Needs pip install "tmxdb[arrays]".')  # fmt: skip  # noqa: E501
@option("--step-ms", type=int_range(1), metavar="MS", help="Write the car every MS ms, also between samples.  [default: the samples of the ghost]")  # fmt: skip  # noqa: E501
@out_option
@force_option
@processes_option
@click.pass_context
def line(
    ctx: click.Context,
    /,
    files: Sequence[str],
    form: str,
    step_ms: int | None,
    output: str | None,
    force: bool,
    processes: int | None,
) -> None:
    """Write the driven line: position, velocity, speed and rotation of the car.

    \b
      tmxdb gbx line a.Replay.Gbx > a.csv
      tmxdb gbx line data/replays --as npy --step-ms 10 -o lines

    Metres, m/s, km/h and unit quaternions; y is up. A file that cannot be read is one
    line on stderr and exit status 3; the others are written. A folder gets a card and
    the SHA-256 of its files too.
    """
    _convert_all(ctx, "line", files, form, step_ms, "own", output, force=force, processes=processes)


@command("inputs")
@files_argument
@option("--as", "form", type=WordChoice(["table", "csv", "script", "npz", "actions"]), metavar="FORM", default="table", show_default=True, help="table; csv; script: TMInterface drives the run with it; npz: arrays per tick; actions: JSON with one of 12 actions per step.")  # fmt: skip  # noqa: E501
@option("--step-ms", type=int_range(10), metavar="MS", help="Step of the actions, a multiple of 10.  [default: 10]")  # fmt: skip  # noqa: E501
@out_option
@force_option
@processes_option
@reader_option
@click.pass_context
def inputs(
    ctx: click.Context,
    /,
    files: Sequence[str],
    form: str,
    step_ms: int | None,
    output: str | None,
    force: bool,
    processes: int | None,
    gbx_reader: str,
) -> None:
    """Show what the driver pressed and when, in race time.

    Steering and gas are numbers from -65536 to 65536 as the game stores them: above
    0 is left. In a script, in arrays and in actions left is below 0, as in TMInterface.

    \b
      tmxdb gbx inputs a.Replay.Gbx
      tmxdb gbx inputs a.Replay.Gbx --as script > a.txt
      tmxdb gbx inputs data/replays --as actions --step-ms 50 -o actions
    """
    if step_ms is not None and (step_ms % 10 or form != "actions"):
        raise UsageError("--step-ms is a multiple of 10, and for --as actions only.", code="input.step")
    if form == "table":
        if len(files) != 1 or output is not None or os.path.isdir(files[0]):
            raise UsageError("a table is for one file on the terminal. Choose a form with --as.", code="input.form")
        try:
            print_table(("time_ms", "control", "value"), _replay_with_inputs(files[0], gbx_reader).inputs)
        except (GbxError, InvalidInput) as error:
            _fail(ctx, files[0], error)
        return
    _convert_all(ctx, "inputs", files, form, step_ms, gbx_reader, output, force=force, processes=processes)


def _convert_all(
    ctx: click.Context,
    what: str,
    files: Sequence[str],
    form: str,
    step_ms: int | None,
    reader: str,
    output: str | None,
    *,
    force: bool,
    processes: int | None,
) -> None:
    sources = [file for file in files if file == STDIN or not os.path.isdir(file)]
    single = len(sources) == len(files) == 1 and (output is None or not _is_folder(output))
    if single:
        try:
            data = convert(files[0], what, form, step_ms, reader)
        except (GbxError, InvalidInput) as error:
            _fail(ctx, files[0], error)
        if output not in (None, STDIN):
            write_user_file(str(output), data, force=force, instead="choose another file with --out")
        elif form in _BINARY and sys.stdout.isatty():
            raise UsageError(f"--as {form} is not text: name a file with -o.", code="input.output")
        else:
            sys.stdout.flush()
            _stdout(data)
        return
    if output is None or output == STDIN:
        raise UsageError("many files are written into a folder: choose it with -o.", code="input.output")
    targets = list(_targets(files, Path(output), SUFFIXES[what, form]))
    if not targets:
        raise InvalidInput("No .gbx files in the folders you named.", code="input.no_files")
    from tmxdb.export.replay_cards import begin_replay_files, describe_files

    run = partial(_convert_to, what=what, form=form, step_ms=step_ms, reader=reader, force=force)
    is_new = not os.path.exists(output)
    begin_replay_files(
        Path(output), {_name_in(output, target) for _, target, _ in targets if force or not os.path.exists(target)}
    )
    failed = 0
    written: dict[str, str] = {}
    for path, problem, target, sha256 in map_files(run, targets, processes):
        if problem is not None:
            failed += 1
            message(problem_line(path, problem))
        else:
            written[_name_in(output, target)] = sha256
    kept = describe_files(Path(output), what, form, step_ms, reader, written, failed)
    if kept:
        message(kept)
    if is_new and not written:
        with suppress(OSError):
            os.rmdir(output)
    message(f"{plural(len(targets) - failed, 'file')} written, {failed:,} failed.")
    ctx.exit(SOME_FAILED if failed else OK)


def convert(path: str, what: str, form: str, step_ms: int | None, reader: str) -> bytes:
    """Return the content of the new file. Raise GbxError, or InvalidInput if it cannot be read or has no content."""
    from tmxdb.capture.settings import TICK_MS

    if what == "line":
        from tmxdb.export.replay_files import line_file

        return line_file(readers(reader)[0](read_file(path)), form, step_ms)
    replay = _replay_with_inputs(path, reader)
    if form == "csv":
        # Control names come from the file: in CSV, too, they must not move a cursor.
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("time_ms", "control", "value"))
        rows.writerows((time_ms, safe(control, keep=""), value) for time_ms, control, value in replay.inputs)
        return text.getvalue().encode()
    if form == "script":
        from tmxdb.gbx.script import to_script

        script = to_script(replay.inputs, replay.race_time_ms)
        if not script:
            raise GbxError("gbx.no_inputs", "the inputs in this file contain no command for a script")
        return script.encode()
    from tmxdb.export.replay_files import actions_json, inputs_npz

    return inputs_npz(replay) if form == "npz" else actions_json(replay, step_ms or TICK_MS)


def _convert_to(
    target: tuple[str, str, bool], what: str, form: str, step_ms: int | None, reader: str, force: bool
) -> tuple[str, str | None, str, str]:
    """Write one file, in any process. Return its source, what went wrong, its name, and its SHA-256."""
    path, out, taken = target
    if taken:
        return path, f"another file is written to {out}. Convert it into a folder of its own.", out, ""
    try:
        data = convert(path, what, form, step_ms, reader)
        os.makedirs(os.path.dirname(out), exist_ok=True)
        write_user_file(out, data, force=force, instead="choose another folder with --out")
    except TmxdbError as error:
        return path, str(error), out, ""
    except OSError as error:
        return path, f"{out}: {error.strerror}.", out, ""
    return path, None, out, hashlib.sha256(data).hexdigest()


def _targets(files: Sequence[str], out: Path, suffix: str) -> Iterator[tuple[str, str, bool]]:
    """Yield each file with the name of its new one, below `out` as below the folder that was named."""
    seen: set[str] = set()
    for file in files:
        is_folder = file != STDIN and os.path.isdir(file)
        for path in gbx_files([file]):
            name = os.path.relpath(path, file) if is_folder else "stdin" if path == STDIN else os.path.basename(path)
            target = os.path.abspath(out / (_EXTENSION.sub("", name) + suffix))
            yield path, target, os.path.normcase(target) in seen
            if not os.path.isdir(path):  # a folder that cannot be listed: nothing is written for it
                seen.add(os.path.normcase(target))


def _replay_with_inputs(path: str, reader: str) -> Replay:
    replay: Replay = readers(reader)[0](read_file(path))
    if not replay.inputs:
        raise GbxError("gbx.no_inputs", _NO_INPUTS + (f" ({replay.unread[0]})" if replay.unread else ""))
    return replay


def _name_in(folder: str, path: str) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or os.path.isdir(output)


def _stdout(data: bytes) -> None:
    if hasattr(sys.stdout, "buffer"):
        sys.stdout.buffer.write(data)
    else:
        sys.stdout.write(data.decode())


def _fail(ctx: click.Context, path: str, error: TmxdbError) -> None:
    """End with one line and exit status 3 for a file that cannot be read or has nothing to convert."""
    if isinstance(error, InvalidInput) and error.code not in (UNREADABLE, "input.no_samples", "input.no_inputs"):
        raise error
    message(problem_line(path, str(error)))
    ctx.exit(SOME_FAILED)
