"""`tmxdb demo`: the whole chain against the sandbox, each command as a user would type it."""

from __future__ import annotations

import os
import shlex
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import click

from tmxdb.cli import INTERRUPTED
from tmxdb.cli.options import option
from tmxdb.errors import TmxdbError
from tmxdb.sandbox import running_game, running_site

_BOARD = (
    "select track_name, rank, user_name, site_time_ms, status from leaderboard"
    " where track_id = (select track_id from tracks where listed_count > 2 order by priority limit 1) order by rank"
)
_MISSING = "select kind, status, error_code, count(*) as n from missing group by kind, status, error_code"
_FASTEST = "select replay_id, nickname_plain, race_time_ms, checkpoints_ms, device, input_count from replays where checkpoint_count > 2 order by race_time_ms limit 3"  # noqa: E501

FIRST_PORT = 8478
"""Of games, by convention."""
_SHORTEST = (
    "select replay_id from replays join maps using (track_id) where replays.status = 'done' and replays.finished"
    " and replays.input_count > 2 and replays.map_uid = maps.uid and maps.map_type = 'race' and maps.status = 'done'"
    " group by track_id having replays.race_time_ms = min(replays.race_time_ms) order by race_time_ms limit 4"
)
_FRAMES = "select replay_id, frame_count, frames_missed, time_matches, folder_path from captures"


@click.command()
@option(
    "--tracks", type=click.IntRange(1, 100_000), default=60, show_default=True, help="How many tracks the stand-in has."
)
@option("--folder", type=click.Path(file_okay=False), help="Where database and files go.  [default: tmxdb-demo]")
@option("--capture", is_flag=True, help="Capture frames of some replays, too, with two stand-ins for the game.")
def demo(tracks: int, folder: str | None, capture: bool) -> None:
    """Show the whole chain: start the stand-in for the exchange, sync, list, download, extract, and look at it.

    Leaves a database and files to look at. Everything happens on this machine.

    \b
        tmxdb demo
        tmxdb demo --capture
    """
    place = Path(folder) if folder else _free_name("tmxdb-demo")
    place.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with running_site(tracks=tracks, replays=6, faults=["503:3%:first=1", "cut:3%:first=1", "html:2%:first=1"]) as site:
        click.echo(f"# A stand-in for the exchange runs at {site.url}; some of its answers are broken on purpose.")
        click.echo(f"$ cd {shlex.quote(str(place))}")
        for arguments in (
            ["sync-tracks", "--site", site.url],
            ["run", "--top", "5", "--n", "16"],
            ["status"],
            ["query", _BOARD],
            ["query", _FASTEST],
            ["query", _MISSING],
        ):
            _type(arguments, place)
        if capture:
            _capture(place.absolute())
    files = sorted(path.relative_to(place).as_posix() for path in (place / "data").rglob("*.Gbx"))
    click.echo(f"\n# {len(files)} files in {time.monotonic() - began:.0f} s, among them:")
    for name in files[:2] + files[-2:]:
        click.echo(f"  {place.as_posix()}/{name}")
    click.echo(f'# Look around: cd {place.as_posix()} && tmxdb query "select * from track_progress limit 5"')


def _capture(place: Path) -> None:
    """Frames of short runs on a few tracks, and one picture of many of them."""
    user = place / "game" / "TmForever"
    (user / "Tracks" / "Challenges").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        port = _two_games(stack, user, place)
        click.echo(f"\n# Two stand-ins for the game run on the ports {port} and {port + 1}.")
        ids = _shortest(place)
        chosen = [word for replay_id in ids for word in ("--replay-id", str(replay_id))]
        _type(["add-captures", *chosen, "--fps", "10", "--width", "160", "--height", "120"], place)
        _type(["work", "--kind", "capture", "--n", "2", "--base-tmi-port", str(port), "--trackmania-path",
               str(user)], place)  # fmt: skip
    _type(["query", _FRAMES], place)
    _type(["contact-sheet", str(ids[0])], place)


def _two_games(stack: ExitStack, user: Path, place: Path) -> int:
    """On two ports that follow each other, ended with `stack`; answers the first."""
    for port in range(FIRST_PORT, FIRST_PORT + 1000, 10):
        with ExitStack() as both:
            try:
                for one in (port, port + 1):
                    both.enter_context(
                        running_game(
                            user_folder=user,
                            replay_folders=[place / "data" / "replays"],
                            port=one,
                            sees_later_files=True,
                        )
                    )
            except TmxdbError:  # somebody has that port
                continue
            stack.enter_context(both.pop_all())
            return port
    raise TmxdbError(f"no two free ports from {FIRST_PORT} on.", code="demo.failed")


def _shortest(place: Path) -> list[int]:
    """The best replays of the tracks that are driven through soonest."""
    with closing(sqlite3.connect(place / "tmx.db")) as connection:
        return [replay_id for (replay_id,) in connection.execute(_SHORTEST)]


def _type(arguments: list[str], place: Path) -> None:
    """Run one command in `place` and show it; its output comes as it is."""
    click.echo("\n$ tmxdb " + " ".join(shlex.quote(argument) for argument in arguments))
    sys.stdout.flush()
    # The settings of this shell are not for the demo: it must not touch another database.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TMXDB_")}
    package = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    status = subprocess.run(
        [sys.executable, "-m", "tmxdb", *arguments], cwd=place, env=environment, check=False
    ).returncode
    if status == INTERRUPTED:
        raise click.Abort
    if status:
        raise TmxdbError(f"`tmxdb {arguments[0]}` ended with status {status}; see above.", code="demo.failed")


def _free_name(name: str) -> Path:
    """`name` in this folder, or with a number if an earlier demo is still there."""
    return next(path for path in (Path(f"{name}-{i}" if i > 1 else name) for i in count(1)) if not path.exists())
