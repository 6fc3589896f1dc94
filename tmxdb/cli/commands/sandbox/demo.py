"""`tmxdb demo`: the whole program against the sandbox, each command as a user would type it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import click

from tmxdb.child_processes import with_this_tmxdb
from tmxdb.cli.exit_status import INTERRUPTED
from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.options.game import DEFAULT_PORT
from tmxdb.cli.shared.output import message, plural
from tmxdb.db.reading.reader import Reader
from tmxdb.errors import InvalidInput, TmxdbError
from tmxdb_sandbox import RunningSite, running_game, running_site

_LEADERBOARD = (
    "select track_name, rank, user_name, site_time_ms, status from leaderboard"
    " where track_id = (select track_id from tracks where listed_count > 2 order by priority limit 1) order by rank"
)
_MISSING = "select kind, status, error_code, count(*) as n from missing group by kind, status, error_code"
_FASTEST = "select replay_id, nickname_plain, race_time_ms, checkpoints_ms, device, input_count from replays where checkpoint_count > 2 order by race_time_ms limit 3"  # noqa: E501

_FAULTS = ["503:3%:first=1", "cut:3%:first=1", "html:2%:first=1"]

_SHORTEST = (
    "select replay_id from replays join maps using (track_id) where replays.status = 'done' and replays.finished"
    " and replays.input_count > 2 and replays.map_uid = maps.uid and maps.map_type = 'race' and maps.status = 'done'"
    " group by track_id having replays.race_time_ms = min(replays.race_time_ms) order by race_time_ms limit 4"
)
_FRAMES = "select replay_id, frame_count, frames_missed, time_matches, folder_path from captures"


@command()
@option("--tracks", type=int_range(1, 100_000), metavar="N", default=60, show_default=True, help="Number of tracks of the sandbox.")  # fmt: skip  # noqa: E501
@option("--folder", type=click.Path(file_okay=False), metavar="FOLDER", help="Folder for database and files.  [default: tmxdb-demo]")  # fmt: skip  # noqa: E501
@option("--capture", is_flag=True, help="Also capture frames of some replays, with two stand-ins for the game.")
@option("--program", default="tmxdb", hidden=True)  # how run.py is called, for the command to paste at the end
def demo(tracks: int, folder: str | None, capture: bool, program: str) -> None:
    """Show everything: start the sandbox, sync, list, download, extract, and query.

    Leaves a database and files to look at. Everything runs on this machine. With
    --folder, a demo that was stopped continues.

    \b
      tmxdb demo
      tmxdb demo --capture
    """
    place = Path(folder) if folder else _free_name("tmxdb-demo")
    place.mkdir(parents=True, exist_ok=True)
    try:
        _show(place, tracks=tracks, capture=capture, program=program)
    except KeyboardInterrupt:
        options = f"--tracks {tracks}{' --capture' if capture else ''} --folder {_quoted(place.as_posix())}"
        message(f"The demo has stopped. To continue it, run: {program} demo {options}")
        sys.exit(INTERRUPTED)


def _show(place: Path, *, tracks: int, capture: bool, program: str) -> None:
    began = time.monotonic()
    with _site(place, tracks) as site:
        click.echo(f"# A stand-in for the exchange runs at {site.url}; some of its answers are broken on purpose.")
        click.echo(f"$ cd {_quoted(str(place))}")
        for arguments in (
            ["sync-tracks", "--site", site.url],
            ["run", "--top", "5", "--n", "16"],
            ["status"],
            ["query", _LEADERBOARD],
            ["query", _FASTEST],
            ["query", _MISSING],
        ):
            _type(arguments, place)
        if capture:
            _capture(place.absolute())
    files = sorted(path.relative_to(place).as_posix() for path in (place / "data").rglob("*.Gbx"))
    click.echo(f"\n# {plural(len(files), 'file')} in {time.monotonic() - began:.0f} s, among them:")
    for name in files[:2] + files[-2:]:
        click.echo(f"  {place.as_posix()}/{name}")
    database = _quoted(f"{place.as_posix()}/tmx.db")
    click.echo(f'# Look around: {program} --db {database} query "select * from track_progress limit 5"')


@contextmanager
def _site(place: Path, tracks: int) -> Iterator[RunningSite]:
    """Run a site within the block; if there is a database in `place` already, at the address that it remembers.

    Raise InvalidInput if the database is not of a demo, or if another program uses the port.
    """
    database = Reader(str(place / "tmx.db")) if (place / "tmx.db").exists() else None
    known = None if database is None else database.value("SELECT value FROM settings WHERE key = 'site'")
    if database is not None:
        database.close()
    port = 0
    if known is not None:
        address = urlsplit(str(known))
        if address.hostname != "127.0.0.1" or not address.port:
            raise InvalidInput(
                f"{place / 'tmx.db'} is a database of {known}, not of a demo. Choose another --folder.",
                code="db.other_site",
            )
        port = address.port
    with ExitStack() as stack:
        try:
            site = stack.enter_context(running_site(tracks=tracks, replays=6, port=port, faults=_FAULTS))
        except InvalidInput as error:
            if not port:
                raise
            raise InvalidInput(
                f"{place}: another program uses port {port}, at which this demo was started. Choose another --folder.",
                code="demo.failed",
            ) from error
        yield site


def _capture(place: Path) -> None:
    """Capture frames of short runs on a few tracks, and draw one picture of many of them."""
    user = place / "game" / "TmForever"
    (user / "Tracks" / "Challenges").mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        port = _start_two_games(stack, user, place)
        click.echo(f"\n# Two stand-ins for the game run on ports {port} and {port + 1}.")
        ids = _shortest(place)
        chosen = [word for replay_id in ids for word in ("--replay-id", str(replay_id))]
        _type(["add-captures", *chosen, "--fps", "10", "--width", "160", "--height", "120"], place)
        _type(["work", "--kind", "capture", "--n", "2", "--base-tmi-port", str(port), "--trackmania-path",
               str(user)], place)  # fmt: skip
    _type(["query", _FRAMES], place)
    again = ["--force"] if (place / f"{ids[0]}-frames.png").exists() else []  # of a demo that was stopped
    _type(["contact-sheet", str(ids[0]), *again], place)


def _start_two_games(stack: ExitStack, user: Path, place: Path) -> int:
    """Start games on two consecutive ports, ended with `stack`; return the first port."""
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 1000, 10):
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
            except TmxdbError:  # the port is taken
                continue
            stack.enter_context(both.pop_all())
            return port
    raise TmxdbError(f"No two consecutive free ports from {DEFAULT_PORT} on.", code="demo.failed")


def _shortest(place: Path) -> list[int]:
    """Return the best replays of the tracks with the shortest runs."""
    with closing(sqlite3.connect(place / "tmx.db")) as connection:
        return [replay_id for (replay_id,) in connection.execute(_SHORTEST)]


def _type(arguments: list[str], place: Path) -> None:
    """Show a command and run it in `place`."""
    click.echo("\n$ tmxdb " + " ".join(map(_quoted, arguments)))
    sys.stdout.flush()
    # Without the settings of this shell: the demo must not touch another database.
    environment = with_this_tmxdb({name: value for name, value in os.environ.items() if not name.startswith("TMXDB_")})
    with _ctrl_c_left_to_child() as pressed:
        status = subprocess.Popen([sys.executable, "-m", "tmxdb", *arguments], cwd=place, env=environment).wait()
    if status in (INTERRUPTED, -signal.SIGINT) or pressed.is_set():
        raise KeyboardInterrupt
    if status:
        raise TmxdbError(f"`tmxdb {arguments[0]}` ended with status {status}; see above.", code="demo.failed")


@contextmanager
def _ctrl_c_left_to_child() -> Iterator[threading.Event]:
    """Set the event at Ctrl-C, which reaches the child, too, instead of raising KeyboardInterrupt.

    Raised just after the child was waited for, it would lose the exit status, and Python would then take it for 0.
    """
    pressed = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _quoted(word: str) -> str:
    """Quote `word` so that it can be pasted into cmd.exe, PowerShell and sh."""
    return word if word and not set(word) & set(" '\"*?$&|<>();`\\%!#~[]{}") else f'"{word}"'


def _free_name(name: str) -> Path:
    """Return `name` in this folder, with a number if an earlier demo has used it."""
    return next(path for path in (Path(f"{name}-{i}" if i > 1 else name) for i in count(1)) if not path.exists())
