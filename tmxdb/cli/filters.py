"""The site's filters as options of `sync-tracks`, and what they are called in a request.

Parameter names: tmx-api fact sheet, section 3 (maniaapi-net; tmx4ml `query_parser.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from tmxdb.cli.options import option
from tmxdb.sync.filters import Filters
from tmxdb.tmx.endpoints import DIFFICULTIES, ENVIRONMENTS, MOODS, PRIMARY_TYPES, TAGS

F = TypeVar("F", bound=Callable[..., Any])

_PLAIN = {
    "name": "name",
    "author": "author",
    "author_user_id": "authoruserid",
    "pack_id": "packid",
    "author_time_min": "authortimemin",
    "author_time_max": "authortimemax",
    "uploaded_after": "uploadedafter",
    "uploaded_before": "uploadedbefore",
}
# In a request these count from 0 in the order given here. For environments two clients agree on that, although
# the *field* counts from 1; the others are numbered alike in both.
_CHOICES = {
    "environment": ("environment", ENVIRONMENTS),
    "difficulty": ("difficulty", DIFFICULTIES),
    "mood": ("mood", MOODS),
    "primary_type": ("primarytype", PRIMARY_TYPES),
    "tag": ("tag", tuple(TAGS)),
}


def filter_options(function: F) -> F:
    """The filters of the site, and `--min-awards`, which it does not have."""
    date = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
    options = (
        option("--name", metavar="TEXT", help="Tracks whose name contains this."),
        option("--author", metavar="TEXT", help="Tracks of this author."),
        option("--author-user-id", type=int, help="Tracks of this user of the site."),
        option("--pack-id", type=int, help="Tracks of this track pack."),
        option("--tag", type=click.Choice(TAGS, case_sensitive=False), help="Tracks with this tag."),
        option("--environment", type=click.Choice(ENVIRONMENTS, case_sensitive=False), help="Tracks built in it."),
        option(
            "--difficulty", type=click.Choice(DIFFICULTIES, case_sensitive=False), help="Tracks of this difficulty."
        ),
        option("--mood", type=click.Choice(MOODS, case_sensitive=False), help="Tracks at this time of day."),
        option("--primary-type", type=click.Choice(PRIMARY_TYPES, case_sensitive=False), help="Tracks of this type."),
        option("--author-time-min", type=click.IntRange(min=0), metavar="MS", help="Author time of at least so long."),
        option("--author-time-max", type=click.IntRange(min=0), metavar="MS", help="Author time of at most so long."),
        option("--uploaded-after", type=date, metavar="DATE", help="Uploaded after it, such as 2024-08-03 (UTC)."),
        option("--uploaded-before", type=date, metavar="DATE", help="Uploaded before it."),
        option("--has-replays/--no-replays", default=None, help="Only tracks that have a record, or have none."),
        option("--min-awards", type=click.IntRange(min=0), default=0, help="At least so many awards (tested here)."),
    )
    for decorate in reversed(options):
        function = decorate(function)
    return function


def filters(given: dict[str, Any]) -> Filters:
    """The filters among the options `given`, which they are taken out of."""
    site: dict[str, str | int] = {}
    for name, parameter in _PLAIN.items():
        value = given.pop(name)
        if value is not None:
            site[parameter] = value if isinstance(value, str | int) else value.strftime("%Y-%m-%dT%H:%M:%S")
    for name, (parameter, choices) in _CHOICES.items():
        value = given.pop(name)
        if value is not None:
            site[parameter] = choices.index(value.lower())
    has_replays = given.pop("has_replays")
    if has_replays is not None:
        site["inhasrecord"] = int(has_replays)
    return Filters(site, given.pop("min_awards"))
