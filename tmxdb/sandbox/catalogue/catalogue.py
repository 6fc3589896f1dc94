"""The whole made-up exchange: how many tracks, which id belongs to which, and how to find one.

Ids are arithmetic, so a catalogue of a million tracks opens at once and takes no memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from tmxdb.sandbox.catalogue.board import Board, Replay
from tmxdb.sandbox.catalogue.changes import END_OF_HISTORY_MS, Changes
from tmxdb.sandbox.catalogue.dates import DAY_MS, FIRST_UPLOAD_MS
from tmxdb.sandbox.catalogue.real_track import RealTrack
from tmxdb.sandbox.catalogue.scenery import RealMap
from tmxdb.sandbox.catalogue.track import Track
from tmxdb.sandbox.catalogue.uids import indexes_of_uid
from tmxdb.sandbox.catalogue.users import crowd
from tmxdb.sandbox.settings import Settings

_FIRST_TRACK_ID, _TRACK_STEP = 2233, 11  # 2233 is A01-Race; a million tracks reach 11 million, as on TMNF-X
_FIRST_REPLAY_ID = 101
_ID_LIMIT = 2**31 - 1  # replay ids stay in the range that the site's own clients store
_BOARDS_KEPT = 1024


class Catalogue:
    """Tracks by index (upload order), by id and by uid; replays by id."""

    def __init__(self, settings: Settings, scenery: Sequence[RealMap] = ()) -> None:
        """With `scenery` the tracks are those maps in turn, all replays are ordinary ones on the newest version."""
        self.seed = settings.seed
        self.plain = settings.plain or bool(scenery)
        self.scenery = scenery
        self.replays = settings.replays
        self.first_tracks = settings.tracks
        self.changes = Changes()
        span_ms = END_OF_HISTORY_MS - 60 * DAY_MS - FIRST_UPLOAD_MS
        self.upload_step_ms = min(3 * DAY_MS, span_ms / max(1, settings.tracks))
        # Replay ids run through all tracks' first replays, then all second ones and so on, with room for tracks
        # that come later: ascending about as uploads are, and undone by one division.
        self._replay_stride = settings.tracks + settings.tracks // 8 + 1000
        highest = (_ID_LIMIT - _FIRST_REPLAY_ID) // self._replay_stride - 1000
        self.most_replays = max(self.replays, min(200 * self.replays, highest))
        self.drivers = crowd(self.most_replays)
        self._boards: OrderedDict[int, Board] = OrderedDict()

    @property
    def size(self) -> int:
        """How many indexes there are, deleted tracks included."""
        return self.first_tracks + len(self.changes.uploads)

    # Ids

    def track_id(self, index: int) -> int:
        """Sparse and ascending; what lies between has been deleted long ago."""
        return _FIRST_TRACK_ID + index * _TRACK_STEP + (index * 2_654_435_761 >> 9) % (_TRACK_STEP - 1)

    def index_of(self, track_id: int) -> int | None:
        index = (track_id - _FIRST_TRACK_ID) // _TRACK_STEP
        if 0 <= index < self.size and self.track_id(index) == track_id and index not in self.changes.deleted_tracks:
            return index
        return None

    def replay_id(self, index: int, n: int) -> int:
        return _FIRST_REPLAY_ID + n * self._replay_stride + index

    # Looking up

    def track(self, track_id: int) -> Track | None:
        index = self.index_of(track_id)
        return None if index is None else self.at(index)

    def at(self, index: int) -> Track:
        if self.scenery:
            return RealTrack(self, index)
        return Track(self, index)

    def with_uid(self, uid: str) -> list[Track]:
        """The tracks whose newest version has this uid."""
        if self.scenery:
            first = next((place for place, real in enumerate(self.scenery) if real.uid == uid), self.size)
            indexes: Iterable[int] = range(first, self.size, len(self.scenery))
        else:
            indexes = indexes_of_uid(uid)
        tracks = [self.at(index) for index in indexes if self.index_of(self.track_id(index)) is not None]
        return [track for track in tracks if track.uid == uid]

    def replay(self, replay_id: int) -> Replay | None:
        """The replay with this id, its file removed or not; None if there is none."""
        n, index = divmod(replay_id - _FIRST_REPLAY_ID, self._replay_stride)
        if n < 0 or index >= self.size or index in self.changes.deleted_tracks:
            return None
        if n >= self.at(index).replay_count:
            return None
        return self._board(index).by_n[n]

    def board(self, index: int) -> list[Replay]:
        """All replays of a track in the order of the site."""
        return self._board(index).replays

    def record(self, index: int) -> Replay | None:
        """The replay at position 0."""
        return next((replay for replay in self.board(index) if replay.position == 0), None)

    def _board(self, index: int) -> Board:
        kept = self._boards.pop(index, None)
        if kept is None:
            kept = Board(self.at(index))
            if len(self._boards) >= _BOARDS_KEPT:
                self._boards.popitem(last=False)
        self._boards[index] = kept
        return kept

    # Changes

    def add_tracks(self, count: int) -> list[int]:
        """Uploads `count` new tracks behind all others and says their ids."""
        first = self.size
        self.changes.uploads.extend(self.changes.next_date() for _ in range(count))
        return [self.track_id(index) for index in range(first, self.size)]

    def add_replays(self, index: int, count: int) -> list[int]:
        """Uploads `count` new replays of a track and says their ids."""
        first = self.at(index).replay_count
        self.changes.extra_replays[index].extend(self.changes.next_date() for _ in range(count))
        self._boards.pop(index, None)
        return [self.replay_id(index, n) for n in range(first, first + count)]

    def update_track(self, index: int) -> None:
        """The author replaces the file: a new uid, and every replay belongs to an older version."""
        self.changes.updates[index].append(self.changes.next_date())
        self._boards.pop(index, None)

    def delete_track(self, index: int) -> None:
        self.changes.deleted_tracks.add(index)
        self.changes.next_date()

    def delete_replay(self, replay_id: int) -> None:
        """The row stays in the list; its file answers 404."""
        self.changes.deleted_replays.add(replay_id)
        self._boards.clear()
