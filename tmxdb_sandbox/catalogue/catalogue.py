"""Look-ups in the simulated exchange and changes to it while it runs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from tmxdb_sandbox.catalogue.leaderboard import CatalogueReplay, Leaderboard
from tmxdb_sandbox.catalogue.real_maps import RealMap
from tmxdb_sandbox.catalogue.real_track import RealTrack
from tmxdb_sandbox.catalogue.track import SimulatedTrack
from tmxdb_sandbox.catalogue.uids import indexes_of_uid
from tmxdb_sandbox.catalogue.world import World
from tmxdb_sandbox.settings import Settings

_CACHED_LEADERBOARDS = 1024


class Catalogue:
    """Tracks by index (upload order), by id and by uid; replays by id."""

    def __init__(self, settings: Settings, real_maps: Sequence[RealMap] = ()) -> None:
        self.world = World(settings, real_maps)
        self.changes = self.world.changes
        self._leaderboards: OrderedDict[int, Leaderboard] = OrderedDict()

    @property
    def size(self) -> int:
        """The number of track indexes, including deleted tracks."""
        return self.world.size

    def track_id(self, index: int) -> int:
        return self.world.track_id(index)

    def index_of(self, track_id: int) -> int | None:
        """Return the index of a track that exists and is not deleted."""
        return self.world.index_of(track_id)

    # Look-ups

    def track(self, track_id: int) -> SimulatedTrack | None:
        index = self.index_of(track_id)
        return None if index is None else self.track_at(index)

    def track_at(self, index: int) -> SimulatedTrack:
        if self.world.real_maps:
            return RealTrack(self.world, index)
        return SimulatedTrack(self.world, index)

    def tracks_with_uid(self, uid: str) -> list[SimulatedTrack]:
        """Return the tracks whose newest version has this uid."""
        real_maps = self.world.real_maps
        if real_maps:
            first = next((number for number, real in enumerate(real_maps) if real.uid == uid), self.size)
            indexes: Iterable[int] = range(first, self.size, len(real_maps))
        else:
            indexes = indexes_of_uid(uid)
        tracks = [self.track_at(index) for index in indexes if self.index_of(self.track_id(index)) is not None]
        return [track for track in tracks if track.uid == uid]

    def replay(self, replay_id: int) -> CatalogueReplay | None:
        """Return the replay with this id, including one whose file was removed."""
        location = self.world.locate_replay(replay_id)
        if location is None:
            return None
        index, n = location
        if n >= self.track_at(index).replay_count:
            return None
        return self._leaderboard(index).by_n.get(n)

    def leaderboard(self, index: int) -> list[CatalogueReplay]:
        """Return all replays of a track in the order of the site."""
        return self._leaderboard(index).replays

    def record(self, track: SimulatedTrack) -> CatalogueReplay | None:
        """Return the replay at position 0."""
        return next((replay for replay in self.leaderboard(track.index) if replay.position == 0), None)

    def _leaderboard(self, index: int) -> Leaderboard:
        cached = self._leaderboards.pop(index, None)
        if cached is None:
            cached = Leaderboard(self.track_at(index))
            if len(self._leaderboards) >= _CACHED_LEADERBOARDS:
                self._leaderboards.popitem(last=False)
        self._leaderboards[index] = cached
        return cached

    # Changes

    def add_tracks(self, count: int) -> list[int]:
        """Upload `count` new tracks at the end of the upload order and return their ids."""
        first = self.size
        self.changes.uploads.extend(self.changes.next_date() for _ in range(count))
        return [self.track_id(index) for index in range(first, self.size)]

    def add_replays(self, index: int, count: int) -> list[int]:
        """Upload `count` new replays of a track and return their ids."""
        first = self.track_at(index).replay_count
        self.changes.extra_replays[index].extend(self.changes.next_date() for _ in range(count))
        self._leaderboards.pop(index, None)
        return [self.world.replay_id(index, n) for n in range(first, first + count)]

    def add_record(self, index: int) -> int:
        """Upload a replay that is faster than all others of the track, and return its id."""
        self.changes.records.add((index, self.track_at(index).replay_count))
        return self.add_replays(index, 1)[0]

    def withdraw_replay(self, replay_id: int) -> None:
        """Remove a replay from its leaderboard, and its file."""
        self.changes.withdrawn_replays.add(replay_id)
        self.changes.next_date()
        self._leaderboards.clear()

    def update_track(self, index: int) -> None:
        """Replace the file of a track: the uid changes, and all replays belong to an older version."""
        self.changes.updates[index].append(self.changes.next_date())
        self._leaderboards.pop(index, None)

    def delete_track(self, index: int) -> None:
        self.changes.deleted_tracks.add(index)
        self.changes.next_date()

    def delete_replay(self, replay_id: int) -> None:
        """Remove the file of a replay. The replay stays on the leaderboard; its file answers 404."""
        self.changes.deleted_replays.add(replay_id)
        self._leaderboards.clear()
