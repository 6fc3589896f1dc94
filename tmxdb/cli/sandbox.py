"""`tmxdb sandbox`: the stand-in for the exchange, and for games beside it, in the foreground until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import click

from tmxdb.cli.options import option
from tmxdb.sandbox.settings import Settings

_EXAMPLES = """\
Sandbox of {tracks:,} tracks at {url} (Ctrl-C ends it). Try, in another terminal:

  tmxdb --site {url} --db sandbox.db sync-tracks
  tmxdb --db sandbox.db run --n 16
  curl '{url}/api/tracks?fields=TrackId,TrackName,Awards&order1=6&count=3'
  curl '{url}/_sandbox/stats'
"""
_GAMES = """\
Games on port {ports}, with their folders in {folder}. They follow the replays in {replays}. For .env:

  TRACKMANIA_BASE_PATH={user_folder}
  BASE_TMI_PORT={first_port}

And then:

  tmxdb --db sandbox.db add-captures
  tmxdb --db sandbox.db work --kind capture --n {count}
"""


@click.command()
@option("--tracks", type=click.IntRange(min=1), default=1000, show_default=True, help="How many tracks.")
@option("--replays", type=click.IntRange(min=0), default=10, show_default=True, help="Replays of a track, on average.")
@option("--plain", is_flag=True, help="Nothing odd: exactly --replays valid replays on each track, harmless names.")
@option("--seed", type=int, default=1, show_default=True, help="Another seed, another catalogue.")
@option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any free port.")
@option(
    "--gbx-dir",
    type=click.Path(path_type=Path),
    help="Serve the real replays and maps of this folder (implies --plain).",
)
@option(
    "--file-kb", type=click.FloatRange(0, 1024), default=0, show_default=True, help="Replay files of about this size."
)
@option("--latency-ms", type=click.FloatRange(min=0), default=0, show_default=True, help="Wait before each answer.")
@option("--fault", "faults", multiple=True, metavar="TEXT", help="What goes wrong, such as 503:3% or cut:2%:first=1.")
@option("--list-faults", is_flag=True, help="Say which faults there are, and end.")
@option("--games", type=click.IntRange(0, 16), default=0, show_default=True, help="So many games beside the exchange.")
@option(
    "--games-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder for the games' own folders.  [default: a temporary one]",
)
@option(
    "--game-replays",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Where the replays lie that the games know how to drive.",
)
@option("--game-port", type=click.IntRange(1, 65535), default=8478, show_default=True, help="Of the first game.")
@option("--game-pace", type=click.FloatRange(min=0), default=0, help="Times real time.  [default: as fast as it goes]")
@option("--game-fault", "game_faults", multiple=True, metavar="TEXT", help="Such as freeze:5%:s=3 or parked:2%.")
@option(
    "--log", "log_file", type=click.Path(dir_okay=False), help="Append every request to this file as a line of JSON."
)
def sandbox(
    tracks: int,
    replays: int,
    plain: bool,
    seed: int,
    host: str,
    port: int,
    gbx_dir: Path | None,
    file_kb: float,
    latency_ms: float,
    faults: tuple[str, ...],
    list_faults: bool,
    games: int,
    games_dir: Path | None,
    game_replays: Path,
    game_port: int,
    game_pace: float,
    game_faults: tuple[str, ...],
    log_file: str | None,
) -> None:
    """Run a stand-in for the exchange on this machine, for trying things out.

    It behaves as the real site is known to, serves small valid files, and fails on request. Its catalogue
    is made up from --seed and is the same each time. With --games there are games, too, with the plugin that
    captures are driven through.

    \b
    Examples: tmxdb sandbox --tracks 200 --fault 503:3% --fault cut:2%:first=1
              tmxdb sandbox --plain --games 2
    """
    # Imported late, so that `tmxdb --help` need not wait for asyncio.
    from tmxdb.sandbox.server import Sandbox

    if list_faults:
        _show_faults()
        return
    settings = Settings(
        tracks=tracks,
        replays=replays,
        seed=seed,
        host=host,
        port=port,
        gbx_dir=str(gbx_dir) if gbx_dir else None,
        plain=plain,
        file_kb=file_kb,
        latency_ms=latency_ms,
        faults=list(faults),
        log_file=log_file,
    )

    def on_ready(url: str, _stop: asyncio.Event) -> None:
        click.echo(_EXAMPLES.format(tracks=tracks, url=url), nl=False)

    running = Sandbox(settings)
    with contextlib.ExitStack() as stack:
        try:
            if games:
                _start_games(stack, games, games_dir, game_replays, game_port, game_pace, list(game_faults), seed)
            asyncio.run(running.run(on_ready))
        except KeyboardInterrupt:  # the way to end it: nothing has failed
            click.echo(f"\nStopped. Requests served: {running.journal.stats()['requests']:,}", err=True)


def _show_faults() -> None:
    from tmxdb.sandbox.faults.table import FAULTS, STATUS
    from tmxdb.sandbox.game.faults import FAULTS as GAME_FAULTS

    for name, fault in {"400 to 599": STATUS, **FAULTS}.items():
        click.echo(f"{name:18}{fault.help}")
    click.echo("\nOf games (--game-fault):")
    for name, game_fault in GAME_FAULTS.items():
        click.echo(f"{name:18}{game_fault.help}")


def _start_games(
    stack: contextlib.ExitStack,
    count: int,
    folder: Path | None,
    replays: Path,
    first_port: int,
    pace: float,
    faults: list[str],
    seed: int,
) -> None:
    """They end with `stack`. All share one user folder, as games on one machine do."""
    from tmxdb.sandbox.game import running_game

    if folder is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tmxdb-games-")))
    folder = folder.resolve()
    user_folder = folder / "TmForever"
    for made in (
        user_folder / "Tracks" / "Challenges",
        user_folder / "Tracks" / "Replays" / "Autosaves",
        folder / "TMInterface" / "Scripts",
        folder / "TMInterface" / "Plugins",
    ):
        made.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        stack.enter_context(
            running_game(
                user_folder=user_folder,
                replay_folders=[replays.resolve()],
                port=first_port + number,
                seed=seed + number,
                pace=pace,
                faults=faults,
                sees_later_files=True,  # maps will be put there while the games run
            )
        )
    ports = f"{first_port} to {first_port + count - 1}" if count > 1 else str(first_port)
    click.echo(
        _GAMES.format(
            ports=ports,
            folder=folder,
            replays=replays,
            user_folder=user_folder,
            first_port=first_port,
            count=count,
        )
    )
