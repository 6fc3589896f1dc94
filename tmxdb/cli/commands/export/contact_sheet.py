"""`tmxdb contact-sheet`: frames of a captured run in one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import replays
from tmxdb.cli.framework.command import command, force_option
from tmxdb.cli.framework.option import option
from tmxdb.cli.framework.types import int_range
from tmxdb.cli.opening.database import checked_if_missing, open_database, open_storage
from tmxdb.cli.opening.items import REPLAY_ID
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.selection import OnlyOption
from tmxdb.cli.shared.output import message, plural
from tmxdb.cli.shared.pictures import check_selected, draw_selection, nothing_chosen
from tmxdb.cli.shared.suffix import check_suffix
from tmxdb.errors import InvalidInput, UsageError
from tmxdb.storage import Storage, id_name, write_user_file

if TYPE_CHECKING:
    from tmxdb.db.database import Database


@command("contact-sheet")
@click.argument("replay", type=REPLAY_ID, metavar="[ID|URL]", required=False, shell_complete=replays)
@option(
    "--capture-id",
    type=int_range(1),
    metavar="ID",
    help="Which capture of the replay.  [default: the newest finished one]",
)
@option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="PNG to write; without a replay: the folder.  [default: ID-frames.png]",
)
@option("--frames", type=int_range(1, 2000), metavar="N", default=24, show_default=True, help="Number of frames, evenly spaced.")  # fmt: skip  # noqa: E501
@option("--columns", type=int_range(1, 100), metavar="N", default=6, show_default=True, help="Frames per row.")
@option("--frame-width", type=int_range(32, 2000), metavar="N", default=160, show_default=True, help="Width of a frame in pixels.")  # fmt: skip  # noqa: E501
@force_option
def contact_sheet(
    replay: int | None,
    capture_id: int | None,
    out: Path | None,
    frames: int,
    columns: int,
    frame_width: int,
    force: bool,
    only: OnlyOption,
    options: StorageOptions,
) -> None:
    """Draw frames of a captured replay with time, speed and inputs, to see that they are right.

    With --only and no replay, the best captured replay of each track in the
    selection is drawn.

    \b
      tmxdb contact-sheet 4471203
      tmxdb contact-sheet 4471203 --frames 60 --columns 10 --out run.png
      tmxdb contact-sheet --only best --out sheets
    """
    layout = _Layout(frames, columns, frame_width)
    if replay is not None:
        check_suffix(out, ".png")
    if replay is None and only.only is None:
        raise nothing_chosen("contact-sheet")
    if replay is None and capture_id is not None:
        raise UsageError("--capture-id is one capture of the replay named: name it.", code="input.ids")
    database = open_database(options, read_only=True)
    storage = open_storage(options, database)
    if replay is not None:
        check_selected(database, only, replay)
        target = out or Path(f"{id_name(replay)}-frames.png")
        with checked_if_missing(database, storage):
            _draw(database, storage, replay, capture_id, target, layout, force)
        return

    def draw(replay_id: int, folder: Path) -> None:
        _draw(database, storage, replay_id, None, folder / f"{id_name(replay_id)}-frames.png", layout, force)

    draw_selection(database, storage, only, out, draw, captured=True)


@dataclass(frozen=True)
class _Layout:
    frames: int
    columns: int
    frame_width: int


def _draw(
    database: Database,
    storage: Storage,
    replay: int,
    capture_id: int | None,
    target: Path,
    layout: _Layout,
    force: bool,
) -> None:
    from tmxdb.capture.output.reader import read_frames
    from tmxdb.pictures.captured import captured_run, replay_file
    from tmxdb.pictures.contact_sheet import draw_sheet, evenly_spaced

    facts = replay_file(database, replay)
    run = captured_run(database, storage.root, replay, capture_id)
    if run is None:
        name = id_name(replay)
        which = f"capture {capture_id} of it is not finished" if capture_id else "no capture of it is finished"
        raise InvalidInput(
            f"replay {name}: {which}. Request one with `tmxdb add-captures --replay-id {name}`, then run"
            " `tmxdb work --kind capture`.",
            code="input.not_captured",
        )
    captured = list(read_frames(run.folder))
    who = f"{facts.track_name or 'track'} - {facts.user_name or 'replay'}"
    title = f"{who} - replay {id_name(replay)}, capture {run.capture_id}"
    chosen = evenly_spaced(captured, layout.frames)
    png = draw_sheet(title, run.folder, chosen, columns=layout.columns, frame_width=layout.frame_width)
    write_user_file(target, png, force=force, instead="choose another file with --out")
    message(f"{min(layout.frames, len(captured)):,} of {plural(len(captured), 'frame')}.")
    click.echo(target)
