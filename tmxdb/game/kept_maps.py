"""Which maps stay in the game's folder between two runs, because captures on them are still to be made.

The game indexes its folders only when it starts (docs/facts/tminterface.md#console): a map that is removed and copied
again would need a restart. Each data folder has a list beside the maps; maps on no list are removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from tmxdb.game.advice import SET_GAME_FOLDER
from tmxdb.game.locks.folder_lock import folder_lock
from tmxdb.storage import disk_errors, durable, safe_name, write_atomic

_LIST = "keep-"


def keep_maps(maps: Path, owner: Path, names: Collection[str]) -> None:
    """Keep these maps, and no others of `owner`, a data folder. `maps`: tmxdb's folder below the challenges."""
    path = maps / f"{_LIST}{hashlib.sha256(os.fsencode(owner.absolute())).hexdigest()[:12]}.txt"
    with disk_errors(str(maps), instead=SET_GAME_FOLDER):
        if not names:
            durable.unlink(path, missing_ok=True)
            return
        maps.parent.mkdir(parents=True, exist_ok=True)
        with folder_lock(maps.parent):  # another process may remove the folder, which is empty as yet
            maps.mkdir(exist_ok=True)
            write_atomic(
                path, "".join(f"{safe_name(name)}\n" for name in sorted(names)).encode(), instead=SET_GAME_FOLDER
            )


def is_kept(file: Path, kept: Collection[str]) -> bool:
    """Return whether a map file is one of the kept ones, with its clips or without."""
    name = file.name.removesuffix(".Challenge.Gbx")
    return name in kept or name.removesuffix("-cut") in kept


def kept_maps(maps: Path) -> frozenset[str]:
    """Return the names of all kept maps."""
    names: set[str] = set()
    for path in maps.glob(f"{_LIST}*.txt"):
        with suppress(OSError, UnicodeDecodeError):
            names.update(path.read_text("ascii").split())
    return frozenset(names)
