"""The list of tracks: search as you type, the filters of `tmxdb select`, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from tmxdb.db.reading.reader import Reader
from tmxdb.serve import parameters
from tmxdb.serve.mirror import ServedMirror
from tmxdb.serve.rendering import page
from tmxdb.serve.track_index import ORDERS, folded
from tmxdb.storage import id_in_name, id_name
from tmxdb.tmx.endpoints import DIFFICULTIES, ENVIRONMENTS, MOODS, PRIMARY_TYPES, TAGS

PAGE = 50
CHUNK = 500
LOOK_S = 0.1
"""Rare tracks are looked for this long; then the page ends, and the next one continues there."""
MAX_SELECTED = 20_000
"""Tracks of a selection that the list shows at most."""
CHOICES = {
    "environment": ENVIRONMENTS,
    "type": PRIMARY_TYPES,
    "difficulty": DIFFICULTIES,
    "mood": MOODS,
    "tag": tuple(TAGS),
    "replays": ("with", "without"),
}
_COLUMNS = """track_id, name, uploader_id, uploader_name, awards, uploaded_at, author_time_ms, environment_name,
 primary_type_name, difficulty_name, wr_time_ms, wr_score, wr_user_id, wr_user_name, listed_count, status,
 (SELECT thumbnail_bytes FROM maps WHERE maps.track_id = tracks.track_id AND maps.status = 'done') AS thumbnail_bytes"""
_CONDITIONS = {
    "environment": "environment_name = :environment",
    "type": "primary_type_name = :type",
    "difficulty": "difficulty_name = :difficulty",
    "mood": "mood_name = :mood",
    "tag": "EXISTS (SELECT 1 FROM track_tags WHERE track_tags.track_id = tracks.track_id AND tag_name = :tag)",
    "author_time_min": "author_time_ms >= :author_time_min",
    "author_time_max": "author_time_ms <= :author_time_max",
    "uploaded_after": "uploaded_at >= :uploaded_after",
    "uploaded_before": "uploaded_at < :uploaded_before",
    "min_awards": "awards >= :min_awards",
}
_HAS_REPLAYS = "(wr_replay_id IS NOT NULL OR coalesce(listed_count, 0) > 0)"
"""The site names the record, also of a track that was not listed yet; local tracks have no record of the site."""
_MEMBERS = "SELECT track_id FROM selection_tracks WHERE selection = :selection ORDER BY rank, track_id LIMIT :n"
_KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "awards": lambda row: (-(row["awards"] or 0), row["track_id"]),
    "name": lambda row: (folded(row["name"] or ""), row["track_id"]),
    "author_time": lambda row: (row["author_time_ms"] is None, row["author_time_ms"] or 0, row["track_id"]),
    "newest": lambda row: (row["uploaded_at"] or "", row["track_id"]),
}


@dataclass(frozen=True, slots=True)
class TrackQuestion:
    """What the address asks for. `values`: parameters of `conditions`."""

    text: str
    selection: str
    order: str
    after: int | None
    conditions: tuple[str, ...]
    values: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class TrackResults:
    """A page of tracks. `after`: the track after which the next page begins; None: there is no next page.

    `is_cut`: more tracks match than are shown. `looked_at`: tracks looked at if the page ended before it was full.
    """

    rows: list[dict[str, Any]]
    after: int | None
    is_cut: bool = False
    looked_at: int | None = None


def tracks(request: Request) -> Response:
    """Return the page, or with `fragment=1` only its results, for a search while a name is typed."""
    question = read_question(request)
    mirror: ServedMirror = request.app.state.mirror
    found = find_tracks(mirror, question)
    with mirror.readers.reader() as reader:
        selections = [row["name"] for row in reader.rows("SELECT name FROM selections ORDER BY name LIMIT 200")]
    given = {name: value for name, value in request.query_params.items() if name not in ("after", "fragment") and value}
    given |= {name: parameters.choice(request, name, words) for name, words in CHOICES.items() if name in given}
    following = f"/tracks?{urlencode({**given, 'after': id_name(found.after)})}" if found.after is not None else None
    template = "_track_rows.html" if request.query_params.get("fragment") else "tracks.html"
    return page(request, template, found=found, question=question, following=following, given=given, choices=CHOICES,
                orders=ORDERS, selections=selections)  # fmt: skip


def read_question(request: Request) -> TrackQuestion:
    """Return what the address asks for. Raise InvalidInput for a value that means nothing."""
    given: dict[str, str | int | None] = {
        name: parameters.choice(request, name, words) for name, words in CHOICES.items() if name != "replays"
    }
    for name in ("author_time_min", "author_time_max", "min_awards"):
        given[name] = parameters.number(request, name)
    for name in ("uploaded_after", "uploaded_before"):
        given[name] = parameters.date(request, name)
    values = {name: value for name, value in given.items() if value not in ("", None)}
    conditions = [_CONDITIONS[name] for name in values]
    replays = parameters.choice(request, "replays", CHOICES["replays"])
    if replays:
        conditions.append(f"{'' if replays == 'with' else 'NOT '}{_HAS_REPLAYS}")
    return TrackQuestion(
        parameters.text(request, "q"),
        parameters.text(request, "selection"),
        parameters.choice(request, "order", ORDERS, "awards"),
        id_in_name(parameters.text(request, "after")),
        tuple(conditions),
        {name: value for name, value in values.items() if value is not None},
    )


def find_tracks(mirror: ServedMirror, question: TrackQuestion) -> TrackResults:
    """Return a page of tracks."""
    index = mirror.tracks.get()
    with mirror.readers.reader() as reader:
        if not question.text and not question.selection:
            return _browse(reader, index.in_order(question.order, question.after), question)
        found, is_cut = [], False
        if question.selection:
            rows = reader.rows(_MEMBERS, selection=question.selection, n=MAX_SELECTED)
            found, is_cut = [row["track_id"] for row in rows], len(rows) == MAX_SELECTED
        if question.text:
            matches = index.search(question.text)
            selected = set(found) if question.selection else None
            found = [one for one in matches.track_ids if selected is None or one in selected]
            is_cut = is_cut or matches.is_cut
            named = id_in_name(question.text)
            if named and named not in found and (selected is None or named in selected):
                found.append(named)
        if question.text and question.order == "awards":  # as the index returns them: no need to read all of them
            begin = found.index(question.after) + 1 if question.after in found else 0
            return replace(_browse(reader, iter(found[begin:]), question), is_cut=is_cut)
        return _sorted(reader, found, question, is_cut)


def _sorted(reader: Reader, track_ids: Sequence[int], question: TrackQuestion, is_cut: bool) -> TrackResults:
    """Return a page of some tracks, sorted here: they are few."""
    rows = [row for some in _chunks(track_ids) for row in _rows(reader, some, question)]
    rows.sort(key=_KEYS[question.order], reverse=question.order == "newest")
    begin = next((at for at, row in enumerate(rows, 1) if row["track_id"] == question.after), 0)
    shown = rows[begin : begin + PAGE]
    after = shown[-1]["track_id"] if begin + PAGE < len(rows) else None
    return TrackResults(shown, after, is_cut)


def _browse(reader: Reader, track_ids: Iterator[int], question: TrackQuestion) -> TrackResults:
    """Return the next tracks of all that meet the conditions, in the order of `track_ids`."""
    shown: list[dict[str, Any]] = []
    looked_at, last, end_s = 0, None, time.monotonic() + LOOK_S
    for some in _chunks(track_ids, CHUNK if question.conditions else PAGE + 1):
        rows = {row["track_id"]: row for row in _rows(reader, some, question)}
        for track_id in some:
            if track_id in rows:
                if len(shown) == PAGE:
                    return TrackResults(shown, shown[-1]["track_id"])
                shown.append(rows[track_id])
        looked_at, last = looked_at + len(some), some[-1]
        if time.monotonic() > end_s and len(shown) < PAGE:
            return TrackResults(shown, last, looked_at=looked_at)
    return TrackResults(shown, None)


def _rows(reader: Reader, track_ids: Sequence[int], question: TrackQuestion) -> list[dict[str, Any]]:
    if not track_ids:
        return []
    conditions = [f"track_id IN ({', '.join(str(int(one)) for one in track_ids)})", *question.conditions]
    return reader.rows(f"SELECT {_COLUMNS} FROM tracks WHERE {' AND '.join(conditions)}", **question.values)


def _chunks(track_ids: Iterable[int], size: int = CHUNK) -> Iterator[list[int]]:
    remaining = iter(track_ids)
    while some := list(islice(remaining, size)):
        yield some
