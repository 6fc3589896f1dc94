"""`tmxdb game check`: what is present, what is missing, and with --drive whether a replay can be captured."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli.exit_status import FAILED, OK
from tmxdb.cli.framework.command import command, force_option, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.games import open_running_game
from tmxdb.cli.opening.reference import open_reference
from tmxdb.cli.options.game import GameOptions
from tmxdb.cli.options.reference import ReferenceOptions
from tmxdb.cli.shared.output import message, print_json, safe
from tmxdb.errors import UsageError
from tmxdb.storage.user_files import check_user_file, write_user_file

if TYPE_CHECKING:
    from tmxdb.game.check_result import CheckResult

_WIDTH = len("TMInterface folder")


@command()
@option("--n", "games", type=int_range(1, 16), metavar="N", default=1, show_default=True, help="Number of games.")
@option("--drive", is_flag=True, help="Also drive a short replay on the first game, three times.")
@option(
    "--fps",
    type=int_range(1, 100),
    metavar="N",
    default=100,
    show_default=True,
    help="Frames per second of race time that --drive tries to take.",
)
@option("-o", "--out", metavar="FILE", help="Also write the report to FILE, and with --drive a picture beside it.")
@force_option
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    /,
    games: int,
    drive: bool,
    fps: int,
    out: str | None,
    force: bool,
    as_json: bool,
    options: GameOptions,
    reference: ReferenceOptions,
) -> None:
    """Report what is present, what is missing and how to fix it.

    Connects to each game for a moment, unless a worker uses it. --drive also drives
    a short replay from start to finish: it shows whether pictures are upright and
    their colours right, which tick they show, whether two drives are equal, and
    whether frames are missed. Exit status 1: something that captures need is
    missing or wrong.

    \b
      tmxdb game check
      tmxdb game check --base-tmi-port 9000 --n 2 --json
      tmxdb game check --drive --width 256 --height 256 --out report.txt
    """
    picture_file = None
    if out is not None:
        check_user_file(out, force=force)
        if drive and Path(out).suffix.lower() == ".jpeg":
            raise UsageError(
                f"{out}: this is the name of the picture. Give the report another ending, such as .txt.",
                code="input.file",
            )
        picture_file = check_user_file(Path(out).with_suffix(".jpeg"), force=force) if drive else None
    results = _check_setup(games, options)
    if not as_json:
        _print(results)
    if drive and all(result.ok is not False for result in results):
        driven, picture = _drive(fps, options, reference)
        if not as_json:
            _print(driven)
        results += driven
        if picture_file is not None and picture is not None:
            write_user_file(picture_file, _jpeg(picture), force=force)
            message(f"Wrote {picture_file}.")
    elif drive:
        message("No replay was driven, because something that it needs is missing.")
    report = _as_json(results)
    if as_json:
        print_json(report)
    if out is not None:
        text = json.dumps(report, indent=2, ensure_ascii=False) if as_json else "\n".join(_lines(results))
        write_user_file(out, f"{text}\n".encode("utf-8", "backslashreplace"), force=force)
        message(f"Wrote {out}.")
    ctx.exit(FAILED if any(result.ok is False for result in results) else OK)


def _check_setup(games: int, options: GameOptions) -> list[CheckResult]:
    from tmxdb.game import check as checks
    from tmxdb.game.process.launch import LaunchSettings

    launching = LaunchSettings(
        options.tmloader_path, options.tmloader_profile, options.launch_script, options.game_user
    )
    uses_plugin = options.driver == "tmi2"
    folders = checks.game_folders(options.trackmania_path, options.tminterface_path)
    ports = range(options.base_tmi_port, options.base_tmi_port + games)
    return [
        checks.check_system(),
        *checks.check_packages(),
        *checks.check_folders(options.trackmania_path, options.tminterface_path, with_plugin=uses_plugin),
        checks.check_launching(launching, options.base_tmi_port),
        checks.check_window(options.window_title),
        *(
            result
            for port in ports
            for result in (
                checks.check_port(port, folders)
                if uses_plugin
                else [checks.check_mapping(port - options.base_tmi_port)]
            )
        ),
    ]


def _drive(fps: int, options: GameOptions, reference: ReferenceOptions) -> tuple[list[CheckResult], Any]:
    """Return what driving a replay has shown, and a picture of it."""
    from tmxdb.capture.calibration.drive_check import DriveCheck

    task = open_reference(reference, reference.settings(fps))
    pool = open_running_game(options, task, message)
    seconds = task.run.race_time_ms / 1000 / task.settings.running_speed
    message(f"Driving {task.name} on port {options.base_tmi_port}: it takes about {seconds + 30:.0f} s.")
    with pool.acquire(task.map_key) as game:
        found = DriveCheck(game, task)
        results = list(found.run())
    return results, found.picture


def _print(results: list[CheckResult]) -> None:
    for line in _lines(results):
        click.echo(line)


def _lines(results: list[CheckResult]) -> list[str]:
    lines = []
    for result in results:
        word = {True: "ok", False: "WRONG", None: "-"}[result.ok]
        lines.append(f"{result.what:{_WIDTH}}  {word:5}  {safe(result.found, keep='')}")
        if result.fix and result.ok is not True:
            lines.append(f"{'':{_WIDTH}}         {safe(result.fix, keep='')}")
    return lines


def _as_json(results: list[CheckResult]) -> list[dict[str, Any]]:
    return [{"what": r.what, "ok": r.ok, "found": r.found, "mend": r.fix} for r in results]


def _jpeg(picture: Any) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()
