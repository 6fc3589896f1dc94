"""GET /api/tracks: filtered, ordered, paged."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from tmxdb.sandbox.api.filters import NAMES, tests
from tmxdb.sandbox.api.orders import order_of
from tmxdb.sandbox.api.paging import page
from tmxdb.sandbox.api.parameters import Parameters
from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.api.tables import TRACK_FIELDS
from tmxdb.sandbox.catalogue.catalogue import Catalogue

_PAGING = frozenset({"fields", "count", "after", "before", "from"})
_KNOWN = NAMES | _PAGING | {"order1"}
_DEFAULT_COUNT = 40
_MOST_IDS = 100
_LISTS_KEPT = 8
_NOWHERE = 0xFFFFFFFF


class _Listing:
    """Track indexes in one order, and the way back from an index to its place: 8 bytes a track."""

    def __init__(self, indexes: Sequence[int], size: int) -> None:
        self.indexes = array("I", indexes)
        self._places = array("I", [_NOWHERE]) * size
        for place, index in enumerate(self.indexes):
            self._places[index] = place

    def place(self, index: int) -> int | None:
        found = self._places[index]
        return None if found == _NOWHERE else found


class TrackList:
    """Answers the method. Orders are computed when first asked for and kept until the catalogue changes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._kept: OrderedDict[Any, _Listing] = OrderedDict()

    def answer(self, pairs: list[tuple[str, str]]) -> dict[str, Any]:
        asked = Parameters(pairs, _KNOWN)
        read = TRACK_FIELDS.reader(asked.text("fields"))
        few = asked.text("id") or asked.text("uid")
        indexes, more = self._looked_up(asked) if few else self._page(asked)
        return {"More": more, "Results": [read(self._catalogue.at(index)) for index in indexes]}

    def _looked_up(self, asked: Parameters) -> tuple[Sequence[int], bool]:
        """By id or uid: a few tracks, found without walking through all."""
        world = self._catalogue
        ids = asked.numbers("id")
        if len(ids) > _MOST_IDS:
            raise Refusal("Invalid value for 'id'")
        found = {index for track_id in ids if (index := world.index_of(track_id)) is not None}
        if uid := asked.text("uid"):
            with_uid = {track.index for track in world.with_uid(uid)}
            found = found & with_uid if ids else with_uid
        indexes = self._arranged(sorted(found), asked)
        places = {world.track_id(index): place for place, index in enumerate(indexes)}
        return page(indexes, places.get, asked, _DEFAULT_COUNT)

    def _page(self, asked: Parameters) -> tuple[Sequence[int], bool]:
        listing = self._listing(asked)

        def place(track_id: int) -> int | None:
            index = self._catalogue.index_of(track_id)
            return None if index is None else listing.place(index)

        return page(listing.indexes, place, asked, _DEFAULT_COUNT)

    def _listing(self, asked: Parameters) -> _Listing:
        world = self._catalogue
        key = (world.changes.count, asked.key(without=_PAGING))
        kept = self._kept.pop(key, None)
        if kept is None:
            gone = world.changes.deleted_tracks
            everything = [index for index in range(world.size) if index not in gone]
            kept = _Listing(self._arranged(everything, asked), world.size)
            if len(self._kept) >= _LISTS_KEPT:
                self._kept.popitem(last=False)
        self._kept[key] = kept
        return kept

    def _arranged(self, indexes: Sequence[int], asked: Parameters) -> Sequence[int]:
        """Those that pass the filters, in the order asked for; equal keys in upload order, or its reverse downwards."""
        world = self._catalogue
        order = order_of(asked.number("order1"))
        if wanted := tests(asked):
            indexes = [index for index in indexes if all(test(track) for track in [world.at(index)] for test in wanted)]
        if key := order.key:
            indexes = sorted(indexes, key=lambda index: key(world.at(index)))
        return indexes[::-1] if order.downwards else indexes
