"""GET /api/tracks: filtered, ordered, paged."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from tmxdb_sandbox.api.filters import FILTER_NAMES, filters_of
from tmxdb_sandbox.api.orders import order_of
from tmxdb_sandbox.api.paging import page
from tmxdb_sandbox.api.parameters import Parameters
from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.api.response_fields import track_fields
from tmxdb_sandbox.catalogue.catalogue import Catalogue

_PAGING = frozenset({"fields", "count", "after", "before", "from"})
_KNOWN = FILTER_NAMES | _PAGING | {"order1"}
_DEFAULT_COUNT = 40
_MAX_IDS = 100
_CACHED_LISTINGS = 8
_ABSENT = 0xFFFFFFFF


class _Listing:
    """Track indexes in one order, with the position of each index: 8 bytes per track."""

    def __init__(self, indexes: Sequence[int], size: int) -> None:
        self.indexes = array("I", indexes)
        self._positions = array("I", [_ABSENT]) * size
        for position, index in enumerate(self.indexes):
            self._positions[index] = position

    def position(self, index: int) -> int | None:
        found = self._positions[index]
        return None if found == _ABSENT else found


class TrackList:
    """The track list of a catalogue. Listings are computed on first use and cached until the catalogue changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._fields = track_fields(catalogue.record)
        self._listings: OrderedDict[Any, _Listing] = OrderedDict()

    def list_tracks(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        """Return one page of tracks."""
        query = Parameters(pairs, _KNOWN)
        build_row = self._fields.row_builder(query.text("fields"))
        is_lookup = query.text("id") or query.text("uid")
        indexes, more = self._look_up(query) if is_lookup else self._page(query)
        return {"More": more, "Results": [build_row(self._catalogue.track_at(index)) for index in indexes]}

    def _look_up(self, query: Parameters) -> tuple[Sequence[int], bool]:
        """Find tracks by id or uid, without a scan of all tracks."""
        catalogue = self._catalogue
        ids = query.numbers("id")
        if len(ids) > _MAX_IDS:
            raise ApiProblem("Invalid value for 'id'")
        found = {index for track_id in ids if (index := catalogue.index_of(track_id)) is not None}
        if uid := query.text("uid"):
            with_uid = {track.index for track in catalogue.tracks_with_uid(uid)}
            found = found & with_uid if ids else with_uid
        indexes = self._filtered_and_sorted(sorted(found), query)
        positions = {catalogue.track_id(index): position for position, index in enumerate(indexes)}
        return page(indexes, positions.get, query, _DEFAULT_COUNT)

    def _page(self, query: Parameters) -> tuple[Sequence[int], bool]:
        listing = self._listing(query)

        def position_of(track_id: int) -> int | None:
            index = self._catalogue.index_of(track_id)
            return None if index is None else listing.position(index)

        return page(listing.indexes, position_of, query, _DEFAULT_COUNT)

    def _listing(self, query: Parameters) -> _Listing:
        catalogue = self._catalogue
        key = (catalogue.changes.count, query.cache_key(without=_PAGING))
        listing = self._listings.pop(key, None)
        if listing is None:
            deleted = catalogue.changes.deleted_tracks
            existing = [index for index in range(catalogue.size) if index not in deleted]
            listing = _Listing(self._filtered_and_sorted(existing, query), catalogue.size)
            if len(self._listings) >= _CACHED_LISTINGS:
                self._listings.popitem(last=False)
        self._listings[key] = listing
        return listing

    def _filtered_and_sorted(self, indexes: Sequence[int], query: Parameters) -> Sequence[int]:
        """Apply filters and order. Equal keys keep their upload order, reversed if the order is descending."""
        track_at = self._catalogue.track_at
        order = order_of(query.number("order1"), self._catalogue.record)
        if filters := filters_of(query):
            indexes = [
                index for index in indexes if all(passes(track) for track in [track_at(index)] for passes in filters)
            ]
        if key := order.key:
            indexes = sorted(indexes, key=lambda index: key(track_at(index)))
        return indexes[::-1] if order.descending else indexes
