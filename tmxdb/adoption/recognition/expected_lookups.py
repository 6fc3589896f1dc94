"""How many requests an adoption will send, for its dry run: what `Recogniser` will ask the site about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tmxdb.adoption.recognition.matching import track_hint
from tmxdb.adoption.recognition.reading import REPLAY, FoundFile
from tmxdb.tmx.endpoints import IDS_AT_ONCE


@dataclass(slots=True)
class ExpectedLookups:
    """Counts requests, each question once in a run. Leaderboards are expected to have one page."""

    _id_requests: int = 0
    _track_ids: set[int] = field(default_factory=set)
    _uids: set[str] = field(default_factory=set)
    _leaderboards: set[int | str] = field(default_factory=set)

    @property
    def requests(self) -> int:
        """How many requests are needed so far."""
        return self._id_requests + len(self._uids) + len(self._leaderboards)

    def add(self, undecided: Iterable[tuple[FoundFile, int | None]]) -> None:
        """Count the requests about files that are recognised together, each with its track if that is known."""
        track_ids: set[int] = set()
        for found, track_id in undecided:
            key: int | str | None = track_id if track_id is not None and track_id > 0 else None
            if key is None:
                key = hint = track_hint(found)
                if hint is not None:
                    track_ids.add(hint)
                elif track_id is None and found.uid:
                    key = found.uid
                    self._uids.add(found.uid)
            if key is not None and found.noun == REPLAY and found.time_ms is not None:
                self._leaderboards.add(key)
        new = track_ids - self._track_ids
        self._track_ids |= new
        self._id_requests += -(-len(new) // IDS_AT_ONCE)
