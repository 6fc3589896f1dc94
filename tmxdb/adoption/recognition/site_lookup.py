"""What the site knows: tracks by id and uid, and complete leaderboards. Each question is asked once in a run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from tmxdb.kinds.leaderboard import all_replays
from tmxdb.sync.retrying_client import RetryingClient
from tmxdb.tmx.endpoints import IDS_AT_ONCE
from tmxdb.tmx.records import ReplayRecord, TrackRecord

MAX_REPLAYS = 200_000
"""Listed replays kept in memory; the least recently used leaderboards are dropped first."""


class SiteLookup:
    """Looks up tracks and leaderboards; without a client the site knows nothing."""

    def __init__(self, client: RetryingClient | None) -> None:
        self._client = client
        self._by_id: dict[int, TrackRecord | None] = {}
        self._by_uid: dict[str, TrackRecord | None] = {}
        self._leaderboards: OrderedDict[int, tuple[ReplayRecord, ...]] = OrderedDict()
        self._kept = 0

    def ask_for_ids(self, track_ids: Iterable[int]) -> None:
        """Look up tracks, 100 per request, so that `by_id` needs no request for them."""
        unknown = sorted(set(track_ids) - self._by_id.keys())
        if self._client is None:
            return
        for i in range(0, len(unknown), IDS_AT_ONCE):
            part = unknown[i : i + IDS_AT_ONCE]
            found = self._tracks({"id": ",".join(map(str, part)), "count": len(part)})
            self._by_id.update({track_id: found.get(track_id) for track_id in part})
            self._by_uid.update({uid: record for record in found.values() if (uid := record["uid"])})

    def by_id(self, track_id: int) -> TrackRecord | None:
        """Return the track, or None if the site does not have it."""
        self.ask_for_ids([track_id])
        return self._by_id.get(track_id)

    def by_uid(self, uid: str) -> TrackRecord | None:
        """Return the track whose current map has this uid, or None if the site has none."""
        if uid not in self._by_uid and self._client is not None:
            found = [track for track in self._tracks({"uid": uid}).values() if track["uid"] == uid]
            self._by_uid[uid] = min(found, key=lambda track: track.track_id, default=None)
        return self._by_uid.get(uid)

    def replays(self, track_id: int) -> tuple[ReplayRecord, ...]:
        """Return every replay of the track, beaten ones too."""
        if self._client is None:
            return ()
        known = self._leaderboards.get(track_id)
        if known is not None:
            self._leaderboards.move_to_end(track_id)
            return known
        client = self._client
        listing = all_replays(
            lambda parameters: client.request(lambda exchange: exchange.replays(track_id, parameters)),
            item=f"track {track_id}",
        )
        replays = () if listing is None else tuple(listing.records())
        self._leaderboards[track_id] = replays
        self._kept += len(replays)
        while self._kept > MAX_REPLAYS and len(self._leaderboards) > 1:
            self._kept -= len(self._leaderboards.popitem(last=False)[1])
        return replays

    def _tracks(self, query: dict[str, Any]) -> dict[int, TrackRecord]:
        assert self._client is not None
        page = self._client.request(lambda exchange: exchange.tracks(query))
        return {record.track_id: record for record in page.records}
