"""What a status or a broken connection means, and how the site as a whole is doing."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from tmxdb.errors import (
    BadRequest,
    Gone,
    Outage,
    SiteRefuses,
    SiteTrouble,
    SiteUnreachable,
    Throttled,
    TmxdbError,
    WrongBody,
)
from tmxdb.tmx import verdict
from tmxdb.tmx.verdict import (
    FAILING_AT_MOST,
    FORBIDDEN_AT_MOST,
    LOST_AT_MOST,
    Health,
    lost,
    retry_after_s,
    status_error,
)

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    ("status", "retry_after", "kind", "code"),
    [
        (404, None, Gone, "tmx.gone"),
        (429, None, Throttled, "tmx.throttled"),
        (503, "5", Throttled, "tmx.throttled"),
        (503, None, SiteTrouble, "tmx.unavailable"),
        (500, "5", SiteTrouble, "tmx.unavailable"),
        (599, None, SiteTrouble, "tmx.unavailable"),
        (403, None, SiteTrouble, "tmx.forbidden"),
        (408, None, SiteTrouble, "tmx.timeout"),
        (301, None, WrongBody, "tmx.redirect"),
        (307, None, WrongBody, "tmx.redirect"),
        (400, None, BadRequest, "tmx.bad_request"),
        (418, None, BadRequest, "tmx.bad_request"),
        (204, None, BadRequest, "tmx.bad_request"),
    ],
)
def test_each_status_has_its_error(status: int, retry_after: str | None, kind: type[TmxdbError], code: str) -> None:
    error = status_error(status, "replay 5 (track 7)", retry_after, now_s=NOW_S)
    assert type(error) is kind
    assert error.code == code
    assert str(error).startswith("replay 5 (track 7): ")
    assert str(status) in str(error)


def test_200_is_no_error() -> None:
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
def test_retry_after_is_understood_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, now_s=NOW_S) == seconds


@pytest.mark.parametrize(
    ("header", "pause_s"), [(None, verdict.DEFAULT_PAUSE_S), ("soon", verdict.DEFAULT_PAUSE_S), ("0", 1.0), ("7", 7.0)]
)
def test_a_429_pauses_as_long_as_it_says_but_never_not_at_all(header: str | None, pause_s: float) -> None:
    error = status_error(429, "x", header, now_s=NOW_S)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == pause_s


class _Pauses(list[tuple[float, str]]):
    def __call__(self, seconds: float, reason: str) -> None:
        self.append((seconds, reason))


@pytest.fixture
def pauses() -> _Pauses:
    return _Pauses()


@pytest.fixture
def health(pauses: _Pauses) -> Health:
    return Health("http://site", pauses)


def _status(status: int, retry_after: str | None = None) -> TmxdbError:
    error = status_error(status, "replay 5", retry_after, now_s=NOW_S)
    assert error is not None
    return error


def _lost() -> TmxdbError:
    return lost("replay 5", "connection refused", timed_out=False)


def test_a_429_lets_everybody_pause_for_as_long_as_the_site_asked(health: Health, pauses: _Pauses) -> None:
    error = health.judge(_status(429, "7"))
    assert isinstance(error, Throttled)
    assert pauses == [(7.0, "the site asked us to slow down")]


def test_403_again_and_again_stops_the_run(health: Health) -> None:
    for _ in range(FORBIDDEN_AT_MOST - 1):
        assert health.judge(_status(403)).code == "tmx.forbidden"
    health.check()
    stopped = health.judge(_status(403))
    assert isinstance(stopped, SiteRefuses)
    assert "http://site" in str(stopped)
    with pytest.raises(SiteRefuses):
        health.check()  # threads under way do not ask on


def test_403_now_and_then_does_not_stop_the_run(health: Health) -> None:
    for _ in range(3 * FORBIDDEN_AT_MOST):
        assert health.judge(_status(403)).code == "tmx.forbidden"
        health.answered()
    for _ in range(3 * FORBIDDEN_AT_MOST):
        assert health.judge(_status(403)).code == "tmx.forbidden"
        assert health.judge(_status(404)).code == "tmx.gone"


def test_a_site_that_never_answered_stops_the_run_with_one_sentence(health: Health, pauses: _Pauses) -> None:
    errors = [health.judge(_lost()) for _ in range(LOST_AT_MOST)]
    assert [error.code for error in errors[:-1]] == ["tmx.connection"] * (LOST_AT_MOST - 1)
    assert isinstance(errors[-1], SiteUnreachable)
    assert "http://site can not be reached" in str(errors[-1])
    assert "--site" in str(errors[-1])
    assert pauses == []


def test_a_site_that_goes_away_pauses_everybody_longer_and_longer_and_charges_nobody(pauses: _Pauses) -> None:
    now_s = [0.0]
    health = Health("http://site", pauses, monotonic=lambda: now_s[0])
    health.answered()
    for _ in range(LOST_AT_MOST - 1):
        health.judge(_lost())
    for _ in range(8):
        for _ in range(64):  # all that were under way
            error = health.judge(_lost())
            assert isinstance(error, Outage)
            assert error.retry_after_s == pauses[-1][0]
        now_s[0] += pauses[-1][0]
    assert [seconds for seconds, _ in pauses] == [2, 4, 8, 16, 32, 60, 60, 60]
    health.answered()
    for _ in range(LOST_AT_MOST):
        health.judge(_lost())
    assert pauses[-1][0] == 2


def test_an_outage_that_lasts_stops_the_run(health: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    health.answered()
    monkeypatch.setattr(verdict, "LONGEST_OUTAGE_S", -1.0)
    errors = [health.judge(_lost()) for _ in range(LOST_AT_MOST)]
    assert isinstance(errors[-1], SiteUnreachable)


def test_a_site_that_answers_nothing_but_5xx_is_away_and_charges_nobody(pauses: _Pauses) -> None:
    now_s = [1000.0]
    health = Health("http://site", pauses, monotonic=lambda: now_s[0])
    for _ in range(FAILING_AT_MOST - 1):
        assert health.judge(_status(502)).code == "tmx.unavailable"
        health.judge(lost("x", "no answer in time", timed_out=True))
    for _ in range(4):
        for _ in range(16):
            error = health.judge(_status(502))
            assert isinstance(error, Outage)
            assert "502" in str(error)
        now_s[0] += pauses[-1][0]
    assert [seconds for seconds, _ in pauses] == [2, 4, 8, 16]
    now_s[0] += verdict.LONGEST_OUTAGE_S
    stopped = health.judge(_status(502))
    assert isinstance(stopped, SiteUnreachable)
    assert "nothing but trouble for 15 min 30 s: replay 5: the site has trouble (502). Run the same" in str(stopped)


@pytest.mark.parametrize("answer", ["right", "404", "403"])
def test_one_other_answer_among_5xx_shows_that_the_site_serves(health: Health, pauses: _Pauses, answer: str) -> None:
    for _ in range(3 * FAILING_AT_MOST):
        assert health.judge(_status(500)).code == "tmx.unavailable"
        if answer == "right":
            health.answered()
        else:
            health.judge(_status(int(answer)))
    assert pauses == []


def test_an_outage_after_a_long_rest_is_not_taken_for_one_that_lasts(pauses: _Pauses) -> None:
    now_s = [0.0]
    health = Health("http://site", pauses, monotonic=lambda: now_s[0])
    health.answered()
    now_s[0] += 10 * verdict.LONGEST_OUTAGE_S  # nothing to do for a while
    assert [health.judge(_lost()).code for _ in range(LOST_AT_MOST)][-1] == "tmx.outage"


def test_one_answer_ends_an_outage(health: Health) -> None:
    health.answered()
    for _ in range(LOST_AT_MOST + 2):
        health.judge(_lost())
    health.judge(_status(500))
    assert health.judge(_lost()).code == "tmx.connection"
    assert health.has_answered


def test_a_timeout_is_neither_an_outage_nor_an_answer(health: Health) -> None:
    for _ in range(3 * LOST_AT_MOST):
        assert health.judge(lost("x", "no answer in time", timed_out=True)).code == "tmx.timeout"
    assert not health.has_answered
