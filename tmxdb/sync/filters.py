"""Which tracks to take: the site's own filters, as parameters of /api/tracks, and one that the site does not have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tmxdb.tmx.records import TrackRecord


@dataclass(frozen=True, slots=True)
class Filters:
    """`site`: parameters that the site filters by. `min_awards` is applied here."""

    site: Mapping[str, str | int] = field(default_factory=dict)
    min_awards: int = 0

    def accepts(self, record: TrackRecord) -> bool:
        """Return whether to keep a track that the site sent."""
        return (record["awards"] or 0) >= self.min_awards

    def scope(self, order1: int) -> str:
        """Return order and filters as one text. Syncs of the same scope share a cursor."""
        parameters = {"order1": order1, **self.site}
        if self.min_awards:
            parameters["min_awards"] = self.min_awards
        return urlencode(sorted(parameters.items()))
