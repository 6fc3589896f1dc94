"""`tmxdb film`: a video of one or more runs, of their frames or from above."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import replays
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import option, option_field
from tmxdb.cli.framework.types import WordChoice, float_range, int_range
from tmxdb.cli.framework.windows_expansion import files_of_patterns
from tmxdb.cli.opening.database import checked_if_missing, open_database, open_storage
from tmxdb.cli.opening.items import item_id_in
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.signals import if_interrupted, stop_signals
from tmxdb.cli.shared.suffix import check_suffix
from tmxdb.errors import GbxError, InvalidInput
from tmxdb.storage import Storage, check_user_file, id_name, new_user_file

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.pictures.film.runs import FilmRun


@dataclass(frozen=True)
class FilmOptions:
    """How a film looks."""

    view: str = option_field(
        "--view",
        type=WordChoice(["auto", "frames", "above"]),
        metavar="VIEW",
        default="auto",
        show_default=True,
        help="frames: captured frames, of two runs beside each other. above: lines on the map. auto: frames if one or"
        " two runs are named and captured.",
    )
    fps: int = option_field(
        "--fps", type=int_range(1, 100), metavar="N", default=25, show_default=True, help="Pictures per second."
    )
    speed: float = option_field(
        "--speed",
        type=float_range(0.05, 20),
        metavar="X",
        default=1.0,
        show_default=True,
        help="Seconds of the race per second of the film.",
    )
    width: int = option_field(
        "--width", type=int_range(160, 2160), metavar="N", default=960, show_default=True, help="Width in pixels."
    )
    progress: bool | None = option_field(
        "--progress/--no-progress", help="Show a progress bar, or log lines.  [default: a bar on a terminal]"
    )


@command()
@click.argument(
    "replay", metavar="[ID|URL|FILE]…", nargs=-1, required=True, shell_complete=replays, callback=files_of_patterns
)
@option("-o", "--out", type=click.Path(path_type=Path), metavar="OUT", help="MP4 to write.  [default: REPLAY.mp4]")
@force_option
def film(replay: tuple[str, ...], out: Path | None, force: bool, look: FilmOptions, options: StorageOptions) -> None:
    """Make a video of one or more runs with inputs, speed, time and the difference at each checkpoint.

    The arguments are ids or URLs of downloaded replays, or files. Captured runs show
    their frames; others are lines on the map, seen from above. The first run is
    compared with the second, and every other run with the first. Needs PyAV:
    pip install "tmxdb[video]".

    \b
      tmxdb film 4471203 -o run.mp4
      tmxdb film 4471203 4471209 --speed 0.5
      tmxdb film A01-Race.Replay.Gbx --width 640
    """
    from tmxdb.cli.shared.progress import message_above_bars, progress_bar
    from tmxdb.pictures.film.film import Film

    name = item_id_in(replay[0], "replay")
    target = out or Path(f"{Path(replay[0]).name.split('.')[0] if name is None else id_name(name)}.mp4")
    check_suffix(out, ".mp4")
    check_user_file(target, force=force)
    made = Film(_runs(replay, options), view=look.view, width=look.width, fps=look.fps, speed=look.speed)
    with (
        if_interrupted(f"Interrupted. {target} was not written; the same command starts over."),
        stop_signals() as signals,
        progress_bar(len(made.times_ms), "pictures", progress=look.progress) as bar,
        new_user_file(target, force=force, instead="choose another file with --out") as file,
    ):
        signals.say = message_above_bars
        made.write(Path(file.name), stop=signals.stop, on_picture=bar.update)
    width, height = made.size
    seen = "frames" if made.view == "frames" else "lines from above"
    message(
        f"{plural(len(made.times_ms), 'picture')} of {width} x {height}, {len(made.times_ms) / look.fps:.1f} s: {seen}."
    )
    click.echo(target)


def _runs(arguments: tuple[str, ...], options: StorageOptions) -> list[FilmRun]:
    database, storage, runs = None, None, []
    for text in arguments:
        replay_id = item_id_in(text, "replay")
        if replay_id is None:
            runs.append(_of_file(Path(text)))
            continue
        if database is None or storage is None:
            database = open_database(options, read_only=True)
            storage = open_storage(options, database)
        with checked_if_missing(database, storage):
            runs.append(_of_database(database, storage, replay_id))
    return runs


def _of_file(path: Path) -> FilmRun:
    from tmxdb.gbx import read_replay
    from tmxdb.gbx.source import read_source
    from tmxdb.pictures.film.runs import film_run

    try:
        return film_run(path.name, read_replay(read_source(path)))
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}.", code="input.no_file") from error
    except GbxError as error:
        raise InvalidInput(f"{path.name}: {error}", code=error.code) from error


def _of_database(database: Database, storage: Storage, replay_id: int) -> FilmRun:
    from tmxdb.capture.output.reader import CapturedFrame, read_frames
    from tmxdb.gbx import read_replay
    from tmxdb.pictures.captured import captured_run, read_replay_file, replay_file
    from tmxdb.pictures.film.runs import film_run

    facts = replay_file(database, replay_id)
    data = read_replay_file(facts, storage)
    run = captured_run(database, storage.root, replay_id)
    frames: list[CapturedFrame] = []
    if run is not None:
        try:
            frames = list(read_frames(run.folder))
        except InvalidInput as error:  # the line can be drawn without it
            message(str(error))
    name = f"{facts.user_name or 'replay'} ({id_name(replay_id)})"
    try:
        return film_run(name, read_replay(data), run.folder if run else None, frames)
    except GbxError as error:
        raise InvalidInput(f"replay {id_name(replay_id)}: {error}", code=error.code) from error
