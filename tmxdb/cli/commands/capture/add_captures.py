"""`tmxdb add-captures`: request frames of replays, by filter and settings."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from tmxdb.capture.settings import (
    COLORS,
    DRIVES,
    FRAME_SOURCES,
    MANIFESTS,
    RESPAWN_ACTIONS,
    STORES,
    TELEMETRY_RATES,
    CaptureSettings,
)
from tmxdb.cli.exit_status import FAILED, SOME_FAILED
from tmxdb.cli.framework.command import command, dry_run_option, json_option
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, float_range, int_range
from tmxdb.cli.opening.database import open_database
from tmxdb.cli.options.database import DatabaseOptions
from tmxdb.cli.options.selection import ReplaySelection
from tmxdb.cli.shared.ids import first_few, read_ids, say_missing
from tmxdb.cli.shared.output import file_size, message, plural, print_json
from tmxdb.clock import span
from tmxdb.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.kinds.captures.requests import RequestSummary

FILTER, FRAMES = "Filter", "Capture"
_DEFAULTS = CaptureSettings()
_MS = int_range(0)
_RATES = {str(hz) if hz else "off": hz for hz in TELEMETRY_RATES}


@dataclass(frozen=True)
class CaptureFilterOptions:
    """Which replays, beyond the ids."""

    top: int | None = option_field(
        "--top",
        section=FILTER,
        type=int_range(1),
        metavar="N",
        help="The best N replays of each track that pass the other filters.",
    )
    no_respawns: bool = option_field(
        "--no-respawns", section=FILTER, is_flag=True, default=False, help="Only runs without a respawn."
    )
    keyboard_only: bool = option_field(
        "--keyboard-only", section=FILTER, is_flag=True, default=False, help="Only runs without analog controls."
    )
    min_time: int | None = option_field(
        "--min-time", section=FILTER, type=_MS, metavar="MS", help="Minimum race time in ms."
    )
    max_time: int | None = option_field(
        "--max-time", section=FILTER, type=_MS, metavar="MS", help="Maximum race time in ms."
    )
    map_type: str = option_field(
        "--map-type",
        section=FILTER,
        type=WordChoice(["race", "platform", "puzzle", "stunts", "any"]),
        metavar="TYPE",
        default="race",
        show_default=True,
        help="Only maps of this type: race, platform, puzzle, stunts or any.",
    )
    exclude_maps: str | None = option_field(
        "--exclude-maps",
        old_names=("--exclude-enter-maps",),
        section=FILTER,
        metavar="FILE",
        help="Leave out the tracks in FILE, one id or URL per line, as `work --write-stuck-maps` writes it.",
    )
    max_intro_ms: int | None = option_field(
        "--max-intro-ms",
        section=FILTER,
        type=_MS,
        metavar="MS",
        help="Maximum length of the map's MediaTracker intro; 0: no intro.",
    )


def _setting(name: str, metavar: str, text: str, words: tuple[str, ...] = ()) -> Any:
    """Return the option of a field of `CaptureSettings`, with its default."""
    default = getattr(_DEFAULTS, name)
    return option_field(
        "--" + name.replace("_", "-"),
        section=FRAMES,
        type=WordChoice(words) if words else float_range(0) if isinstance(default, float) else int_range(-(2**31)),
        metavar=metavar,
        default=default,
        show_default=True,
        help=text,
    )


@dataclass(frozen=True)
class CaptureSettingOptions:
    """The fields of `CaptureSettings`."""

    fps: int = _setting("fps", "N", "Frames per second of race time.")
    width: int = _setting("width", "PIXELS", "Width; the game's window must be at least as large.")
    height: int = _setting("height", "PIXELS", "Height.")
    step_ms: int = _setting("step_ms", "MS", "Frames are due at multiples of this.")
    running_speed: float = _setting("running_speed", "N", "Speed of the game; above 1, frames come late or are missed.")
    camera: int = _setting("camera", "N", "Camera, as in the console command `cam N`; 0: leave it.")
    color: str = _setting("color", "NAME", "Colour of the pictures: rgb or gray.", COLORS)
    quality: int = _setting("quality", "N", "Quality of the JPEGs, 1 to 95.")
    input_time_offset_ms: int = _setting("input_time_offset_ms", "MS", "Added to each time of the script.")
    per_frame_json: bool = option_field(
        "--per-frame-json", section=FRAMES, is_flag=True, default=False, help="Also write a JSON file for each frame."
    )
    frame_source: str = _setting("frame_source", "NAME", "plugin, or screen: grab the game's window.", FRAME_SOURCES)
    respawn_action: str = _setting("respawn_action", "KEY", "Key for a respawn: enter or delete.", RESPAWN_ACTIONS)
    respawn_after_cp_ms: int = _setting(
        "respawn_after_cp_ms", "MS", "Let a respawn wait until at least MS after the last checkpoint."
    )
    telemetry_hz: str = option_field(
        "--telemetry-hz",
        section=FRAMES,
        type=WordChoice(list(_RATES)),
        metavar="N",
        default="100",
        show_default=True,
        help="Records of inputs and car per second of race time: 100, 50, 20, 10 or off.",
    )
    manifest: str = _setting(
        "manifest", "NAME", "list: a list of frames; rulka: an object that also has every action and state.", MANIFESTS
    )
    store: str = _setting(
        "store", "NAME", "files: a JPEG for each frame; tar, video or video-lossless: one file for each run.", STORES
    )
    drive: str = _setting(
        "drive", "NAME", "script: drive by the replay's inputs; ghost: watch its ghost, without labels.", DRIVES
    )

    def settings(self) -> CaptureSettings:
        """Return the settings. Raise UsageError if they are not possible."""
        values = {field.name: getattr(self, field.name) for field in fields(CaptureSettings)}
        return CaptureSettings(**values | {"telemetry_hz": _RATES[self.telemetry_hz]})


@command("add-captures")
@dry_run_option
@json_option
def add_captures(
    dry_run: bool,
    as_json: bool,
    selection: ReplaySelection,
    filter_options: CaptureFilterOptions,
    setting_options: CaptureSettingOptions,
    database_options: DatabaseOptions,
) -> None:
    """Request frames of downloaded replays. The same replay with the same settings is one row.

    \b
      tmxdb add-captures --top 5 --keyboard-only --no-respawns --dry-run
      tmxdb add-captures --track-id 2233 --fps 100 --width 256 --height 256
      tmxdb work --kind capture --n 2

    The replays and the maps of their tracks must be downloaded. How to set up the
    game: docs/how-to/capture.md.
    """
    from tmxdb.db.selected import NamedRows
    from tmxdb.kinds.captures.requests import (
        CaptureRequestFilter,
        add_requests,
        excluded_replays,
        preview,
        unknown_ids,
    )

    settings = setting_options.settings()
    if selection.track_file == filter_options.exclude_maps == "-":
        raise UsageError("--track-ids - and --exclude-maps - would both read stdin. Name a file for one of them.",
                         code="input.ids")  # fmt: skip
    database = open_database(database_options, read_only=dry_run)
    wanted = CaptureRequestFilter(
        track_ids=selection.tracks(database),
        replay_ids=selection.replay_ids,
        top=filter_options.top,
        no_respawns=filter_options.no_respawns,
        keyboard_only=filter_options.keyboard_only,
        min_time_ms=filter_options.min_time,
        max_time_ms=filter_options.max_time,
        map_type=None if filter_options.map_type == "any" else filter_options.map_type,
        max_intro_ms=filter_options.max_intro_ms,
        exclude_track_ids=_excluded_tracks(filter_options.exclude_maps),
    )
    with database.read() as connection:
        unknown_tracks, unknown_replays = unknown_ids(connection, wanted)
    tracks = tuple(set(wanted.track_ids).difference(unknown_tracks))
    if tracks and selection.replay_ids:
        selection.replays_of(database, NamedRows("track_id", tracks))
    with database.read() as connection:
        found = preview(connection, wanted, settings)
        excluded = excluded_replays(connection, wanted)
    new = found.new
    if not dry_run:
        with database.write() as connection:
            new = add_requests(connection, wanted, settings)
    if settings.note:
        message(settings.note)
    for reason, n in excluded.items():
        message(f"{plural(n, 'replay')} left out: {reason}.")
    if as_json:
        print_json(_as_json(found, new, excluded))
    else:
        _report(found, new, dry_run=dry_run)
    for noun, ids in (("track", unknown_tracks), ("replay", unknown_replays)):
        say_missing(noun, ids)
    if not (found.new or found.known or excluded or unknown_tracks or unknown_replays):
        message(_why_none(database, tracks))
    if unknown_tracks or unknown_replays:
        sys.exit(SOME_FAILED if found.new or found.known else FAILED)


def _why_none(database: Database, track_ids: tuple[int, ...]) -> str:
    """Return why there are no replays of these tracks, or none at all, and what to do if something helps."""
    from sqlalchemy import select

    from tmxdb.db.models import TrackRow, table_of
    from tmxdb.db.selected import NamedRows, in_selection

    tracks = table_of(TrackRow)
    query = select(tracks.c.status).distinct()
    if track_ids:
        query = query.where(in_selection(tracks, NamedRows("track_id", track_ids)))
    with database.read() as connection:
        statuses = connection.execute(query).scalars().all()
    if statuses == ["done"]:
        return f"The leaderboards of {'these' if track_ids else 'all'} tracks are empty: there is no replay to capture."
    which = "no replay of these tracks" if track_ids else "no replays"
    return f"The database has {which}. `tmxdb run` lists tracks and downloads their replays."


def _excluded_tracks(path: str | None) -> list[int]:
    """Return the ids in the file. Raise InvalidInput if a line has none; an empty list excludes nothing."""
    ids, bad = read_ids((), [path] if path is not None else [])
    if bad:
        raise InvalidInput(f"{plural(len(bad), 'line')} without a track id: {first_few(bad, '; ')}.", code="input.ids")
    return ids


def _report(found: RequestSummary, new: int, *, dry_run: bool) -> None:
    where = f"{'would be ' if dry_run else ''}added on {plural(found.tracks, 'track')}"
    message(f"{plural(new, 'capture')} {where}; {found.known:,} exist already.")
    takes = found.takes
    if new:
        size = f"about {plural(takes.frames, 'frame')}, {file_size(takes.frame_bytes)} and {span(takes.seconds)}"
        message(f"That is {size} with one game. Start it with `tmxdb work --kind capture`.")


def _as_json(found: RequestSummary, new: int, excluded: dict[str, int]) -> dict[str, Any]:
    takes = found.takes
    return {
        "new": new,
        "known": found.known,
        "tracks": found.tracks,
        "frames": takes.frames,
        "bytes": takes.frame_bytes,
        "hours": round(takes.seconds / 3600, 3),
        "left_out": excluded,
    }
