"""The API client, over real loopback HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests_mock

from tests.tmx.conftest import OpenRateLimiter
from tests.tmx.raw_server import complete, raw_server
from tmxdb import __version__
from tmxdb.errors import BadRequest, InvalidResponse, SiteError, SiteUnreachable, Throttled, TmxdbError
from tmxdb.tmx.client import Exchange, user_agent
from tmxdb.tmx.endpoints import REPLAY_FIELDS, TRACK_FIELDS
from tmxdb.tmx.http.settings import HttpLimits, HttpSettings
from tmxdb_sandbox import RunningSite


def _queries(site: RunningSite) -> list[dict[str, str]]:
    return [{name: values[0] for name, values in parse_qs(urlsplit(line["path"]).query).items()} for line in site.log()]


def _fails(exchange: Exchange, **parameters: str | int) -> TmxdbError:
    with pytest.raises(TmxdbError) as failed:
        exchange.tracks(parameters)
    return failed.value


def test_a_page_of_tracks_is_requested_with_fields_and_count_and_says_whether_there_is_more(
    site: RunningSite, exchange: Exchange
) -> None:
    page = exchange.tracks({"order1": 1, "count": 5})
    assert [record.track_id for record in page.records] == site.track_ids()[:5]
    assert page.more
    assert page.unusable == ()
    rest = exchange.tracks({"order1": 1, "after": page.records[-1].track_id})
    assert [record.track_id for record in rest.records] == site.track_ids()[5:]
    assert not rest.more
    assert _queries(site)[1] == {
        "fields": TRACK_FIELDS,
        "count": "1000",
        "order1": "1",
        "after": str(site.track_ids()[4]),
    }


def test_a_leaderboard_is_requested_by_track(site: RunningSite, exchange: Exchange) -> None:
    track_id = site.track_ids()[0]
    page = exchange.replays(track_id, {"count": 10, "best": 1})
    assert page is not None
    assert [record.replay_id for record in page.records] == [row["replay_id"] for row in site.leaderboard(track_id)]
    assert _queries(site) == [{"fields": REPLAY_FIELDS, "trackId": str(track_id), "count": "10", "best": "1"}]


def test_a_leaderboard_that_the_site_does_not_have_returns_none(site: RunningSite, exchange: Exchange) -> None:
    assert exchange.replays(1, {"count": 10}) is None


def test_every_request_names_the_client_and_the_contact(site: RunningSite, connect: Callable[..., Exchange]) -> None:
    connect(site.url, contact="me@example.org").tracks({})
    (line,) = site.log()
    assert line["user_agent"] == user_agent("me@example.org")
    assert line["user_agent"].startswith(f"tmxdb/{__version__} (+https://")
    assert "me@example.org" in line["user_agent"]


def test_every_request_waits_for_the_rate_limiter(exchange: Exchange, rate_limiter: OpenRateLimiter) -> None:
    exchange.tracks({})
    exchange.replays(1, {})
    assert rate_limiter.turns == 2


@pytest.mark.parametrize(
    ("fault", "kind", "code", "word"),
    [
        ("html", InvalidResponse, "tmx.html", "web page"),
        ("empty", InvalidResponse, "tmx.wrong_json", "not JSON"),
        ("json-deep", InvalidResponse, "tmx.wrong_json", "not JSON"),
        ("json-huge", InvalidResponse, "tmx.too_large", "16 MB"),
        ("json-shape", InvalidResponse, "tmx.wrong_json", "the track list"),
        ("bomb", InvalidResponse, "tmx.too_large", "16 MB"),
        ("huge", InvalidResponse, "tmx.too_large", "16 MB"),
        ("gzip-unsaid", InvalidResponse, "tmx.wrong_json", "not JSON"),
        ("redirect:to=file:///etc/passwd", InvalidResponse, "tmx.redirect", "not followed"),
        ("redirect:to=self", InvalidResponse, "tmx.redirect", "not followed"),
        ("cut", InvalidResponse, "tmx.cut", "cut short"),
        ("reset", SiteError, "tmx.connection", "reset"),
        ("refuse", SiteError, "tmx.connection", "reset"),
        ("drop", SiteError, "tmx.connection", "without an answer"),
        ("garbage", SiteError, "tmx.connection", "the track list"),
        ("wrong-length", InvalidResponse, "tmx.wrong_json", "not JSON"),
        ("cut-silent", InvalidResponse, "tmx.wrong_json", "not JSON"),
        ("500", SiteError, "tmx.unavailable", "500"),
        ("503", SiteError, "tmx.unavailable", "503"),
        ("403", SiteError, "tmx.forbidden", "403"),
        ("429:retry-after=3", Throttled, "tmx.throttled", "429"),
        ("400", BadRequest, "tmx.bad_request", "The sandbox was asked to fail here"),
    ],
)
def test_each_wrong_answer_is_recognised_and_the_next_right_one_is_taken(
    site: RunningSite, exchange: Exchange, fault: str, kind: type[TmxdbError], code: str, word: str
) -> None:
    name, _, rest = fault.partition(":")
    site.set_faults([f"{name}:times=1:{rest}".rstrip(":")])
    error = _fails(exchange)
    assert type(error) is kind
    assert error.code == code
    assert word in str(error)
    assert "\n" not in str(error)
    assert len(exchange.tracks({}).records) == 12
    assert len(site.log()) == 2


def test_an_error_names_what_was_asked_for(site: RunningSite, exchange: Exchange) -> None:
    site.set_faults(["503"])
    with pytest.raises(SiteError, match=r"^track 2233: "):
        exchange.tracks({"id": 2233, "count": 1})
    with pytest.raises(SiteError, match=r"^the track list: "):
        exchange.tracks({"id": "2233,2234", "count": 2})
    with pytest.raises(SiteError, match=r"^leaderboard of track 2233: "):
        exchange.replays(2233, {})


def test_a_gzipped_answer_is_unpacked(site: RunningSite, exchange: Exchange) -> None:
    site.set_faults(["gzip"])
    assert len(exchange.tracks({}).records) == 12


def test_the_wait_that_the_site_asks_for_is_passed_on(
    site: RunningSite, exchange: Exchange, rate_limiter: OpenRateLimiter
) -> None:
    site.set_faults(["429:retry-after=3"])
    _fails(exchange)
    site.set_faults(["503:retry-date=60"])
    _fails(exchange)
    (first, _), (second, _) = rate_limiter.pauses
    assert first == 3.0
    assert 30 < second < 62  # a date has whole seconds


def test_fields_of_wrong_types_never_cost_a_row_but_a_wrong_id_does(site: RunningSite, exchange: Exchange) -> None:
    site.set_faults(["json-types"])
    page = exchange.tracks({})
    assert len(page.records) + len(page.unusable) == 12
    assert len(page.unusable) == 1  # the first field of the first row is its id
    assert any(record.columns["oddities"] for record in page.records)


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        '"text"',
        "17",
        "{}",
        '{"More": true}',
        '{"Results": []}',
        '{"More": 1, "Results": []}',
        '{"More": false, "Results": {}}',
        '{"More": false, "Results": [1, null, "x", {}, {"TrackId": "5"}]}',
    ],
)
def test_json_that_is_not_a_list_of_results_is_rejected(connect: Callable[..., Exchange], body: str) -> None:
    exchange = connect("http://127.0.0.1:9")
    with requests_mock.Mocker() as mocked:
        mocked.get("http://127.0.0.1:9/api/tracks", text=body)
        assert _fails(exchange).code == "tmx.wrong_json"


def test_an_unusable_entry_among_good_ones_is_dropped_and_named(connect: Callable[..., Exchange]) -> None:
    exchange = connect("http://127.0.0.1:9")
    with requests_mock.Mocker() as mocked:
        mocked.get(
            "http://127.0.0.1:9/api/tracks",
            text='{"More": true, "Results": [{"TrackId": 5, "Awards": %s}, 17, {"TrackId": null}]}' % ("9" * 5000),
        )
        page = exchange.tracks({})
    assert [record.track_id for record in page.records] == [5]
    assert page.records[0].columns["oddities"] == '["Awards: inf"]'
    assert page.unusable == ("17", "{'TrackId': None}")
    assert page.more


def test_a_site_that_hangs_is_given_up_after_a_while(site: RunningSite, connect: Callable[..., Exchange]) -> None:
    exchange = connect(site.url, http=HttpSettings(limits=HttpLimits(silence_s=1)))
    for fault in ("hang", "stall"):
        site.set_faults([fault])
        error = _fails(exchange)
        assert error.code == "tmx.timeout", fault


def test_an_answer_that_trickles_in_is_given_up_at_the_deadline(
    site: RunningSite, connect: Callable[..., Exchange]
) -> None:
    exchange = connect(site.url, http=HttpSettings(limits=HttpLimits(total_s=0.3)))
    site.set_faults(["slow:s=600"])  # waiting for all of it would take hours
    assert _fails(exchange).code == "tmx.timeout"


def test_an_answer_without_an_end_is_stopped_at_the_size_limit(site: RunningSite, exchange: Exchange) -> None:
    site.set_faults(["endless"])
    assert _fails(exchange).code == "tmx.too_large"


def test_a_site_that_does_not_exist_stops_the_run_after_a_few_tries(connect: Callable[..., Exchange]) -> None:
    exchange = connect("http://127.0.0.1:1")
    errors = [_fails(exchange) for _ in range(5)]
    assert [error.code for error in errors[:-1]] == ["tmx.connection"] * 4
    assert "connection refused" in str(errors[0])
    assert isinstance(errors[-1], SiteUnreachable)
    assert "http://127.0.0.1:1 cannot be reached" in str(errors[-1])


def test_many_threads_share_few_kept_connections(site: RunningSite, connect: Callable[..., Exchange]) -> None:
    exchange = connect(site.url, connections=3)
    barrier = threading.Barrier(12)

    def ask(n: int) -> None:
        barrier.wait(120)
        for _ in range(4):
            exchange.tracks({"count": n + 1})

    with ThreadPoolExecutor(12) as threads:
        list(threads.map(ask, range(12)))
    stats = site.stats()
    assert stats["requests"] == 48
    assert stats["connections"] <= 3


def test_large_answers_are_read_one_after_the_other_by_many_threads(connect: Callable[..., Exchange]) -> None:
    entry = b'{"TrackId": 7, "AuthorComments": "%s"}' % (b"x" * 1000)
    page = b'{"More": false, "Results": [%s]}' % b",".join([entry] * 600)

    def answer(number: int) -> Iterator[bytes]:
        yield complete(page)

    with raw_server(answer) as server, ThreadPoolExecutor(4) as threads:
        exchange = connect(server.url, connections=4, http=HttpSettings(limits=HttpLimits(total_s=20)))
        sizes = list(threads.map(lambda _: len(exchange.tracks({}).records), range(12)))
    assert sizes == [600] * 12
