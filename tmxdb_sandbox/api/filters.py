"""The filters of `/api/tracks`: query parameters in, predicates over tracks out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from tmxdb_sandbox.api.parameters import Parameters
from tmxdb_sandbox.api.problem import ApiProblem
from tmxdb_sandbox.catalogue.track import SimulatedTrack

TrackFilter: TypeAlias = Callable[[SimulatedTrack], bool]
_Getter: TypeAlias = Callable[[SimulatedTrack], int]

# Filters for one value of a field. Environment and vehicle count from 0 in filters and from 1 in fields: two clients
# request Stadium as 6, and the field contains 7.
_EQUAL: dict[str, _Getter] = {
    "primarytype": lambda track: track.primary_type,
    "lbtype": lambda track: track.replay_type,
    "environment": lambda track: track.environment - 1,
    "vehicle": lambda track: track.car - 1,
    "mood": lambda track: track.mood,
    "difficulty": lambda track: track.difficulty,
    "authoruserid": lambda track: track.uploader.user_id,
}
_RANGES: tuple[tuple[_Getter, str, str], ...] = (
    (lambda track: track.author_ms, "authortimemin", "authortimemax"),
    (lambda track: track.track_value, "valuemin", "valuemax"),
)
_SWITCHES: dict[str, Callable[[SimulatedTrack], bool]] = {
    "inhasrecord": lambda track: track.replay_count > 0,
    "inunlimiter": lambda track: track.unlimiter_version is not None,
    "inenvmix": lambda track: track.car != track.environment,
    "inscreenshot": lambda track: track.images > 0,
    "incollaborative": lambda track: len(track.authors) > 1,
    "inbeta": lambda track: track.replay_type == 4,
}
_ALL_ROUTES = {0, 1, 2, 3}
_OTHERS = {"id", "uid", "name", "author", "tag", "etag", "taginclusive", "routes", "uploadedafter", "uploadedbefore"}

FILTER_NAMES = frozenset({*_EQUAL, *_SWITCHES, *(name for _, *pair in _RANGES for name in pair), *_OTHERS})


def filters_of(query: Parameters) -> list[TrackFilter]:
    """Return every filter that a track must pass. `id` and `uid` are looked up by the caller."""
    filters = [*_number_filters(query), *_text_filters(query), *_tag_filters(query), *_date_filters(query)]
    routes = set(query.numbers("routes"))
    if routes >= _ALL_ROUTES:
        raise ApiProblem("An error occurred while processing your request.", status=500)
    if routes:
        filters.append(lambda track: track.routes in routes)
    return filters


def _number_filters(query: Parameters) -> list[TrackFilter]:
    filters: list[TrackFilter] = []
    for name, get in _EQUAL.items():
        if values := query.numbers(name):
            filters.append(_one_of(get, values))
    for get, low_name, high_name in _RANGES:
        low, high = query.number(low_name), query.number(high_name)
        if low is not None or high is not None:
            filters.append(_between(get, low, high))
    for name, flag in _SWITCHES.items():
        if (value := query.switch(name)) is not None:
            filters.append(_one_of(flag, [value]))
    return filters


def _one_of(get: _Getter, values: Collection[int]) -> TrackFilter:
    return lambda track: get(track) in values


def _between(get: Callable[[SimulatedTrack], Any], low: int | None, high: int | None) -> TrackFilter:
    return lambda track: (low is None or get(track) >= low) and (high is None or get(track) <= high)


def _text_filters(query: Parameters) -> list[TrackFilter]:
    filters: list[TrackFilter] = []
    if name := (query.text("name") or "").lower():
        filters.append(lambda track: name in track.name.lower())
    if author := (query.text("author") or "").lower():
        filters.append(lambda track: any(author in user.name.lower() for user, _ in track.authors))
    return filters


def _tag_filters(query: Parameters) -> list[TrackFilter]:
    filters: list[TrackFilter] = []
    if tags := set(query.numbers("tag")):
        if query.switch("taginclusive"):
            filters.append(lambda track: tags <= set(track.tags))
        else:
            filters.append(lambda track: not tags.isdisjoint(track.tags))
    if excluded := set(query.numbers("etag")):
        filters.append(lambda track: excluded.isdisjoint(track.tags))
    return filters


def _date_filters(query: Parameters) -> list[TrackFilter]:
    after, before = query.date_ms("uploadedafter"), query.date_ms("uploadedbefore")
    if after is None and before is None:
        return []
    return [_between(lambda track: track.uploaded_ms, after, before)]
