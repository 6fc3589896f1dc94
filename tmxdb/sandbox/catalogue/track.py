"""One track: a view that computes what it is asked for, so that a page or an order pays for nothing else.

Shares of environments, tags, moods and so on are guesses that look like TMNF-X; numbers of awards, comments and
downloads follow one long-tailed popularity, as they do there. Times are milliseconds.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tmxdb.sandbox.catalogue.changes import END_OF_HISTORY_MS, MINUTE_MS
from tmxdb.sandbox.catalogue.dates import DAY_MS, FIRST_UPLOAD_MS
from tmxdb.sandbox.catalogue.draws import draws, narrow, pick, wide
from tmxdb.sandbox.catalogue.scenery import RealRun
from tmxdb.sandbox.catalogue.uids import track_uid
from tmxdb.sandbox.catalogue.users import User, user
from tmxdb.sandbox.catalogue.words import HOSTILE_NAMES, track_name

if TYPE_CHECKING:
    from tmxdb.sandbox.catalogue.catalogue import Catalogue

STADIUM = 7
_ENVIRONMENTS = (STADIUM,) * 34 + (1, 2, 3, 4, 5, 6)
_PRIMARY_TYPES = (0,) * 90 + (1, 1, 1, 2, 2, 2, 3, 3, 4, 4)
_TAGS = (0, 0, 0, 0, 5, 5, 7, 7, 8, 10, 10, 11, 4, 15, 16, 2, 3, 6, 9, 12, 13, 14, 17, 18, 1)
_HOSTILE_PART = 2000  # of 65536: 3 %
_COMMENTS = (
    "Have fun!",
    "GPS inside. :gps:",
    "Thanks to all testers.\r\n\r\n[b]AT[/b] is easy",
    "<b>bold</b> & 'so on'",
    "",
)


class Track:
    """The track at `index` in upload order. Short-lived: it keeps what it has computed."""

    def __init__(self, catalogue: Catalogue, index: int) -> None:
        self.catalogue = catalogue
        self.index = index
        self._d = draws(catalogue.seed, "track", index)
        # 1 is the least popular; a hundredth of the tracks lies above 12, the first of a million at 2000.
        self.popularity: float = wide(self._d[0]) ** -0.55

    # What it is called

    @property
    def track_id(self) -> int:
        return self.catalogue.track_id(self.index)

    @property
    def name(self) -> str:
        if self.index == 0:
            return "A01-Race"  # as 2233 on the real site
        if self._d[1] < _HOSTILE_PART and not self.catalogue.plain:
            return HOSTILE_NAMES[self._d[2] % len(HOSTILE_NAMES)] or "(untitled)"
        return track_name(self._d[2], self._d[3], self._d[4])

    @property
    def uid(self) -> str:
        """Of the newest version: authors who replace the file save it again, under a new uid."""
        return self.uid_of(len(self.versions_ms) - 1)

    def uid_of(self, version: int) -> str:
        return track_uid(self.catalogue.seed, self.index, version)

    @property
    def uploader(self) -> User:
        # Squared: some authors have hundreds of tracks.
        number = int(narrow(self._d[5]) ** 2 * max(20, self.catalogue.first_tracks / 8))
        return user(self.catalogue.seed, number, self.catalogue.plain)

    @property
    def authors(self) -> list[tuple[User, str]]:
        if self._d[6] > 2000:
            return [(self.uploader, "Author")]
        return [(self.uploader, "Author"), (user(self.catalogue.seed, self._d[7]), "Co-author")]

    @property
    def author_comments(self) -> str | None:
        return None if self._d[8] < 20000 else pick(_COMMENTS, self._d[9])

    # What it is like

    @property
    def environment(self) -> int:
        return pick(_ENVIRONMENTS, self._d[10])

    @property
    def car(self) -> int:
        return self.environment if self._d[11] > 1000 else STADIUM

    @property
    def primary_type(self) -> int:
        return pick(_PRIMARY_TYPES, self._d[12])

    @property
    def tags(self) -> list[int]:
        tags = [self.style]
        if self._d[14] < 20000:
            tags.append(pick(_TAGS, self._d[15]))
        return sorted(set(tags))

    @property
    def style(self) -> int:
        return pick(_TAGS, self._d[13])

    @property
    def routes(self) -> int:
        return pick((0, 0, 0, 0, 0, 0, 1, 1, 2), self._d[16])

    @property
    def difficulty(self) -> int:
        return pick((0, 0, 0, 1, 1, 1, 1, 2, 2, 3), self._d[17])

    @property
    def mood(self) -> int:
        return pick((0, 1, 1, 1, 1, 1, 2, 3), self._d[18])

    @property
    def replay_type(self) -> int:
        return pick((0,) * 24 + (1, 1, 1, 1, 2, 3, 4, 5), self._d[19])

    @property
    def unlimiter_version(self) -> int | None:
        return pick((1, 2, 3), self._d[20] * 97 & 0xFFFF) if self._d[20] < 1500 else None

    @property
    def is_lap_race(self) -> bool:
        return 4 in self.tags

    @property
    def images(self) -> int:
        return pick((0, 0, 1, 1, 1, 2, 3), self._d[21])

    @cached_property
    def author_ms(self) -> int:
        """12 s to some minutes, in hundredths as the game counts."""
        return round(1200 + 4500 * narrow(self._d[22]) ** 2 + 40 / (1.002 - narrow(self._d[23]))) * 10

    @cached_property
    def medals_ms(self) -> tuple[int, int, int]:
        """Gold, silver and bronze as the game's editor proposes them: 6, 20 and 50 % over, in seconds."""
        gold, silver, bronze = (-(-self.author_ms * factor // 100_000) * 1000 for factor in (106, 120, 150))
        return gold, silver, bronze

    @property
    def author_score(self) -> int:
        return self._d[24] // 60 if self.primary_type == 3 else 0

    # What people did with it

    @property
    def awards(self) -> int:
        return int(self.popularity * (0.4 + narrow(self._d[25])) - 0.5)

    @property
    def comments(self) -> int:
        return int(self.popularity * 2 * (0.2 + narrow(self._d[26])))

    @property
    def downloads(self) -> int:
        return int(self.popularity * 40 * (0.3 + narrow(self._d[27])))

    @property
    def track_value(self) -> int:
        return int(self.popularity**1.2 * 60 * (0.5 + narrow(self._d[28])))

    @property
    def replay_count(self) -> int:
        return self.first_replays + len(self.catalogue.changes.extra_replays.get(self.index, ()))

    @property
    def first_replays(self) -> int:
        """How many replays it had when the catalogue opened: on average about `Settings.replays`."""
        wanted = self.catalogue.replays
        if self.catalogue.plain or not wanted:
            return wanted
        if self._d[29] < 5000:  # 8 % have none
            return 0
        return min(self.catalogue.most_replays, max(1, int(wanted * 0.4 * self.popularity**1.1)))

    def real_run(self, n: int) -> RealRun | None:
        """The file behind the `n`-th replay, if there is one."""
        return None

    # When

    @property
    def uploaded_ms(self) -> int:
        behind = self.index - self.catalogue.first_tracks
        if behind >= 0:
            return self.catalogue.changes.uploads[behind]
        step_ms = self.catalogue.upload_step_ms
        at_ms = FIRST_UPLOAD_MS + int((self.index + 0.9 * narrow(self._d[30])) * step_ms)
        return at_ms - at_ms % pick((1000, 100, 10, 1), self._d[4])

    @property
    def history_ms(self) -> int:
        """How long people went on driving it, counted from its upload."""
        if self.index >= self.catalogue.first_tracks:
            return MINUTE_MS - 1  # all before the next change
        return int(max(DAY_MS, (END_OF_HISTORY_MS - self.uploaded_ms) * narrow(self._d[23]) - DAY_MS))

    @cached_property
    def versions_ms(self) -> list[int]:
        """When each version of the file was uploaded; one track in eight was updated."""
        uploaded_ms, dates = self.uploaded_ms, []
        if not self.catalogue.plain and self._d[3] & 7 == 0 and self.index < self.catalogue.first_tracks:
            dates = [uploaded_ms + int(self.history_ms * 0.3 * narrow(self._d[7]))]
            if self._d[3] & 31 == 0:
                dates.append(dates[0] + int(self.history_ms * 0.2 * narrow(self._d[6])))
        return [uploaded_ms, *dates, *self.catalogue.changes.updates.get(self.index, ())]

    @property
    def updated_ms(self) -> int:
        return self.versions_ms[-1]

    def replay_ms(self, n: int) -> int:
        """When the `n`-th replay was uploaded."""
        first = self.first_replays
        if n >= first:
            return self.catalogue.changes.extra_replays[self.index][n - first]
        return self.uploaded_ms + self.history_ms * (n + 1) // (first + 1)

    @property
    def activity_ms(self) -> int:
        count = self.replay_count
        return max(self.updated_ms, self.replay_ms(count - 1) if count else 0)
