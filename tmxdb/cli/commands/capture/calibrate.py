"""`tmxdb game calibrate`: measure which tick the pictures of a running game show."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from tmxdb.cli.exit_status import FAILED
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import WordChoice
from tmxdb.cli.opening.games import open_running_game
from tmxdb.cli.opening.reference import open_reference
from tmxdb.cli.options.game import GameOptions
from tmxdb.cli.options.reference import ReferenceOptions
from tmxdb.cli.shared.output import message, print_json, safe
from tmxdb.clock import iso, wall_clock

if TYPE_CHECKING:
    from tmxdb.capture.calibration.matching import LagMeasurement
    from tmxdb.capture.games.calibration_store import Calibration


@command()
@option(
    "--method",
    type=WordChoice(["held", "rendered"]),
    metavar="NAME",
    default="held",
    show_default=True,
    help="held: compare with pictures of a race that stands still; rendered: with pictures of known ticks that"
    " TmxdbLink renders.",
)
@json_option
@click.pass_context
def calibrate(
    ctx: click.Context, /, method: str, as_json: bool, reference: ReferenceOptions, options: GameOptions
) -> None:
    """Measure which tick a picture of the running game shows.

    Drives the beginning of a replay twice, the second time with stops, and
    compares the pictures. The lag in ticks is stored in the game's folder and
    applied to the labels of captures with the same set-up: size, speed, frame
    source, plugin and version of TMInterface. A doubtful lag is stored with a
    warning. Exit status 1: it is not certain, and nothing was stored.

    \b
      tmxdb game calibrate --width 256 --height 256
      tmxdb game calibrate --replay A01.Replay.Gbx --json
    """
    from tmxdb.capture.calibration.calibrate import measure, require_method, take_flow_pictures
    from tmxdb.capture.games.calibration_store import Calibration, store_calibration

    settings = reference.settings()
    task = open_reference(reference, settings)
    pool = open_running_game(options, task, message)
    with pool.acquire(task.map_key) as game:
        require_method(game, method)
        flow = take_flow_pictures(game, task)
        found = measure(game, task, flow, method)
        facts = game.facts(settings, settings.running_speed)
    calibration = Calibration(facts, found.lag_ticks, method, found.confidence, iso(wall_clock()))
    problem = found.problem
    path = None if problem else store_calibration(pool.folders.game, calibration)
    if as_json:
        print_json(
            {
                **asdict(calibration),
                **asdict(found),
                "problem": problem,
                "stored_in": None if path is None else str(path),
            }
        )
    else:
        _print(calibration, found)
        if path is not None:
            message(f"Stored in {path}. Captures with this set-up use it from now on.")
    if problem:
        message(f"Not stored: {problem}. {_advice(found)}")
        ctx.exit(FAILED)
    if found.doubt:
        message(
            f"The result is doubtful, because {found.doubt}: labels may be a tick off, so measure again before you"
            f" capture. {_advice(found)}"
        )


def _print(calibration: Calibration, found: LagMeasurement) -> None:
    facts = calibration.facts
    votes = ", ".join(f"{lag}: {count}" for lag, count in sorted(found.lags.items()))
    version = facts.tminterface_version or "version unknown"
    for line in (
        f"lag         {_ticks(found.lag_ticks)}",
        f"confidence  {found.confidence:g} (agreement {found.agreement:.0%}, margin {found.margin:g})",
        f"pictures    {found.pictures} compared; best match by lag: {votes or 'none'}",
        f"set-up      {facts.width} x {facts.height}, speed {facts.speed:g}, frames from {facts.frame_source},"
        f" plugin {facts.plugin}, TMInterface {version}",
    ):
        click.echo(safe(line, keep=""))


def _ticks(lag: int) -> str:
    if not lag:
        return "0 ticks: a picture shows the tick of the last step before it"
    return f"{lag} tick{'' if lag == 1 else 's'}: a picture shows the tick {10 * lag} ms before the last step"


def _advice(found: LagMeasurement) -> str:
    from tmxdb.capture.calibration.matching import MIN_AGREEMENT

    is_doubtful = found.problem is None and found.agreement < found.margin
    if found.pictures and (found.agreement < MIN_AGREEMENT or is_doubtful):
        return "Try a lower --running-speed, at which the game renders a frame for each tick."
    return "Try another replay (--replay), or larger pictures (--width, --height)."
