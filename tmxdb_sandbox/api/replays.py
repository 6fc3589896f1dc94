"""GET /api/replays: the leaderboard of one track, including the replays without a position."""

from __future__ import annotations

from typing import Any

from tmxdb_sandbox.api.paging import page
from tmxdb_sandbox.api.parameters import Parameters
from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.api.response_fields import REPLAY_FIELDS
from tmxdb_sandbox.catalogue.catalogue import Catalogue

_KNOWN = frozenset({"fields", "trackid", "count", "after", "before", "from", "best", "userid"})
_DEFAULT_COUNT = 10


def list_replays(catalogue: Catalogue, pairs: list[tuple[str, str]], *, empty_is_404: bool) -> dict[str, Any]:
    """Return one page of a leaderboard.

    `best=1` selects one replay per user, `best=0` only those without a position (as the sister method words it).
    """
    query = Parameters(pairs, _KNOWN)
    build_row = REPLAY_FIELDS.row_builder(query.text("fields"))
    track_id = query.number("trackid")
    if track_id is None:
        raise ApiProblem("The 'trackId' parameter is required")
    index = catalogue.index_of(track_id)
    if index is None:
        raise ApiProblem("Track not found", status=404)
    replays = catalogue.leaderboard(index)
    if not replays and empty_is_404:
        raise ApiProblem("No replays found", status=404)
    if (best := query.switch("best")) is not None:
        replays = [replay for replay in replays if (replay.is_best if best else replay.position is None)]
    if (user_id := query.number("userid")) is not None:
        replays = [replay for replay in replays if replay.driver.user_id == user_id]
    positions = {replay.replay_id: position for position, replay in enumerate(replays)}
    results, more = page(replays, positions.get, query, _DEFAULT_COUNT)
    return {"More": more, "Results": [build_row(replay) for replay in results]}
