"""`tmxdb plot`: the driven line of a replay, coloured by speed, with the inputs below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.actions.export.track_picture import MAX_TOP, TOP, draw_track_runs
from tmxdb.cli.completion.words import replays
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import checked_if_missing, open_database, open_storage
from tmxdb.cli.opening.items import TRACK_ID, item_id_in
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.output import message
from tmxdb.cli.shared.pictures import check_selected, draw_selection, nothing_chosen
from tmxdb.cli.shared.suffix import check_suffix
from tmxdb.errors import GbxError, InvalidInput, UsageError
from tmxdb.storage import Storage, id_name, write_user_file

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.gbx import Replay
    from tmxdb.pictures.driven_line import DrivenLine


@command()
@click.argument("replay", metavar="[ID|URL|FILE]", required=False, shell_complete=replays)
@option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="PNG to write; with --only: the folder.  [default: REPLAY-line.png, TRACK-lines.png]",
)
@option("--track-id", type=TRACK_ID, metavar="ID|URL", help="Draw the best downloaded replays of this track together.")
@option("--top", type=int_range(1, MAX_TOP), metavar="N", help=f"How many replays of the track.  [default: {TOP}]")
@option("--heat", is_flag=True, help="Draw the mean speed of these replays at each place instead of their lines.")
@option("--dark", is_flag=True, help="Light text on a dark ground.")
@force_option
def plot(
    replay: str | None,
    out: Path | None,
    track_id: int | None,
    top: int | None,
    heat: bool,
    dark: bool,
    force: bool,
    only: OnlyOption,
    options: StorageOptions,
) -> None:
    """Draw the driven line from above, coloured by speed, with checkpoints and inputs.

    The argument is the id or URL of a downloaded replay, or a file. With --only and
    no replay, the best downloaded replay of each track in the selection is drawn.
    If a replay was captured, the captured positions are drawn over those of the
    ghost: the two lines should match. With --track-id, the lines of many replays of
    one track are drawn together. Needs matplotlib: pip install "tmxdb[plot]".

    \b
      tmxdb plot 4471203
      tmxdb plot A01-Race.Replay.Gbx --out a01.png
      tmxdb plot --only best --out lines
      tmxdb plot --track-id 2233 --top 25
      tmxdb plot --track-id 2233 --heat --dark
    """
    if track_id is not None:
        if replay is not None or only.only is not None:
            raise UsageError("--track-id draws many replays: leave out the replay and --only.", code="input.ids")
        check_suffix(out, ".png")
        database = open_database(options, read_only=True)
        storage = open_storage(options, database)
        png = draw_track_runs(database, storage, track_id, top=top or TOP, heat=heat, dark=dark)
        _write(out or Path(f"{id_name(track_id)}-{'speed' if heat else 'lines'}.png"), png, force=force)
        return
    if top is not None or heat:
        raise UsageError("--top and --heat are about the replays of a track: add --track-id.", code="input.ids")
    replay_id = None if replay is None else item_id_in(replay, "replay")
    if replay is not None:
        check_suffix(out, ".png")
    if replay is not None and replay_id is None:
        if only.only is not None:
            raise UsageError("--only is about replays in the database, not files.", code="input.ids")
        title, name = Path(replay).name, Path(replay).name.split(".")[0]
        _write(out or Path(f"{name}-line.png"), _png(title, _file(Path(replay)), [], dark=dark), force=force)
        return
    if replay_id is None and only.only is None:
        raise nothing_chosen("plot")
    database = open_database(options, read_only=True)
    storage = open_storage(options, database)
    if replay_id is not None:
        check_selected(database, only, replay_id)
        with checked_if_missing(database, storage):
            png = _of_database(database, storage, replay_id, dark=dark)
        _write(out or Path(f"{id_name(replay_id)}-line.png"), png, force=force)
        return

    def draw(replay_id: int, folder: Path) -> None:
        png = _of_database(database, storage, replay_id, dark=dark)
        _write(folder / f"{id_name(replay_id)}-line.png", png, force=force)

    draw_selection(database, storage, only, out, draw, captured=False)


def _write(target: Path, png: bytes, *, force: bool) -> None:
    write_user_file(target, png, force=force, instead="choose another file with --out")
    click.echo(target)


def _png(title: str, data: bytes, captured: list[DrivenLine], *, dark: bool) -> bytes:
    from tmxdb.gbx import read_replay

    try:
        return _draw(title, read_replay(data), captured, dark=dark)
    except GbxError as error:
        raise InvalidInput(f"{title}: {error}", code=error.code) from error


def _draw(title: str, replay: Replay, captured: list[DrivenLine], *, dark: bool) -> bytes:
    from tmxdb.pictures.controls import control_steps
    from tmxdb.pictures.driven_line import ghost_line
    from tmxdb.pictures.plot import draw_run
    from tmxdb.pictures.theme import DARK, LIGHT

    ghost = ghost_line(replay)
    lines = [line for line in (ghost, *captured) if line is not None]
    end_ms = replay.race_time_ms or max((line.times_ms[-1] for line in lines), default=0)
    pressed = control_steps(replay.inputs, end_ms) if replay.inputs else None
    theme = DARK if dark else LIGHT
    return draw_run(f"{title} - {end_ms / 1000:.2f} s", lines, pressed, end_ms, replay.checkpoints_ms or (), theme)


def _of_database(database: Database, storage: Storage, replay_id: int, *, dark: bool) -> bytes:
    from tmxdb.pictures.captured import captured_line, captured_run, read_replay_file, replay_file

    facts = replay_file(database, replay_id)
    data = read_replay_file(facts, storage)
    run = captured_run(database, storage.root, replay_id)
    lines = []
    if run is not None:
        try:
            lines.append(captured_line(run))
        except InvalidInput as error:  # the ghost's line can be drawn without it
            message(str(error))
    return _png(f"{facts.track_name or 'track'} - {facts.user_name or ''}", data, lines, dark=dark)


def _file(path: Path) -> bytes:
    from tmxdb.gbx.source import read_source

    try:
        return read_source(path)
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}.", code="input.no_file") from error
