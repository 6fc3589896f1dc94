"""Downloading files, over real loopback HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from tests.tmx.conftest import AnyFetcher, OpenRateLimiter
from tests.tmx.raw_server import raw_server
from tmxdb.errors import (
    DatabaseError,
    DiskError,
    InvalidResponse,
    ItemGone,
    SiteError,
    SiteUnreachable,
    Throttled,
    TmxdbError,
)
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.endpoints import replay_path, track_path
from tmxdb.tmx.fetch import MAX_FILE
from tmxdb.tmx.file_transfers import FileTransfers
from tmxdb.tmx.http.settings import HttpLimits, HttpSettings
from tmxdb_sandbox import RunningSite


@pytest.fixture
def replay_id(site: RunningSite) -> int:
    found: int = site.leaderboard(site.track_ids()[0])[0]["replay_id"]
    return found


def _fetched(fetcher: AnyFetcher, path: str) -> bytes:
    body = bytearray()
    return fetcher.fetch(path, "replay 5", body.extend, lambda: bytes(body))


def _fails(fetcher: AnyFetcher, path: str) -> TmxdbError:
    with pytest.raises(TmxdbError) as failed:
        fetcher.fetch(path, "replay 5", len, lambda: None)
    return failed.value


def test_a_file_is_downloaded_byte_for_byte(
    site: RunningSite, fetcher: AnyFetcher, replay_id: int, rate_limiter: OpenRateLimiter
) -> None:
    assert _fetched(fetcher, replay_path(replay_id)) == site.expected_replay(replay_id)
    track_id = site.track_ids()[3]
    assert _fetched(fetcher, track_path(track_id)) == site.expected_track(track_id)
    assert rate_limiter.turns == 2


def test_a_file_that_the_site_does_not_have_is_gone(fetcher: AnyFetcher) -> None:
    assert type(_fails(fetcher, replay_path(1))) is ItemGone


@pytest.mark.parametrize(
    ("fault", "kind", "code", "word"),
    [
        ("cut", InvalidResponse, "tmx.cut", "cut short"),
        ("reset", SiteError, "tmx.connection", "reset"),
        ("refuse", SiteError, "tmx.connection", "reset"),
        ("drop", SiteError, "tmx.connection", "without an answer"),
        ("garbage", SiteError, "tmx.connection", "replay 5"),
        ("endless", InvalidResponse, "tmx.too_large", "16 MB"),
        ("huge", InvalidResponse, "tmx.too_large", "16 MB"),
        ("redirect:to=file:///etc/passwd", InvalidResponse, "tmx.redirect", "not followed"),
        ("redirect:to=self", InvalidResponse, "tmx.redirect", "not followed"),
        ("500", SiteError, "tmx.unavailable", "500"),
        ("403", SiteError, "tmx.forbidden", "403"),
        ("404", ItemGone, "tmx.gone", "404"),
        ("429:retry-after=3", Throttled, "tmx.throttled", "429"),
    ],
)
def test_each_wrong_answer_is_recognised_and_the_next_right_one_is_taken(
    site: RunningSite,
    fetcher: AnyFetcher,
    replay_id: int,
    fault: str,
    kind: type[TmxdbError],
    code: str,
    word: str,
) -> None:
    _fetched(fetcher, replay_path(replay_id))  # so that the connection is one that was used before
    name, _, rest = fault.partition(":")
    site.set_faults(
        [f"{name}:times=6:{rest}".rstrip(":")]
    )  # libcurl itself sends again what a kept connection did not answer
    error = _fails(fetcher, replay_path(replay_id))
    assert type(error) is kind, error
    assert error.code == code
    assert word in str(error)
    assert "\n" not in str(error)
    site.set_faults([])
    assert _fetched(fetcher, replay_path(replay_id)) == site.expected_replay(replay_id)


@pytest.mark.parametrize("fault", ["html", "empty", "gzip", "gzip-unsaid", "bomb:mb=16", "not-gbx", "cut-silent"])
def test_a_wrong_body_is_passed_on_as_received(
    site: RunningSite, fetcher: AnyFetcher, replay_id: int, fault: str
) -> None:
    site.set_faults([fault])
    body = _fetched(fetcher, replay_path(replay_id))
    assert body != site.expected_replay(replay_id)
    assert len(body) < 100_000


def test_a_site_that_hangs_or_trickles_is_given_up_after_a_while(
    site: RunningSite,
    connect: Callable[..., Exchange],
    open_fetcher: Callable[[Exchange], AnyFetcher],
    replay_id: int,
) -> None:
    fetcher = open_fetcher(connect(site.url, http=HttpSettings(limits=HttpLimits(total_s=1))))
    for fault in ("hang", "stall", "slow:s=600"):
        site.set_faults([fault])
        assert _fails(fetcher, replay_path(replay_id)).code == "tmx.timeout", fault


def test_not_more_than_the_limit_is_ever_written(site: RunningSite, fetcher: AnyFetcher, replay_id: int) -> None:
    site.set_faults(["endless"])
    written = 0

    def write(data: bytes) -> int:
        nonlocal written
        written += len(data)
        return len(data)

    with pytest.raises(InvalidResponse):
        fetcher.fetch(replay_path(replay_id), "replay 5", write, lambda: None)
    assert written <= MAX_FILE


def test_a_full_disk_is_reported_as_a_full_disk(site: RunningSite, fetcher: AnyFetcher, replay_id: int) -> None:
    def write(data: bytes) -> int:
        raise DiskError("the disk is full", code="disk.full")

    with pytest.raises(DiskError):
        fetcher.fetch(replay_path(replay_id), "replay 5", write, lambda: None)
    assert _fetched(fetcher, replay_path(replay_id)) == site.expected_replay(replay_id)


@pytest.mark.parametrize(
    ("fault", "at_least_s", "at_most_s"),
    [
        ("429:retry-after=7", 7, 7),
        ("503:retry-after=7", 7, 7),
        ("429:retry-date=60", 50, 62),  # a date has whole seconds
        ("503:retry-date=60", 50, 62),
        ("429", 10, 10),
        ("429:retry-after=0", 1, 10),
    ],
)
def test_the_wait_that_the_site_asks_for_is_passed_on(
    site: RunningSite,
    fetcher: AnyFetcher,
    rate_limiter: OpenRateLimiter,
    replay_id: int,
    fault: str,
    at_least_s: float,
    at_most_s: float,
) -> None:
    site.set_faults([f"{fault}:on=record"])
    error = _fails(fetcher, replay_path(replay_id))
    assert isinstance(error, Throttled)
    assert error.retry_after_s
    assert at_least_s <= error.retry_after_s <= at_most_s
    assert [seconds for seconds, _ in rate_limiter.pauses] == [error.retry_after_s]


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable"])
def test_the_clock_of_this_machine_does_not_change_a_wait_until_a_date(
    open_fetcher: Callable[[Exchange], AnyFetcher], connect: Callable[..., Exchange], status: bytes
) -> None:
    """The site's clock is an hour ahead of ours here. An answer of a proxy before it has another date."""
    sent_s = time.time() + 3600
    answer = b"HTTP/1.1 103 Early Hints\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\nHTTP/1.1 " + status
    for name, at_s in ((b"date", sent_s), (b"RETRY-AFTER", sent_s + 90)):
        answer += b"\r\n" + name + b": " + formatdate(at_s, usegmt=True).encode()
    with raw_server(lambda number: iter([answer + b"\r\nContent-Length: 0\r\n\r\n"])) as server:
        exchange = connect(server.url)
        error = _fails(open_fetcher(exchange), replay_path(5))
        assert error.retry_after_s == 90
        with pytest.raises(Throttled) as raised:
            exchange.tracks({})
        assert raised.value.retry_after_s == 90


