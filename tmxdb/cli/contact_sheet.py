"""`tmxdb contact-sheet`: one picture of a captured run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tmxdb.capture.reading import captured_frames
from tmxdb.cli.context import open_database, open_storage, options
from tmxdb.cli.options import option, site_options
from tmxdb.cli.say import counted, talk
from tmxdb.errors import BadInput
from tmxdb.pictures.captured import captured_run, replay_file
from tmxdb.pictures.contact_sheet import draw_sheet, evenly
from tmxdb.storage import write_whole


@click.command("contact-sheet")
@site_options()
@click.argument("replay", type=click.IntRange(min=1))
@option("--capture-id", type=click.IntRange(min=1), help="Which capture of it.  [default: the newest finished one]")
@option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The PNG.  [default: REPLAY-frames.png]")
@option("--frames", type=click.IntRange(1, 2000), default=24, show_default=True, help="How many, evenly spaced.")
@option("--columns", type=click.IntRange(1, 100), default=6, show_default=True, help="How many in a row.")
@option("--frame-width", type=click.IntRange(32, 2000), default=160, show_default=True, help="Pixels of each.")
@click.pass_context
def contact_sheet(
    ctx: click.Context,
    /,
    replay: int,
    capture_id: int | None,
    out: Path | None,
    frames: int,
    columns: int,
    frame_width: int,
    **given: Any,
) -> None:
    """Draw frames of the captured replay REPLAY (its id), with time, speed and inputs: to see that all is right.

    \b
        tmxdb contact-sheet 4471203
        tmxdb contact-sheet 4471203 --frames 60 --columns 10 --out run.png
    """
    chosen = options(ctx, given)
    database = open_database(chosen, read_only=True)
    facts = replay_file(database, replay)
    run = captured_run(database, open_storage(chosen, database).root, replay, capture_id)
    if run is None:
        which = f"capture {capture_id} of it" if capture_id else "no capture of it"
        raise BadInput(
            f"replay {replay}: {which} is {'not ' if capture_id else ''}finished."
            f" `tmxdb add-captures --replay-id {replay}`, then `tmxdb work --kind capture`.",
            code="input.not_captured",
        )
    every = list(captured_frames(run.folder))
    title = f"{facts.track_name or 'track'} - {facts.user_name or 'replay'} - replay {replay}, capture {run.capture_id}"
    png = draw_sheet(title, run.folder, evenly(every, frames), columns=columns, frame_width=frame_width)
    target = out or Path(f"{replay}-frames.png")
    write_whole(target, png, instead="choose another file with --out")
    talk(f"{min(frames, len(every))} of {counted(len(every), 'frame')}.")
    click.echo(target)
