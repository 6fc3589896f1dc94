"""Ids of tracks, replays and users that a person names: numbers, or URLs of their pages and files on the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from tmxdb.cli.framework.types import MAX_ID, local_id_in
from tmxdb.cli.opening.site import check_same_site

if TYPE_CHECKING:
    from typing import TypeAlias

    _IntType: TypeAlias = click.ParamType[int]
else:  # older versions of Click have no type parameters
    _IntType = click.ParamType

_URL = r"(https?://[^\s?#]+)/(?:{})/(\d{{1,18}})(?:[/?#].*)?"
_URLS = {
    "track": re.compile(_URL.format("trackshow|trackgbx"), re.I),
    "replay": re.compile(_URL.format("recordgbx|recordshow"), re.I),
    "user": re.compile(_URL.format("usershow"), re.I),
}


class ItemId(_IntType):
    """The id of a track or replay, or the URL of its page or file on the site."""

    def __init__(self, noun: str) -> None:
        self.name, self._noun = "id|url", noun

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the id. Fail if there is none in `value`."""
        text = str(value).strip()  # -3 is accepted as the value of an option: tables print ids so
        item_id = item_id_in(f"local{text[1:]}" if text.startswith("-") else text, self._noun)
        if item_id is not None:
            return item_id
        problem = f"{str(value)[:80]!r} is not a {self._noun} id or the URL of a {self._noun}."
        raise click.BadParameter(problem, ctx=ctx, param=param)


def item_id_in(text: str, noun: str) -> int | None:
    """Return the id that `text` is or that a URL on the site contains; None if it is neither.

    `local3` is the id -3, of a track or replay that no exchange knows. Raise UsageError for a URL of another site.
    """
    text = text.strip()
    local = local_id_in(text)
    if local is not None:
        return local
    url = _URLS[noun].fullmatch(text)
    digits = url[2] if url else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and 0 < int(digits) <= MAX_ID):
        return None
    if url:
        check_same_site(text, url[1])
    return int(digits)


TRACK_ID = ItemId("track")
REPLAY_ID = ItemId("replay")
