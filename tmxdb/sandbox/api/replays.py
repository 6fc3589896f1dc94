"""GET /api/replays: the leaderboard of one track, with all that does not count on it."""

from __future__ import annotations

from typing import Any

from tmxdb.sandbox.api.paging import page
from tmxdb.sandbox.api.parameters import Parameters
from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.api.tables import REPLAY_FIELDS
from tmxdb.sandbox.catalogue.catalogue import Catalogue

_KNOWN = frozenset({"fields", "trackid", "count", "after", "before", "from", "best", "userid"})
_DEFAULT_COUNT = 10


def answer(catalogue: Catalogue, pairs: list[tuple[str, str]], *, empty_is_404: bool) -> dict[str, Any]:
    """`best=1`: one replay per user; `best=0`: only those without a position (wording of the sister method)."""
    asked = Parameters(pairs, _KNOWN)
    read = REPLAY_FIELDS.reader(asked.text("fields"))
    track_id = asked.number("trackid")
    if track_id is None:
        raise Refusal("The 'trackId' parameter is required")
    index = catalogue.index_of(track_id)
    if index is None:
        raise Refusal("Track not found", status=404)
    replays = catalogue.board(index)
    if not replays and empty_is_404:
        raise Refusal("No replays found", status=404)
    if (best := asked.switch("best")) is not None:
        replays = [replay for replay in replays if (replay.is_best if best else replay.position is None)]
    if (user_id := asked.number("userid")) is not None:
        replays = [replay for replay in replays if replay.driver.user_id == user_id]
    places = {replay.replay_id: place for place, replay in enumerate(replays)}
    shown, more = page(replays, places.get, asked, _DEFAULT_COUNT)
    return {"More": more, "Results": [read(replay) for replay in shown]}
