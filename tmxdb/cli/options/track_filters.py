"""The site's search filters as options of `sync-tracks`, and their names in a request.

The names of the request parameters are on docs/facts/tmx-api.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import click

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import WordChoice, int_range
from tmxdb.sync.filters import Filters
from tmxdb.tmx.endpoints import DIFFICULTIES, ENVIRONMENTS, MOODS, PRIMARY_TYPES, TAGS

SECTION = "Filter"
_DATE = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
_TAGS = tuple(TAGS)


@dataclass(frozen=True)
class TrackFilterOptions:
    """Which tracks. None and 0 let all pass."""

    name: str | None = option_field("--name", section=SECTION, metavar="TEXT", help="Tracks with TEXT in their name.")
    author: str | None = option_field("--author", section=SECTION, metavar="NAME", help="Tracks by this author.")
    author_user_id: int | None = option_field(
        "--author-user-id", section=SECTION, type=int_range(0), metavar="ID", help="Tracks of this user of the site."
    )
    pack_id: int | None = option_field(
        "--pack-id", section=SECTION, type=int_range(0), metavar="ID", help="Tracks in this track pack."
    )
    tag: str | None = option_field(
        "--tag",
        section=SECTION,
        type=WordChoice(_TAGS, case_sensitive=False),
        metavar="TAG",
        help=f"Tracks with this tag: {', '.join(_TAGS)}.",
    )
    environment: str | None = option_field(
        "--environment",
        section=SECTION,
        type=WordChoice(ENVIRONMENTS, case_sensitive=False),
        metavar="NAME",
        help=f"Tracks in this environment: {', '.join(ENVIRONMENTS)}.",
    )
    difficulty: str | None = option_field(
        "--difficulty",
        section=SECTION,
        type=WordChoice(DIFFICULTIES, case_sensitive=False),
        metavar="NAME",
        help=f"Tracks of this difficulty: {', '.join(DIFFICULTIES)}.",
    )
    mood: str | None = option_field(
        "--mood",
        section=SECTION,
        type=WordChoice(MOODS, case_sensitive=False),
        metavar="NAME",
        help=f"Tracks at this time of day: {', '.join(MOODS)}.",
    )
    primary_type: str | None = option_field(
        "--primary-type",
        section=SECTION,
        type=WordChoice(PRIMARY_TYPES, case_sensitive=False),
        metavar="NAME",
        help=f"Tracks of this type: {', '.join(PRIMARY_TYPES)}.",
    )
    author_time_min: int | None = option_field(
        "--author-time-min", section=SECTION, type=int_range(0), metavar="MS", help="Minimum author time."
    )
    author_time_max: int | None = option_field(
        "--author-time-max", section=SECTION, type=int_range(0), metavar="MS", help="Maximum author time."
    )
    uploaded_after: datetime | None = option_field(
        "--uploaded-after", section=SECTION, type=_DATE, metavar="DATE", help="Uploaded after DATE (UTC): 2024-08-03."
    )
    uploaded_before: datetime | None = option_field(
        "--uploaded-before", section=SECTION, type=_DATE, metavar="DATE", help="Uploaded before DATE (UTC)."
    )
    has_replays: bool | None = option_field(
        "--has-replays/--no-replays", section=SECTION, help="Only tracks with a record, or only tracks without one."
    )
    min_awards: int = option_field(
        "--min-awards",
        section=SECTION,
        type=int_range(0),
        metavar="N",
        default=0,
        help="At least N awards. The site has no such filter: all tracks are read.",
    )

    @property
    def given(self) -> dict[str, bool]:
        """The options that restrict the tracks, and whether each was given."""
        values = {f"--{field.name.replace('_', '-')}": getattr(self, field.name) for field in fields(self)}
        given = {name: value is not None for name, value in values.items()}
        two_names = {"--has-replays": self.has_replays is True, "--no-replays": self.has_replays is False}
        return {**given, **two_names, "--min-awards": self.min_awards > 0}

    def _check_ranges(self) -> None:
        times, dates = (self.author_time_min, self.author_time_max), (self.uploaded_after, self.uploaded_before)
        if times[0] is not None and times[1] is not None and times[0] > times[1]:
            raise click.UsageError("No track matches: --author-time-min is greater than --author-time-max.")
        if dates[0] is not None and dates[1] is not None and dates[0] >= dates[1]:
            raise click.UsageError("No track matches: --uploaded-after is not before --uploaded-before.")

    def filters(self) -> Filters:
        """Return the same as parameters of a request. Raise UsageError for a range that is empty."""
        self._check_ranges()
        plain: dict[str, str | int | None] = {
            "name": self.name,
            "author": self.author,
            "authoruserid": self.author_user_id,
            "packid": self.pack_id,
            "authortimemin": self.author_time_min,
            "authortimemax": self.author_time_max,
            "uploadedafter": _time(self.uploaded_after),
            "uploadedbefore": _time(self.uploaded_before),
            # Choices are numbered from 0. For environments two clients agree on that, although the *field* of a
            # track counts from 1; the others count from 0 in both.
            "environment": _number(self.environment, ENVIRONMENTS),
            "difficulty": _number(self.difficulty, DIFFICULTIES),
            "mood": _number(self.mood, MOODS),
            "primarytype": _number(self.primary_type, PRIMARY_TYPES),
            "tag": _number(self.tag, _TAGS),
            "inhasrecord": None if self.has_replays is None else int(self.has_replays),
        }
        return Filters({name: value for name, value in plain.items() if value is not None}, self.min_awards)


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.strftime("%Y-%m-%dT%H:%M:%S")


def _number(word: str | None, words: tuple[str, ...] | list[str]) -> int | None:
    return None if word is None else list(words).index(word.lower())
