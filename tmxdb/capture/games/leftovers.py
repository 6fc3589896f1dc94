"""Undoing what a killed worker left: the user's files that it moved, its own files, and the games that it started."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from tmxdb.errors import TmxdbError
from tmxdb.game.autosaves import recover_autosaves
from tmxdb.game.folders import GameFolders, remove_leftovers
from tmxdb.game.kept_maps import keep_maps
from tmxdb.game.locks.port_lock import remove_free_locks
from tmxdb.game.process.launch import end_leftover_games


def restore_folders(
    folders: GameFolders, data_folder: Path | None, open_maps: Collection[str], note: Callable[[str], None]
) -> None:
    """Put back the replays in Autosaves that killed workers moved, and delete the workers' files.

    `open_maps`: the maps of captures of `data_folder` that are still to be made, which stay. What live workers use is
    left alone. `note` gets a sentence about the files that were put back. Raise DiskError or RetryLater.
    """
    restored = recover_autosaves(folders.autosaves)
    if restored:
        files = "1 file" if restored == 1 else f"{restored:,} files"
        note(f"Restored {files} in {folders.autosaves} that a killed worker had moved.")
    if data_folder is not None:
        keep_maps(folders.maps, data_folder, open_maps)
    remove_leftovers(folders)


def undo_leftovers(
    folders: GameFolders, records: Path, data_folder: Path, open_maps: Collection[str], note: Callable[[str], None]
) -> None:
    """Do the same, and end the games that killed workers of `data_folder` started.

    `records`: the folder with the records of started games. What cannot be undone now is left for the next time.
    """
    end_leftover_games(records)
    with suppress(TmxdbError):
        restore_folders(folders, data_folder, open_maps, note)
    remove_free_locks(folders.game)
