"""Copies maps to the game's folder ahead of a run, and says whether a running game has to be restarted for them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tmxdb.capture.games.driving_maps import DrivingMaps
from tmxdb.game.folders import GameFiles, GameFolders
from tmxdb.game.kept_maps import keep_maps
from tmxdb.game.process.processes import running_games


@dataclass(slots=True)
class Preparation:
    """What was done. `copied`: maps that were not there before, or had other contents."""

    maps: int = 0
    copied: int = 0
    clips_removed: int = 0
    games_running: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def needs_restart(self) -> bool:
        """Whether a game runs that may not know the copied maps."""
        return bool(self.copied and self.games_running)


def prepare_maps(
    folders: GameFolders,
    data_folder: Path,
    maps: Mapping[str, Callable[[], bytes | None]],
    *,
    keep: Collection[str],
    cut_intro: bool,
    note: Callable[[str], None],
) -> Preparation:
    """Copy `maps`, and keep them and those named in `keep` until the end of the next run. Raise DiskError."""
    files = GameFiles(folders, "prepare")
    writer = DrivingMaps(files, cut_intro=cut_intro, note=note)
    done = Preparation(games_running=len(running_games()))
    keep_maps(folders.maps, data_folder, {*keep, *maps})
    try:
        for key, read in maps.items():
            data = read()
            if data is None:
                done.unreadable.append(key)
                continue
            written = writer.write(key, data)
            done.maps += 1
            done.copied += written.is_new
            done.clips_removed += written.clips_removed
    finally:
        files.remove_files()
    return done


def restart_advice(done: Preparation) -> str | None:
    """Return what to do about running games; None if nothing was copied."""
    if not done.copied:
        return None
    if not done.games_running:
        return "Start the game now: it indexes its maps when it starts."
    games = "The game that is running does" if done.games_running == 1 else f"{done.games_running} running games do"
    return f"{games} not know the new maps. Restart before `tmxdb work --kind capture`, or use --launch-game."
