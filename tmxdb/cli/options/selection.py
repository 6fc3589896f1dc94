"""`--track-id`, `--track-ids FILE`, `--replay-id` and `--only NAME`, which mean the same in each command.

Each of them restricts: `--only best --track-id 2233` is track 2233 if it is in the selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.opening.items import REPLAY_ID, TRACK_ID
from tmxdb.cli.shared.ids import first_few, read_ids
from tmxdb.cli.shared.output import message, plural
from tmxdb.errors import InvalidInput

if TYPE_CHECKING:
    from typing import Self

    from tmxdb.db.database import Database
    from tmxdb.db.reading.reader import Reader
    from tmxdb.db.selected import Scope
    from tmxdb.selections.reading import ChosenTracks
    from tmxdb.selections.selection import Selection


@dataclass(frozen=True)
class OnlyOption:
    """The name of a selection; None: everything in the database."""

    only: str | None = option_field("--only", metavar="NAME", help="Only the tracks of this selection.")

    def or_remembered(self, database: Database) -> Self:
        """Return this option, or the selection that `tmxdb config set only NAME` chose; say so.

        Raise InvalidInput if that selection does not exist.
        """
        from tmxdb.cli.opening.remembered import remembered
        from tmxdb.selections import store

        name = None if self.names_rows else remembered(database, "only")
        if name is None:
            return self
        with database.read() as connection:
            if store.find_if_any(connection, name) is None:
                raise InvalidInput(
                    f"The selection {name}, to which `tmxdb config` limits this command, does not exist. Run"
                    " `tmxdb config unset only` to work on everything.",
                    code="input.selection",
                )
        message(f"Only the selection {name}, as `tmxdb config` says.")
        return replace(self, only=name)

    @property
    def names_rows(self) -> bool:
        """Whether the user chose any rows."""
        return self.only is not None

    def selection(self, database: Database) -> Selection | None:
        """Return the selection named, or None.

        Raise InvalidInput if there is none of that name, or if it has no tracks: that never means all tracks.
        """
        if self.only is None:
            return None
        from tmxdb.selections import members, store
        from tmxdb.selections.selection import why_empty

        with database.read() as connection:
            selection = store.find(connection, self.only)
            if members.count(connection, self.only) == 0:
                raise InvalidInput(f"The selection {self.only} has no tracks{why_empty(selection)}",
                                   code="input.selection")  # fmt: skip
        return selection

    def chosen(self, reader: Reader) -> ChosenTracks | None:
        """Return the tracks that the options name, for a command that only looks; None: all.

        Raise InvalidInput as `scope` does.
        """
        if self.only is None:
            return None
        from tmxdb.selections.reading import ChosenTracks, check

        check(reader, self.only)
        return ChosenTracks(self.only)

    def scope(self, database: Database) -> Scope | None:
        """Return the rows that the options name; None: all rows.

        Raise InvalidInput for what is not in the database, and if nothing is left.
        """
        self.selection(database)
        return self.only


@dataclass(frozen=True)
class TrackSelection(OnlyOption):
    """Tracks by id, URL, file or selection; empty: all."""

    track_ids: tuple[int, ...] = option_field(
        "--track-id",
        old_names=("--track",),
        type=TRACK_ID,
        multiple=True,
        metavar="ID|URL",
        help="Only this track; repeatable.",
    )
    track_file: str | None = option_field(
        "--track-ids", metavar="FILE", help="Only the tracks in FILE, one id or URL per line; - is stdin."
    )

    @property
    def names_tracks(self) -> bool:
        """Whether the user named any tracks."""
        return bool(self.track_ids or self.track_file or self.only)

    @property
    def names_rows(self) -> bool:
        """Whether the user chose any rows."""
        return self.names_tracks

    def scope(self, database: Database) -> Scope | None:
        """Return the selection, or the tracks that are named; None: all. Raise InvalidInput as `tracks` does."""
        if not (self.track_ids or self.track_file):
            return super().scope(database)
        from tmxdb.db.models import TrackRow, table_of
        from tmxdb.db.selected import NamedRows

        ids = self.tracks(database)
        _check_present(database, "track", table_of(TrackRow).c.track_id, ids)
        return NamedRows("track_id", tuple(ids))

    def chosen(self, reader: Reader) -> ChosenTracks | None:
        """Return the selection, or the tracks that are named; None: all. Raise InvalidInput as `scope` does."""
        selection, named = super().chosen(reader), self.named_tracks
        if not named:
            return selection
        from tmxdb.selections.reading import ChosenTracks, known_tracks, track_ids

        known = set(known_tracks(reader, named))
        if len(known) < len(named):
            raise _missing("track", [track_id for track_id in named if track_id not in known])
        ids = list(named) if self.only is None else self._of_selection(named, track_ids(reader, self.only))
        return ChosenTracks(self.only, tuple(ids))

    @cached_property
    def named_tracks(self) -> tuple[int, ...]:
        """The ids of --track-id and --track-ids, each once. The file, which may be a pipe, is read once.

        Raise InvalidInput if the file cannot be read or names no track.
        """
        if self.track_file is None:
            return tuple(dict.fromkeys(self.track_ids))
        ids, bad = read_ids((), [self.track_file])
        if bad:
            raise InvalidInput(
                f"{plural(len(bad), 'line')} without a track id: {first_few(bad, '; ')}.", code="input.ids"
            )
        if not ids:
            raise InvalidInput(f"{self.track_file} contains no track ids.", code="input.ids")
        return tuple(dict.fromkeys([*self.track_ids, *ids]))

    def tracks(self, database: Database) -> list[int]:
        """Return the ids of all options together; empty if none of them is given.

        Raise InvalidInput for a selection that does not exist, and if no track is left.
        """
        named = list(self.named_tracks)
        if self.selection(database) is None or self.only is None:
            return named
        from tmxdb.selections.members import track_ids

        with database.read() as connection:
            selected = track_ids(connection, self.only)
        if not named:
            return selected
        return self._of_selection(named, selected)

    def _of_selection(self, named: Sequence[int], selected: list[int]) -> list[int]:
        both = set(selected)
        ids = [track_id for track_id in named if track_id in both]
        if not ids:
            raise InvalidInput(
                f"The selection {self.only} has none of the tracks named: {first_few(named, ', ')}.",
                code="input.selection",
            )
        return ids


@dataclass(frozen=True)
class ReplaySelection(TrackSelection):
    """Tracks, and replays by id or URL."""

    replay_ids: tuple[int, ...] = option_field(
        "--replay-id", type=REPLAY_ID, multiple=True, metavar="ID|URL", help="Only this replay; repeatable."
    )

    @property
    def names_rows(self) -> bool:
        """Whether the user chose any rows."""
        return self.names_tracks or bool(self.replay_ids)

    def scope(self, database: Database) -> Scope | None:
        """Return the selection, or the tracks or replays that are named; None: all.

        Raise InvalidInput for what is not in the database, and if nothing is left.
        """
        scope = super().scope(database)
        if not self.replay_ids:
            return scope
        from tmxdb.db.models import ReplayRow, table_of
        from tmxdb.db.selected import NamedRows

        named = tuple(dict.fromkeys(self.replay_ids))
        _check_present(database, "replay", table_of(ReplayRow).c.replay_id, named)
        return NamedRows("replay_id", named if scope is None else self.replays_of(database, scope))

    def replays_of(self, database: Database, tracks: Scope) -> tuple[int, ...]:
        """Return those of the replays named that are of `tracks`.

        Raise InvalidInput if the database has some of the replays, but none of them is of these tracks.
        """
        from sqlalchemy import select

        from tmxdb.db.models import ReplayRow, table_of
        from tmxdb.db.selected import NamedRows, in_selection

        replays = table_of(ReplayRow)
        query = select(replays.c.replay_id, in_selection(replays, tracks)).where(
            in_selection(replays, NamedRows("replay_id", self.replay_ids))
        )
        with database.read() as connection:
            found = connection.execute(query).all()
        ids = tuple(replay_id for replay_id, is_of_tracks in found if is_of_tracks)
        if found and not ids:
            raise InvalidInput("None of the replays named is of the tracks named.", code="input.selection")
        return ids


def _check_present(database: Database, noun: str, column: Any, ids: Iterable[int]) -> None:
    from tmxdb.db.selected import missing_ids

    with database.read() as connection:
        missing = missing_ids(connection, column, ids)
    if missing:
        raise _missing(noun, missing)


def _missing(noun: str, ids: list[int]) -> InvalidInput:
    return InvalidInput(
        f"The database has no {noun} {first_few(ids, ', ')}. `tmxdb add-tracks` adds tracks by id; listing a"
        " track adds its replays.",
        code="input.no_row",
    )
