"""Find tracks by a part of their name, and list them in any order, without a scan of the database for each request.

The index is in memory: 60 bytes for each track. It is built from short reads, and again in the background when it is a
minute old.
"""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tmxdb.db.reading.reader import Reader
from tmxdb.errors import TmxdbError
from tmxdb.styles import plain

log = logging.getLogger(__name__)

ORDERS = {
    "awards": "most awards",
    "newest": "newest",
    "name": "name",
    "author_time": "shortest author time",
}
"""Orders of tracks, with what people call them."""
MAX_FOUND = 5000
"""Tracks that a search returns at most: those with the most awards."""
MAX_WORDS = 8
SEARCH_S = 0.25
"""A search stops after this time and returns what it found."""
MAX_AGE_S = 60.0
BUILD_SHARE = 50
"""An index that took long to build is built again only after this many times as long."""
_PAGE = 20_000
_ROWS = """
SELECT track_id, name, uploader_name, awards, uploaded_at, author_time_ms FROM tracks
WHERE track_id > :after ORDER BY track_id LIMIT :n"""


def folded(text: str) -> str:
    """Return `text` without style codes, case and accents, for comparisons."""
    text = plain(text)
    if not text.isascii():
        text = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return text.casefold().replace("\n", " ")


@dataclass(frozen=True, slots=True)
class FoundTracks:
    """Ids of tracks that match, the most awards first. `is_cut`: there may be more."""

    track_ids: list[int]
    is_cut: bool


class TrackIndex:
    """Names of all tracks of one moment, and their ids in each of ORDERS."""

    def __init__(self, rows: Sequence[tuple[int, str, int, str, int | None]]) -> None:
        """`rows`: (track_id, folded name and uploader, awards, uploaded_at, author_time_ms)."""
        by_awards = sorted(rows, key=lambda row: (-row[2], row[0]))
        self._ids = array("q", (row[0] for row in by_awards))
        starts, parts, at = array("q"), [], 0
        for row in by_awards:
            text = row[1].encode("utf-8", "replace")
            starts.append(at)
            parts.append(text)
            at += len(text) + 1
        starts.append(at)
        self._starts, self._text = starts, b"\n".join(parts) + b"\n"
        newest = sorted(rows, key=lambda row: (row[3], row[0]), reverse=True)
        timed = sorted(rows, key=lambda row: (row[4] is None, row[4] or 0, row[0]))
        self._orders = {
            "awards": self._ids,
            "newest": array("q", (row[0] for row in newest)),
            "name": array("q", (row[0] for row in sorted(rows, key=lambda row: (row[1], row[0])))),
            "author_time": array("q", (row[0] for row in timed)),
        }

    def __len__(self) -> int:
        return len(self._ids)

    def search(self, text: str, *, steady: Callable[[], float] = time.monotonic) -> FoundTracks:
        """Return the tracks whose name and uploader contain all words of `text`, at most MAX_FOUND."""
        counts = {word: self._text.count(word) for word in map(str.encode, folded(text[:200]).split()[:MAX_WORDS])}
        if not counts or not all(counts.values()):
            return FoundTracks([], False)
        first, *others = sorted(counts, key=counts.__getitem__)  # the rarest word leaves the fewest names to look at
        found: list[int] = []
        at, looks, end_s = 0, 0, steady() + SEARCH_S
        while (at := self._text.find(first, at)) >= 0:
            number = bisect_right(self._starts, at) - 1
            begin, at = self._starts[number], self._starts[number + 1]
            if all(self._text.find(word, begin, at) >= 0 for word in others):
                found.append(self._ids[number])
            looks += 1
            if len(found) >= MAX_FOUND or (looks % 1000 == 0 and steady() > end_s):
                return FoundTracks(found, True)
        return FoundTracks(found, False)

    def in_order(self, order: str, after: int | None = None) -> Iterator[int]:
        """Return all ids in one of ORDERS, those after the track `after` (from the start if it is not there)."""
        ids = self._orders[order]
        begin = 0
        if after is not None:
            try:
                begin = ids.index(after) + 1
            except ValueError:
                begin = 0
        return islice(ids, begin, None)


class KeptTrackIndex:
    """The index of a database. The first use builds it; later ones return it, also while a newer one is built."""

    def __init__(
        self,
        reader: Callable[[], AbstractContextManager[Reader]],
        *,
        steady: Callable[[], float] = time.monotonic,
        max_age_s: float = MAX_AGE_S,
    ) -> None:
        self._reader, self._steady, self._max_age_s = reader, steady, max_age_s
        self._lock = threading.Lock()
        self._index: TrackIndex | None = None
        self._due_s = 0.0

    def get(self) -> TrackIndex:
        """Return the index: about 4 s for the first one of a million tracks."""
        index = self._index
        if index is None:
            with self._lock:
                return self._index or self._build()
        if self._steady() >= self._due_s and self._lock.acquire(blocking=False):
            threading.Thread(target=self._build_again, name="track index", daemon=True).start()
        return index

    def _build_again(self) -> None:
        try:
            self._build()
        except TmxdbError as error:  # pages keep the older index, and say themselves what is wrong
            log.info("the index of tracks was not built again: %s", error)
        finally:
            self._lock.release()

    def _build(self) -> TrackIndex:
        begin_s = self._steady()
        index = TrackIndex(list(self._rows()))
        end_s = self._steady()
        self._due_s = end_s + max(self._max_age_s, BUILD_SHARE * (end_s - begin_s))
        self._index = index
        return index

    def _rows(self) -> Iterator[tuple[int, str, int, str, int | None]]:
        after = -(2**63) + 1
        while True:
            with self._reader() as reader:
                page: list[dict[str, Any]] = reader.rows(_ROWS, after=after, n=_PAGE)
            for row in page:
                text = folded(f"{row['name'] or ''}\x1f{row['uploader_name'] or ''}")
                yield row["track_id"], text, row["awards"] or 0, row["uploaded_at"] or "", row["author_time_ms"]
            if len(page) < _PAGE:
                return
            after = page[-1]["track_id"]
