"""The parameters of one simulated exchange and the arithmetic of its ids.

Ids are computed from indexes, so that a catalogue of a million tracks opens immediately and uses no memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from tmxdb_sandbox.catalogue.changes import END_OF_HISTORY_MS, Changes
from tmxdb_sandbox.catalogue.dates import DAY_MS, FIRST_UPLOAD_MS
from tmxdb_sandbox.catalogue.real_maps import RealMap
from tmxdb_sandbox.catalogue.users import driver_count
from tmxdb_sandbox.settings import Settings

_FIRST_TRACK_ID, _TRACK_ID_STEP = 2233, 11  # 2233 is A01-Race; a million tracks reach 11 million, as on TMNF-X
_FIRST_REPLAY_ID = 101
_ID_LIMIT = 2**31 - 1  # replay ids stay in the range that the site's own clients store


class World:
    """What every track and leaderboard is computed from."""

    def __init__(self, settings: Settings, real_maps: Sequence[RealMap] = ()) -> None:
        """With `real_maps`, tracks use those maps in turn and all replays are ordinary ones of the newest version."""
        self.seed = settings.seed
        self.plain = settings.plain or bool(real_maps)
        self.real_maps = real_maps
        self.still_activity = settings.still_activity
        self.replays = settings.replays
        self.initial_tracks = settings.tracks
        self.changes = Changes()
        span_ms = END_OF_HISTORY_MS - 60 * DAY_MS - FIRST_UPLOAD_MS
        self.upload_step_ms = min(3 * DAY_MS, span_ms / max(1, settings.tracks))
        # Replay ids number the first replays of all tracks, then all second replays, and so on, with room for tracks
        # that are added later. They ascend roughly with the upload date, and one division inverts them.
        self._replay_id_stride = settings.tracks + settings.tracks // 8 + 1000
        highest = (_ID_LIMIT - _FIRST_REPLAY_ID) // self._replay_id_stride - 1000
        self.max_replays = max(self.replays, min(200 * self.replays, highest))
        self.drivers = driver_count(self.max_replays)

    @property
    def size(self) -> int:
        """The number of track indexes, including deleted tracks."""
        return self.initial_tracks + len(self.changes.uploads)

    def track_id(self, index: int) -> int:
        """Return the id of a track. Ids are sparse and ascending; the missing ones count as deleted long ago."""
        return _FIRST_TRACK_ID + index * _TRACK_ID_STEP + (index * 2_654_435_761 >> 9) % (_TRACK_ID_STEP - 1)

    def index_of(self, track_id: int) -> int | None:
        """Return the index of a track that exists and is not deleted."""
        index = (track_id - _FIRST_TRACK_ID) // _TRACK_ID_STEP
        if 0 <= index < self.size and self.track_id(index) == track_id and index not in self.changes.deleted_tracks:
            return index
        return None

    def replay_id(self, index: int, n: int) -> int:
        """Return the id of replay number `n` of the track at `index`."""
        return _FIRST_REPLAY_ID + n * self._replay_id_stride + index

    def locate_replay(self, replay_id: int) -> tuple[int, int] | None:
        """Return (track index, replay number) of an id. The track may have fewer replays than that."""
        n, index = divmod(replay_id - _FIRST_REPLAY_ID, self._replay_id_stride)
        if n < 0 or index >= self.size or index in self.changes.deleted_tracks:
            return None
        return index, n
