"""`tmxdb add-captures`: wishes for frames, by filter and settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tmxdb.capture.settings import COLORS, DRIVES, FRAME_SOURCES, CaptureSettings
from tmxdb.cli.context import open_database, options
from tmxdb.cli.ids import chosen_tracks
from tmxdb.cli.options import dry_run_option, json_option, option, site_options
from tmxdb.cli.say import counted, print_json, talk
from tmxdb.clock import span

if TYPE_CHECKING:
    from tmxdb.kinds.wishes import Wished

F = TypeVar("F", bound=Callable[..., Any])
_USUAL = CaptureSettings()
_ms = click.IntRange(min=0)


def _setting(name: str, text: str) -> Callable[[F], F]:
    usual = getattr(_USUAL, name.lstrip("-").replace("-", "_"))
    return option(name, type=type(usual), default=usual, show_default=True, help=text)


def _choice(name: str, words: tuple[str, ...], text: str) -> Callable[[F], F]:
    usual = getattr(_USUAL, name.lstrip("-").replace("-", "_"))
    return option(name, type=click.Choice(words), default=usual, show_default=True, help=text)


@click.command()
@site_options()
@option("--track-id", "track_ids", type=click.IntRange(min=1), multiple=True, help="Only this track; may be repeated.")
@option("--track-ids", "ids_file", metavar="FILE", help="Only the tracks in this file, one id a line.")
@option("--replay-id", "replay_ids", type=click.IntRange(min=1), multiple=True, help="Only this replay; may be repeated.")  # fmt: skip  # noqa: E501
@option("--top", type=click.IntRange(min=1), metavar="N", help="The best N replays of each track that fit the rest.")
@option("--no-respawns", is_flag=True, help="Only runs without a respawn.")
@option("--keyboard-only", is_flag=True, help="Only runs without any analog control.")
@option("--min-time", type=_ms, metavar="MS", help="Only races of at least so long.")
@option("--max-time", type=_ms, metavar="MS", help="Only races of at most so long.")
@option("--map-type", type=click.Choice(["race", "platform", "puzzle", "stunts", "any"]), default="race", show_default=True, help="Only maps of this type.")  # fmt: skip  # noqa: E501
@option("--max-intro-ms", type=_ms, metavar="MS", help="Only maps whose MediaTracker intro is at most so long; 0: none.")  # fmt: skip  # noqa: E501
@_setting("--fps", "Frames for a second of race time.")
@_setting("--width", "Pixels; the game's window must be at least as large.")
@_setting("--height", "Pixels.")
@_setting("--step-ms", "Frames are due at multiples of this.")
@_setting("--running-speed", "Speed of the game; above 1 frames come late or are missed.")
@_setting("--camera", "N of the game's `cam N`; 0 leaves it as it is.")
@_choice("--color", COLORS, "Of the pictures.")
@_setting("--quality", "Of the JPEGs, 1 to 95.")
@_setting("--input-time-offset-ms", "Added to each time of the script.")
@option("--per-frame-json", is_flag=True, help="One JSON beside each frame, too.")
@_choice("--frame-source", FRAME_SOURCES, "The plugin's frames, or a grab of the game's window.")
@_choice("--drive", DRIVES, "By a script of the replay's inputs, or watch its ghost.")
@dry_run_option
@json_option
@click.pass_context
def add_captures(ctx: click.Context, /, **given: Any) -> None:
    """Ask for frames of downloaded replays: the same replay with the same settings is one row.

    \b
        tmxdb add-captures --top 5 --keyboard-only --no-respawns --dry-run
        tmxdb add-captures --track-id 2233 --fps 100 --width 256 --height 256
        tmxdb work --kind capture --n 2

    The replays and the maps of their tracks must be there; see docs/capture.md for the game's side.
    """
    from tmxdb.kinds.wishes import Filter, add, left_out, look

    chosen = options(ctx, given)
    settings = CaptureSettings(**{field.name: given[field.name] for field in fields(CaptureSettings)})
    wanted = Filter(
        track_ids=chosen_tracks(given["track_ids"], given["ids_file"]),
        replay_ids=given["replay_ids"],
        top=given["top"],
        no_respawns=given["no_respawns"],
        keyboard_only=given["keyboard_only"],
        min_time_ms=given["min_time"],
        max_time_ms=given["max_time"],
        map_type=None if given["map_type"] == "any" else given["map_type"],
        max_intro_ms=given["max_intro_ms"],
    )
    database = open_database(chosen, read_only=given["dry_run"])
    with database.read() as connection:
        found = look(connection, wanted, settings)
        missing = left_out(connection, wanted)
    new = found.new
    if not given["dry_run"]:
        with database.write() as connection:
            new = add(connection, wanted, settings)
    if settings.note:
        talk(settings.note)
    for reason, n in missing.items():
        talk(f"{counted(n, 'replay')} {'are' if n > 1 else 'is'} left out: {reason}.")
    if given["as_json"]:
        print_json(_as_json(found, new, missing))
    else:
        _say(found, new, dry_run=given["dry_run"])


def _say(found: Wished, new: int, *, dry_run: bool) -> None:
    where = f"{'would be ' if dry_run else ''}added on {counted(found.tracks, 'track')}"
    talk(f"{counted(new, 'capture')} {where}, {found.known:,} are there already.")
    takes = found.takes
    if new:
        size = f"about {takes.frames:,} frames, {_size(takes.frame_bytes)} and {span(takes.seconds)} with one game"
        talk(f"That is {size}; `tmxdb work --kind capture` begins.")


def _size(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def _as_json(found: Wished, new: int, missing: dict[str, int]) -> dict[str, Any]:
    takes = found.takes
    return {
        "new": new,
        "known": found.known,
        "tracks": found.tracks,
        "frames": takes.frames,
        "bytes": takes.frame_bytes,
        "hours": round(takes.seconds / 3600, 3),
        "left_out": missing,
    }
