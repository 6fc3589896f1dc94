"""What a status, a Retry-After header or a failed transfer means."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from tmxdb.errors import BadRequest, InvalidResponse, ItemGone, SiteError, Throttled, TmxdbError
from tmxdb.failure_policy import Action, policy_for
from tmxdb.tmx.http.transfer_error import Kind, TransferError
from tmxdb.tmx.response_errors import DEFAULT_PAUSE_S, retry_after_s, status_error, transfer_error

NOW_S = 1_800_000_000.0
UNEXPECTED = [201, 202, 204, 206, 401, 402, 405, 406, 407, 409, 410, 418, 421, 425, 431, 451, 499]


@pytest.mark.parametrize(
    ("status", "retry_after", "kind", "code"),
    [
        (404, None, ItemGone, "tmx.gone"),
        (429, None, Throttled, "tmx.throttled"),
        (503, "5", Throttled, "tmx.throttled"),
        (503, None, SiteError, "tmx.unavailable"),
        (500, "5", SiteError, "tmx.unavailable"),
        (599, None, SiteError, "tmx.unavailable"),
        (403, None, SiteError, "tmx.forbidden"),
        (408, None, SiteError, "tmx.timeout"),
        (301, None, InvalidResponse, "tmx.redirect"),
        (307, None, InvalidResponse, "tmx.redirect"),
        (400, None, SiteError, "tmx.unexpected_status"),
    ],
)
def test_each_status_has_its_error(status: int, retry_after: str | None, kind: type[TmxdbError], code: str) -> None:
    error = status_error(status, "replay 5 (track 7)", retry_after, now_s=NOW_S)
    assert type(error) is kind
    assert error.code == code
    assert str(error).startswith("replay 5 (track 7): ")
    assert str(status) in str(error)


@pytest.mark.parametrize("status", UNEXPECTED)
def test_a_status_that_the_site_does_not_use_is_retried(status: int) -> None:
    error = status_error(status, "replay 5", None, now_s=NOW_S)
    assert error is not None
    assert error.code == "tmx.unexpected_status"
    assert policy_for(error).action is Action.RETRY
    assert str(status) in str(error)


def test_only_a_400_for_which_the_site_gives_a_reason_is_final() -> None:
    error = status_error(400, "the track list", None, now_s=NOW_S, detail="'no such field'")
    assert isinstance(error, BadRequest)
    assert "It says: 'no such field'" in str(error)
    assert policy_for(error).action is Action.FAIL


def test_200_is_not_an_error() -> None:
    assert status_error(200, "x", None, now_s=NOW_S) is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0.0),
        (" 120 ", 120.0),
        (formatdate(NOW_S + 90, usegmt=True), 90.0),
        (formatdate(NOW_S - 90, usegmt=True), 0.0),
        ("9" * 5000, 999_999_999.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("Mon, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now_s=NOW_S) == seconds


@pytest.mark.parametrize(
    ("header", "date", "seconds"),
    [
        (formatdate(NOW_S + 90, usegmt=True), formatdate(NOW_S, usegmt=True), 90.0),
        (formatdate(NOW_S - 90, usegmt=True), formatdate(NOW_S, usegmt=True), 0.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun Nov  6 08:48:37 1994", 60.0),  # the two forms of RFC 9110, 5.6.7
        ("7", formatdate(NOW_S, usegmt=True), 7.0),
        ("soon", formatdate(NOW_S, usegmt=True), None),
        (formatdate(NOW_S + 90, usegmt=True), "today", 390.0),
    ],
)
def test_a_date_is_compared_with_the_date_of_the_same_answer(header: str, date: str, seconds: float | None) -> None:
    """This machine's clock is five minutes late; it counts only if the answer has no date that can be read."""
    assert retry_after_s(header, date, now_s=NOW_S - 300) == seconds


@pytest.mark.parametrize(
    ("header", "pause_s"), [(None, DEFAULT_PAUSE_S), ("soon", DEFAULT_PAUSE_S), ("0", 1.0), ("7", 7.0)]
)
def test_a_429_pauses_as_long_as_it_says_and_at_least_a_second(header: str | None, pause_s: float) -> None:
    error = status_error(429, "replay 5", header, now_s=NOW_S)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == pause_s


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("timeout", "tmx.timeout"),
        ("cut", "tmx.cut"),
        ("too large", "tmx.too_large"),
        ("invalid", "tmx.wrong_body"),
        ("connection", "tmx.connection"),
    ],
)
def test_each_failed_transfer_has_its_error_and_is_retried(kind: Kind, code: str) -> None:
    error = transfer_error(TransferError(kind, "some reason", 7), "replay 5")
    assert error.code == code
    assert str(error).startswith("replay 5: ")
    assert policy_for(error).action is Action.RETRY