def test_403_several_times_in_a_row_stops_the_run(site: RunningSite, fetcher: AnyFetcher, replay_id: int) -> None:
    site.set_faults(["403"])
    codes = [_fails(fetcher, replay_path(replay_id)).code for _ in range(5)]
    assert codes == ["tmx.forbidden"] * 4 + ["tmx.refused"]
    assert _fails(fetcher, replay_path(replay_id)).code == "tmx.refused"
    assert site.stats()["requests"] == 5


def test_a_site_that_does_not_exist_stops_the_run(
    connect: Callable[..., Exchange], open_fetcher: Callable[[Exchange], AnyFetcher]
) -> None:
    fetcher = open_fetcher(connect("http://127.0.0.1:1"))
    errors = [_fails(fetcher, replay_path(1)) for _ in range(5)]
    assert {error.code for error in errors[:-1]} == {"tmx.connection"}
    assert isinstance(errors[-1], SiteUnreachable)


def test_many_files_use_few_kept_connections_and_each_request_names_the_client(
    site: RunningSite, exchange: Exchange, fetcher: AnyFetcher
) -> None:
    wanted = [row["replay_id"] for track_id in site.track_ids() for row in site.leaderboard(track_id)] * 2
    with ThreadPoolExecutor(4) as threads:
        bodies = list(threads.map(lambda replay_id: _fetched(fetcher, replay_path(replay_id)), wanted))
    assert bodies == [site.expected_replay(replay_id) for replay_id in wanted]
    assert site.stats()["connections"] <= 4
    assert {line["user_agent"] for line in site.log()} == {exchange.user_agent}


def test_an_answer_that_cannot_be_recorded_is_the_error_of_its_file_and_loses_no_slot(
    site: RunningSite, exchange: Exchange, rate_limiter: OpenRateLimiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(seconds: float, reason: str) -> None:
        raise DatabaseError("the database is locked", code="db.busy")

    monkeypatch.setattr(exchange.breaker, "_pause", locked)
    replay_ids = [row["replay_id"] for row in site.leaderboard(site.track_ids()[0])][:2]
    files: FileTransfers[int] = FileTransfers(exchange, 2)
    site.set_faults(["429"])
    for replay_id in replay_ids:
        assert files.wait_s(1) == 0
        files.begin(replay_id, replay_path(replay_id), "replay 5", len)
    errors: dict[int, BaseException | None] = {}
    while len(errors) < 2:
        errors |= dict(files.wait(60.0))
    assert [type(errors[replay_id]) for replay_id in replay_ids] == [DatabaseError] * 2
    assert files.wait_s(1) == 0  # no slot was lost
    files.close()
    assert exchange.concurrency.limit == 1  # 429 halves it
    with exchange.concurrency.slot(rate_limiter.check_stop):
        pass
