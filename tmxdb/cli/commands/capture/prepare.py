"""`tmxdb game prepare`: copy maps to the game's folder before the game starts."""

from __future__ import annotations

from dataclasses import dataclass

import click

from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.option import option_field
from tmxdb.cli.opening.database import open_database, open_files
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.options.game import SECTION, GameFolderOptions
from tmxdb.cli.options.selection import TrackSelection
from tmxdb.cli.shared.ids import first_few
from tmxdb.cli.shared.output import message, plural, print_json, safe
from tmxdb.errors import InvalidInput


@dataclass(frozen=True)
class PrepareOptions(GameFolderOptions):
    """The game's folders, and how maps are copied there."""

    cut_intro: bool = option_field(
        "--cut-intro",
        section=SECTION,
        is_flag=True,
        default=False,
        help="Copy the maps without their MediaTracker clips, for `tmxdb work --cut-intro`.",
    )


@command()
@json_option
@click.pass_context
def prepare(
    ctx: click.Context,
    /,
    as_json: bool,
    tracks: TrackSelection,
    folders: PrepareOptions,
    storage_options: StorageOptions,
) -> None:
    """Copy maps to the game's folder before the game starts.

    A game knows only the maps that were there when it started. Without
    --track-id, --track-ids and --only, copies the maps of all captures that are
    still to be made. Maps stay as long as such captures are open; the next
    `tmxdb work` removes the others at its end. Exit status 3: some of the
    tracks have no map.

    \b
      tmxdb game prepare
      tmxdb game prepare --track-id 2233 --cut-intro
    """
    from tmxdb.capture.games.preparation import prepare_maps, restart_advice
    from tmxdb.game.folders import find_folders
    from tmxdb.kinds.captures.maps import maps_of_tracks, waiting_maps

    game_folders = find_folders(folders.trackmania_path, folders.tminterface_path)
    database = open_database(storage_options, read_only=True)
    chosen = tracks.tracks(database)
    storage = open_files(storage_options, database)
    waiting = waiting_maps(database, storage)
    found = maps_of_tracks(database, storage, chosen)
    missing = [track_id for track_id in chosen if track_id not in found]
    if tracks.names_tracks and not found:
        raise InvalidInput(
            f"No map of {first_few(chosen, ', ')} is in the database. Run `tmxdb work --kind extract`.",
            code="input.no_row",
        )
    maps = {key: (lambda data=data: data) for key, data in found.values()} if tracks.names_tracks else waiting
    done = prepare_maps(
        game_folders, storage.root, maps, keep=waiting.keys(), cut_intro=folders.cut_intro, note=message
    )
    advice = restart_advice(done)
    if as_json:
        print_json(
            {
                "folder": str(game_folders.maps),
                "maps": done.maps,
                "copied": done.copied,
                "clips_removed": done.clips_removed,
                "unreadable": done.unreadable,
                "without_map": missing,
                "restart": done.needs_restart,
                "games_running": done.games_running,
            }
        )
    elif not done.maps and not done.unreadable:
        message("No capture is waiting for a map. Request some with `tmxdb add-captures`, or name --track-id.")
    else:
        cut = f", {done.clips_removed} of them without their clips" if done.clips_removed else ""
        click.echo(
            safe(f"{plural(done.maps, 'map')} in {game_folders.maps}: {done.copied} copied{cut},"
                 f" {done.maps - done.copied} there already.", keep="")
        )  # fmt: skip
    if advice:
        message(advice)
    for key in done.unreadable:
        message(f"Map {key}: its file is missing. Run `tmxdb verify --repair`.")
    if missing:
        message(f"Without a map: {plural(len(missing), 'track')} ({first_few(missing, ', ')}).")
    if missing or done.unreadable:
        ctx.exit(SOME_FAILED)
