"""One track: a view that computes each fact on request, so that a page or an order pays only for the facts it uses.

The shares of environments, tags, moods and so on are guesses that resemble TMNF-X. The numbers of awards, comments and
downloads follow one long-tailed popularity, as on the site. Times are in milliseconds.
"""

from __future__ import annotations

from functools import cached_property

from tmxdb_sandbox.catalogue.changes import END_OF_HISTORY_MS, MINUTE_MS
from tmxdb_sandbox.catalogue.dates import DAY_MS, FIRST_UPLOAD_MS
from tmxdb_sandbox.catalogue.draws import draws, fraction_16, fraction_32, pick
from tmxdb_sandbox.catalogue.names import HOSTILE_NAMES, track_name
from tmxdb_sandbox.catalogue.real_maps import RealRun
from tmxdb_sandbox.catalogue.uids import track_uid
from tmxdb_sandbox.catalogue.users import User, user
from tmxdb_sandbox.catalogue.world import World

STADIUM = 7
_ENVIRONMENTS = (STADIUM,) * 34 + (1, 2, 3, 4, 5, 6)
_PRIMARY_TYPES = (0,) * 90 + (1, 1, 1, 2, 2, 2, 3, 3, 4, 4)
_TAGS = (0, 0, 0, 0, 5, 5, 7, 7, 8, 10, 10, 11, 4, 15, 16, 2, 3, 6, 9, 12, 13, 14, 17, 18, 1)
_HOSTILE_SHARE = 2000  # of 65536: 3 %
_COMMENTS = (
    "Have fun!",
    "GPS inside. :gps:",
    "Thanks to all testers.\r\n\r\n[b]AT[/b] is easy",
    "<b>bold</b> & 'so on'",
    "",
)


class SimulatedTrack:
    """The track at `index` in upload order. Create a new one after a change: computed facts are cached."""

    def __init__(self, world: World, index: int) -> None:
        self.world = world
        self.index = index
        self._d = draws(world.seed, "track", index)
        # 1 is the least popular; 1 % of the tracks are above 12, the top track of a million is at about 2000.
        self.popularity: float = fraction_32(self._d[0]) ** -0.55

    # Names

    @property
    def track_id(self) -> int:
        return self.world.track_id(self.index)

    @property
    def name(self) -> str:
        if self.index == 0:
            return "A01-Race"  # track 2233 of the real site
        if self._d[1] < _HOSTILE_SHARE and not self.world.plain:
            return HOSTILE_NAMES[self._d[2] % len(HOSTILE_NAMES)] or "(untitled)"
        return track_name(self._d[2], self._d[3], self._d[4])

    @property
    def uid(self) -> str:
        """The uid of the newest version. The game gives a map a new uid whenever it is saved."""
        return self.uid_of(len(self.versions_ms) - 1)

    def uid_of(self, version: int) -> str:
        return track_uid(self.world.seed, self.index, version)

    @property
    def uploader(self) -> User:
        # Squared, so that some authors have hundreds of tracks.
        number = int(fraction_16(self._d[5]) ** 2 * max(20, self.world.initial_tracks / 8))
        return user(self.world.seed, number, self.world.plain)

    @property
    def authors(self) -> list[tuple[User, str]]:
        if self._d[6] > 2000:
            return [(self.uploader, "Author")]
        return [(self.uploader, "Author"), (user(self.world.seed, self._d[7]), "Co-author")]

    @property
    def author_comments(self) -> str | None:
        return None if self._d[8] < 20000 else pick(_COMMENTS, self._d[9])

    # Properties

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
        """12 s to a few minutes, in multiples of 10 ms as in the game."""
        return round(1200 + 4500 * fraction_16(self._d[22]) ** 2 + 40 / (1.002 - fraction_16(self._d[23]))) * 10

    @cached_property
    def medals_ms(self) -> tuple[int, int, int]:
        """Gold, silver and bronze as the game's editor proposes them: 6, 20 and 50 % slower, in whole seconds."""
        gold, silver, bronze = (-(-self.author_ms * factor // 100_000) * 1000 for factor in (106, 120, 150))
        return gold, silver, bronze

    @property
    def author_score(self) -> int:
        return self._d[24] // 60 if self.primary_type == 3 else 0

    # Activity

    @property
    def awards(self) -> int:
        return int(self.popularity * (0.4 + fraction_16(self._d[25])) - 0.5)

    @property
    def comments(self) -> int:
        return int(self.popularity * 2 * (0.2 + fraction_16(self._d[26])))

    @property
    def downloads(self) -> int:
        return int(self.popularity * 40 * (0.3 + fraction_16(self._d[27])))

    @property
    def track_value(self) -> int:
        return int(self.popularity**1.2 * 60 * (0.5 + fraction_16(self._d[28])))

    @property
    def replay_count(self) -> int:
        return self.initial_replay_count + len(self.world.changes.extra_replays.get(self.index, ()))

    @property
    def initial_replay_count(self) -> int:
        """The number of replays when the catalogue opened: about `Settings.replays` on average."""
        average = self.world.replays
        if self.world.plain or not average:
            return average
        if self._d[29] < 5000:  # 8 % have none
            return 0
        return min(self.world.max_replays, max(1, int(average * 0.4 * self.popularity**1.1)))

    def real_run(self, n: int) -> RealRun | None:
        """Return the facts of the real file of replay `n`, if it has one."""
        return None

    # Dates

    @property
    def uploaded_ms(self) -> int:
        added = self.index - self.world.initial_tracks
        if added >= 0:
            return self.world.changes.uploads[added]
        step_ms = self.world.upload_step_ms
        at_ms = FIRST_UPLOAD_MS + int((self.index + 0.9 * fraction_16(self._d[30])) * step_ms)
        return at_ms - at_ms % pick((1000, 100, 10, 1), self._d[4])

    @property
    def history_ms(self) -> int:
        """How long after its upload the track still got replays."""
        if self.index >= self.world.initial_tracks:
            return MINUTE_MS - 1  # ends before the next change
        return int(max(DAY_MS, (END_OF_HISTORY_MS - self.uploaded_ms) * fraction_16(self._d[23]) - DAY_MS))

    @cached_property
    def versions_ms(self) -> list[int]:
        """The upload dates of all versions of the file; one track in eight has more than one."""
        uploaded_ms, dates = self.uploaded_ms, []
        if not self.world.plain and self._d[3] & 7 == 0 and self.index < self.world.initial_tracks:
            dates = [uploaded_ms + int(self.history_ms * 0.3 * fraction_16(self._d[7]))]
            if self._d[3] & 31 == 0:
                dates.append(dates[0] + int(self.history_ms * 0.2 * fraction_16(self._d[6])))
        return [uploaded_ms, *dates, *self.world.changes.updates.get(self.index, ())]

    @property
    def updated_ms(self) -> int:
        return self.versions_ms[-1]

    def replay_ms(self, n: int) -> int:
        """Return the upload date of replay `n`."""
        first = self.initial_replay_count
        if n >= first:
            return self.world.changes.extra_replays[self.index][n - first]
        return self.uploaded_ms + self.history_ms * (n + 1) // (first + 1)

    @property
    def activity_ms(self) -> int:
        count = self.initial_replay_count if self.world.still_activity else self.replay_count
        return max(self.updated_ms, self.replay_ms(count - 1) if count else 0)
