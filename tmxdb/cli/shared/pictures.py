"""Pictures of one replay, or of the best replay of each track in a selection."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tmxdb.cli.exit_status import SOME_FAILED
from tmxdb.cli.shared.output import message
from tmxdb.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from tmxdb.cli.options.selection import OnlyOption
    from tmxdb.db.database import Database
    from tmxdb.storage import Storage


def nothing_chosen(command: str) -> UsageError:
    """Return the error for a command without a replay and without `--only`."""
    return UsageError(
        f"Name a replay, or a selection: `tmxdb {command} ID` or `tmxdb {command} --only NAME`.", code="input.ids"
    )


def check_selected(database: Database, only: OnlyOption, replay_id: int) -> None:
    """Raise InvalidInput if the replay is not in the selection of `--only`."""
    from tmxdb.pictures.captured import check_in_selection

    if only.selection(database) is not None and only.only is not None:
        check_in_selection(database, replay_id, only.only)


def draw_selection(
    database: Database,
    storage: Storage,
    only: OnlyOption,
    folder: Path | None,
    draw: Callable[[int, Path], None],
    *,
    captured: bool,
) -> None:
    """Draw the best replay of each track in the selection into `folder`; None: the working directory.

    `draw` gets a replay and the folder and raises InvalidInput if it cannot draw. `captured`: only replays with a
    finished capture. One that cannot be drawn does not end the others.
    """
    from tmxdb.pictures.captured import best_replays
    from tmxdb.upkeep.data_folder_check import check_data_folder

    only.selection(database)
    replays = best_replays(database, only.only or "", captured=captured)
    if not replays:
        missing, cure = (
            ("captured", "tmxdb add-captures --only {0}` and `tmxdb work --kind capture --only {0}")
            if captured
            else ("downloaded", "tmxdb run --only {0}")
        )  # fmt: skip
        raise InvalidInput(
            f"No replay of the selection {only.only} is {missing}. Run `{cure.format(only.only)}`.",
            code="input.selection",
        )
    check_data_folder(database, storage, changes=False)
    target = folder or Path()
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is not a folder: with --only, --out names one.", code="input.out")
    target.mkdir(parents=True, exist_ok=True)
    problems = 0
    for replay_id in replays:
        try:
            draw(replay_id, target)
        except InvalidInput as error:
            problems += 1
            message(str(error))
    if problems:
        message(f"{len(replays) - problems:,} drawn, {problems:,} not.")
        sys.exit(SOME_FAILED)
