"""`tmxdb plot`: the driven line of a replay, coloured by speed, with the inputs below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tmxdb.cli.context import Options, open_database, open_storage, options
from tmxdb.cli.options import option, site_options
from tmxdb.cli.say import talk
from tmxdb.errors import BadInput, GbxError
from tmxdb.gbx import Replay, read_replay
from tmxdb.pictures.captured import captured_line, captured_run, replay_file
from tmxdb.pictures.drives import DrivenLine, controls, ghost_line
from tmxdb.pictures.plot import draw_run
from tmxdb.storage import write_whole


@click.command()
@site_options()
@click.argument("replay")
@option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The PNG.  [default: REPLAY-line.png]")
@click.pass_context
def plot(ctx: click.Context, /, replay: str, out: Path | None, **given: Any) -> None:
    """Draw the line that was driven, from above and coloured by speed, with checkpoints and inputs.

    REPLAY is the id of a downloaded replay, or a file. If the replay was captured, too, the line of the captured states
    is drawn upon that of the ghost: they should be one. Needs matplotlib: pip install 'tmxdb[plot]'.

    \b
        tmxdb plot 4471203
        tmxdb plot A01-Race.Replay.Gbx --out a01.png
    """
    chosen = options(ctx, given)
    if replay.isascii() and replay.isdigit():
        name, title, data, lines = _from_database(chosen, int(replay))
    else:
        name, title, data, lines = Path(replay).name.split(".")[0], Path(replay).name, _file(Path(replay)), []
    try:
        png = _drawn(title, read_replay(data), lines)
    except GbxError as error:
        raise BadInput(f"{title}: {error}", code=error.code) from error
    target = out or Path(f"{name}-line.png")
    write_whole(target, png, instead="choose another file with --out")
    click.echo(target)


def _drawn(title: str, replay: Replay, captured: list[DrivenLine]) -> bytes:
    ghost = ghost_line(replay)
    lines = [line for line in (ghost, *captured) if line is not None]
    end_ms = replay.race_time_ms or max((line.times_ms[-1] for line in lines), default=0)
    pressed = controls(replay.inputs, end_ms) if replay.inputs else None
    return draw_run(f"{title} - {end_ms / 1000:.2f} s", lines, pressed, end_ms, replay.checkpoints_ms or ())


def _from_database(chosen: Options, replay_id: int) -> tuple[str, str, bytes, list[DrivenLine]]:
    database = open_database(chosen, read_only=True)
    storage = open_storage(chosen, database)
    facts = replay_file(database, replay_id)
    data = storage.read(facts.path) if facts.path else None
    if data is None:
        raise BadInput(
            f"replay {replay_id}: its file is not there. `tmxdb work --kind download` fetches it.", code="input.no_file"
        )
    run = captured_run(database, storage.root, replay_id)
    lines = []
    if run is not None:
        try:
            lines.append(captured_line(run))
        except BadInput as error:  # the ghost's line is worth drawing all the same
            talk(str(error))
    return str(replay_id), f"{facts.track_name or 'track'} - {facts.user_name or ''}", data, lines


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}.", code="input.no_file") from error
