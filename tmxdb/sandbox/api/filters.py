"""The filters of `/api/tracks`: query parameters in, one test on a track out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

from tmxdb.sandbox.api.parameters import Parameters
from tmxdb.sandbox.api.refusal import Refusal
from tmxdb.sandbox.catalogue.track import Track

Test: TypeAlias = Callable[[Track], bool]

# One number that a field must have. Environment and vehicle are counted from 0 as filters and from 1 as
# fields (two clients ask for Stadium as 6; the field says 7).
_EQUAL: dict[str, Callable[[Track], int]] = {
    "primarytype": lambda track: track.primary_type,
    "lbtype": lambda track: track.replay_type,
    "environment": lambda track: track.environment - 1,
    "vehicle": lambda track: track.car - 1,
    "mood": lambda track: track.mood,
    "difficulty": lambda track: track.difficulty,
    "authoruserid": lambda track: track.uploader.user_id,
}
_RANGES: dict[str, tuple[Callable[[Track], int], str, str]] = {
    "author time": (lambda track: track.author_ms, "authortimemin", "authortimemax"),
    "value": (lambda track: track.track_value, "valuemin", "valuemax"),
}
_SWITCHES: dict[str, Callable[[Track], bool]] = {
    "inhasrecord": lambda track: track.replay_count > 0,
    "inunlimiter": lambda track: track.unlimiter_version is not None,
    "inenvmix": lambda track: track.car != track.environment,
    "inscreenshot": lambda track: track.images > 0,
    "incollaborative": lambda track: len(track.authors) > 1,
    "inbeta": lambda track: track.replay_type == 4,
}
_ALL_ROUTES = {0, 1, 2, 3}

NAMES = frozenset(
    {*_EQUAL, *_SWITCHES, *(name for _, *pair in _RANGES.values() for name in pair)}
    | {
        "id",
        "uid",
        "name",
        "author",
        "tag",
        "etag",
        "taginclusive",
        "routes",
        "uploadedafter",
        "uploadedbefore",
    }
)


def tests(asked: Parameters) -> list[Test]:
    """Every test that a track must pass; none for no filter. `id` and `uid` are looked up elsewhere."""
    wanted = [*_number_tests(asked), *_text_tests(asked), *_tag_tests(asked), *_date_tests(asked)]
    routes = set(asked.numbers("routes"))
    if routes >= _ALL_ROUTES:
        raise Refusal("An error occurred while processing your request.", status=500)
    if routes:
        wanted.append(lambda track: track.routes in routes)
    return wanted


def _number_tests(asked: Parameters) -> list[Test]:
    wanted: list[Test] = []
    for name, get in _EQUAL.items():
        if values := asked.numbers(name):
            wanted.append(_one_of(get, values))
    for get, low_name, high_name in _RANGES.values():
        low, high = asked.number(low_name), asked.number(high_name)
        if low is not None or high is not None:
            wanted.append(_between(get, low, high))
    for name, flag in _SWITCHES.items():
        if (value := asked.switch(name)) is not None:
            wanted.append(_one_of(flag, [value]))
    return wanted


def _one_of(get: Callable[[Track], int], values: Collection[int]) -> Test:
    return lambda track: get(track) in values


def _between(get: Callable[[Track], Any], low: int | None, high: int | None) -> Test:
    return lambda track: (low is None or get(track) >= low) and (high is None or get(track) <= high)


def _text_tests(asked: Parameters) -> list[Test]:
    wanted: list[Test] = []
    if name := (asked.text("name") or "").lower():
        wanted.append(lambda track: name in track.name.lower())
    if author := (asked.text("author") or "").lower():
        wanted.append(lambda track: any(author in user.name.lower() for user, _ in track.authors))
    return wanted


def _tag_tests(asked: Parameters) -> list[Test]:
    wanted: list[Test] = []
    if tags := set(asked.numbers("tag")):
        if asked.switch("taginclusive"):
            wanted.append(lambda track: tags <= set(track.tags))
        else:
            wanted.append(lambda track: not tags.isdisjoint(track.tags))
    if unwanted := set(asked.numbers("etag")):
        wanted.append(lambda track: unwanted.isdisjoint(track.tags))
    return wanted


def _date_tests(asked: Parameters) -> list[Test]:
    after, before = asked.date_ms("uploadedafter"), asked.date_ms("uploadedbefore")
    if after is None and before is None:
        return []
    return [_between(lambda track: track.uploaded_ms, after, before)]
