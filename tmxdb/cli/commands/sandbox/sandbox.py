"""`tmxdb sandbox`: the stand-in for the exchange, and for games, in the foreground until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from tmxdb.cli.framework.command import command
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import float_range, int_range
from tmxdb.cli.shared.logs import check_log_file
from tmxdb.cli.shared.output import plural
from tmxdb.errors import TmxdbError
from tmxdb_sandbox.settings import Settings

GAME = "Game"
_EXAMPLES = """\
Sandbox of {tracks} at {url} (Ctrl-C ends it). Try, in another terminal:

  tmxdb --site {url} --db sandbox.db sync-tracks
  tmxdb --db sandbox.db run --n 16
  curl "{url}/api/tracks?fields=TrackId,TrackName,Awards&order1=6&count=3"
  curl "{url}/_sandbox/stats"
"""
_GAMES = """\
{games} on {ports}. Their folders are in {folder}. They drive the replays in {replays}. For .env:

  TRACKMANIA_BASE_PATH={user_folder}
  BASE_TMI_PORT={first_port}

When the replays are downloaded (see below):

  tmxdb --db sandbox.db add-captures
  tmxdb --db sandbox.db work --kind capture --n {count}
"""


@dataclass(frozen=True)
class SandboxOptions:
    """What the stand-in serves and what goes wrong."""

    tracks: int = option_field("--tracks", type=int_range(1), metavar="N", default=1000, show_default=True, help="Number of tracks.")  # fmt: skip  # noqa: E501
    replays: int = option_field("--replays", type=int_range(0), metavar="N", default=10, show_default=True, help="Average number of replays per track.")  # fmt: skip  # noqa: E501
    still_activity: bool = option_field(
        "--still-activity", is_flag=True, default=False, help="New replays do not move the activity time of tracks."
    )
    plain: bool = option_field(
        "--plain", is_flag=True, default=False, help="Exactly --replays valid replays on each track, ordinary names."
    )
    seed: int = option_field("--seed", type=int_range(-(2**31)), metavar="N", default=1, show_default=True, help="Seed of the catalogue.")  # fmt: skip  # noqa: E501
    host: str = option_field("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")  # fmt: skip  # noqa: E501
    port: int = option_field(
        "--port",
        type=int_range(0, 65535),
        metavar="PORT",
        default=8000,
        show_default=True,
        help="0: any free port.",
    )
    gbx_dir: Path | None = option_field(
        "--gbx-dir",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Serve the real replays and maps in this folder; implies --plain.",
    )
    file_kb: float = option_field(
        "--file-kb", type=float_range(0, 1024), metavar="N", default=0.0, help="Size of replay files in KB."
    )
    latency_ms: float = option_field(
        "--latency-ms", type=float_range(0), metavar="MS", default=0.0, help="Wait before each answer."
    )
    faults: tuple[str, ...] = option_field(
        "--fault", multiple=True, metavar="TEXT", help="What goes wrong, such as 503:3% or cut:2%:first=1; repeatable."
    )
    list_faults: bool = option_field("--list-faults", is_flag=True, default=False, help="List the faults and exit.")
    log_file: str | None = option_field(
        "--log",
        metavar="FILE",
        help="Append each request to FILE as a line of JSON.",
    )
    games: int = option_field(
        "--games", section=GAME, type=int_range(0, 16), metavar="N", default=0, help="Also run N games."
    )
    games_dir: Path | None = option_field(
        "--games-dir",
        section=GAME,
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        help="Folder for the games' own folders.  [default: a temporary one]",
    )
    game_replays: Path = option_field(
        "--game-replays",
        section=GAME,
        type=click.Path(file_okay=False, path_type=Path),
        metavar="FOLDER",
        default=Path("data"),
        show_default=True,
        help="Folder of the replays that the games can drive.",
    )
    game_port: int = option_field(
        "--game-port",
        section=GAME,
        type=int_range(1, 65535),
        metavar="PORT",
        default=8478,
        show_default=True,
        help="Port of the first game.",
    )
    game_pace: float = option_field(
        "--game-pace",
        section=GAME,
        type=float_range(0),
        metavar="N",
        default=0.0,
        help="Speed in multiples of real time.  [default: as fast as possible]",
    )
    game_picture_lag: int = option_field(
        "--game-picture-lag",
        section=GAME,
        type=int_range(0, 5),
        metavar="TICKS",
        default=0,
        help="How much older a picture is than the last step.",
    )
    game_picture_jitter: float = option_field(
        "--game-picture-jitter",
        section=GAME,
        type=float_range(0, 100),
        metavar="PERCENT",
        default=0.0,
        help="Share of the pictures that are one tick older still.",
    )
    game_pictures_per_s: float = option_field(
        "--game-pictures-per-s",
        section=GAME,
        type=float_range(0, 100),
        metavar="N",
        default=0.0,
        help="Limit of pictures per second at speed 1.  [default: one per tick]",
    )
    game_faults: tuple[str, ...] = option_field(
        "--game-fault", section=GAME, multiple=True, metavar="TEXT", help="Such as freeze:5%:s=3; repeatable."
    )


@command()
def sandbox(options: SandboxOptions) -> None:
    """Run a stand-in for the exchange on this machine, to try things out.

    It behaves as the real site is known to, serves small valid files, and fails on
    request. Its catalogue depends only on --seed. With --games it also runs games
    with the plugin that captures are driven through.

    \b
    Examples:
      tmxdb sandbox --tracks 200 --fault 503:3% --fault cut:2%:first=1
      tmxdb sandbox --plain --games 2
    """
    # Imported late, so that `tmxdb --help` does not wait for asyncio.
    from tmxdb_sandbox.server import Sandbox

    if options.list_faults:
        _list_faults()
        return
    if options.log_file:
        check_log_file(Path(options.log_file), "--log")
    settings = Settings(
        tracks=options.tracks,
        replays=options.replays,
        seed=options.seed,
        host=options.host,
        port=options.port,
        gbx_dir=str(options.gbx_dir) if options.gbx_dir else None,
        plain=options.plain,
        still_activity=options.still_activity,
        file_kb=options.file_kb,
        latency_ms=options.latency_ms,
        faults=list(options.faults),
        log_file=options.log_file,
    )

    def on_ready(url: str, _stop: asyncio.Event) -> None:
        click.echo(_EXAMPLES.format(tracks=plural(options.tracks, "track"), url=url), nl=False)

    running = Sandbox(settings)
    with contextlib.ExitStack() as stack:
        try:
            if options.games:
                _start_games(stack, options)
            asyncio.run(running.run(on_ready))
        except KeyboardInterrupt:  # the usual way to end it
            click.echo(f"\nStopped after {plural(running.request_log.stats()['requests'], 'request')}.", err=True)


def _list_faults() -> None:
    from tmxdb_sandbox.faults.table import FAULTS, STATUS
    from tmxdb_sandbox.game.faults import FAULTS as GAME_FAULTS

    for name, fault in {"400 to 599": STATUS, **FAULTS}.items():
        click.echo(f"{name:18}{fault.help}")
    click.echo("\nOf games (--game-fault):")
    for name, game_fault in GAME_FAULTS.items():
        click.echo(f"{name:18}{game_fault.help}")


def _start_games(stack: contextlib.ExitStack, options: SandboxOptions) -> None:
    """Start the games; they end with `stack`. All share one user folder, as games on one machine do."""
    from tmxdb_sandbox.game import running_game

    folder = options.games_dir
    if folder is None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tmxdb-games-")))
    folder = folder.resolve()
    user_folder = folder / "TmForever"
    for path in (
        user_folder / "Tracks" / "Challenges",
        user_folder / "Tracks" / "Replays" / "Autosaves",
        folder / "TMInterface" / "Scripts",
        folder / "TMInterface" / "Plugins",
    ):
        path.mkdir(parents=True, exist_ok=True)
    first_port = options.game_port
    for number in range(options.games):
        try:
            stack.enter_context(
                running_game(
                    user_folder=user_folder,
                    replay_folders=[options.game_replays.resolve()],
                    port=first_port + number,
                    seed=options.seed + number,
                    pace=options.game_pace,
                    faults=list(options.game_faults),
                    picture_lag_ticks=options.game_picture_lag,
                    picture_jitter=options.game_picture_jitter / 100,
                    pictures_per_s=options.game_pictures_per_s,
                    sees_later_files=True,  # maps are added while the games run
                )
            )
        except TmxdbError as error:
            if "port" not in str(error):
                raise
            sentence = str(error).removesuffix(" Choose another --port.")
            raise TmxdbError(f"{sentence} Choose another port with --game-port.", code=error.code) from error
    last_port = first_port + options.games - 1
    click.echo(
        _GAMES.format(
            games=plural(options.games, "game"),
            ports=f"port {first_port}" if options.games == 1 else f"ports {first_port} to {last_port}",
            folder=folder,
            replays=options.game_replays,
            user_folder=user_folder,
            first_port=first_port,
            count=options.games,
        )
    )
