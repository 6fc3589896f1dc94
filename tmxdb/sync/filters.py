"""Which tracks are wanted: the site's own filters, as parameters of /api/tracks, plus what it can not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tmxdb.tmx.records import TrackRecord


@dataclass(frozen=True, slots=True)
class Filters:
    """`site`: parameters that the site filters by. `min_awards`: done here, the site has no such filter."""

    site: Mapping[str, str | int] = field(default_factory=dict)
    min_awards: int = 0

    def wants(self, record: TrackRecord) -> bool:
        """Whether a track that the site sent is to be kept."""
        return (record.columns["awards"] or 0) >= self.min_awards

    def scope(self, order1: int) -> str:
        """The question as one text: equal questions share a cursor, others have their own."""
        question = {"order1": order1, **self.site}
        if self.min_awards:
            question["min_awards"] = self.min_awards
        return urlencode(sorted(question.items()))
