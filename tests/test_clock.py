"""Wall time: stored times, times of the exchange, and durations for people."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.clock import from_iso, iso, site_time, span, wall_clock

MOMENTS = st.integers(-62_135_596_800_000, 253_402_300_799_999)  # the years 1 to 9999


@given(MOMENTS)
def test_a_stored_time_round_trips_to_the_millisecond(at_ms: int) -> None:
    assert from_iso(iso(at_ms)) == at_ms


@given(MOMENTS, MOMENTS)
def test_stored_times_sort_by_time(one: int, two: int) -> None:
    assert (iso(one) < iso(two)) == (one < two)
    assert len(iso(one)) == len("2026-11-22T10:00:00.000Z")


def test_the_wall_clock_counts_milliseconds() -> None:
    assert abs(wall_clock() - time.time() * 1000) < 60_000


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2009-02-20T16:57:38", "2009-02-20T16:57:38.000Z"),
        ("2024-08-03T17:04:02.12", "2024-08-03T17:04:02.120Z"),
        ("2024-08-03T17:04:02.1234567", "2024-08-03T17:04:02.123Z"),
        ("2024-08-03T17:04:02Z", "2024-08-03T17:04:02.000Z"),
        ("2024-08-03T17:04:02.5+02:00", "2024-08-03T15:04:02.500Z"),
        ("2024-08-03T17:04:02-0130", "2024-08-03T18:34:02.000Z"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_of_the_exchange_is_converted_to_the_stored_form(text: str, stored: str) -> None:
    assert site_time(text) == stored
    assert iso(from_iso(stored)) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-13-01T00:00:00",
        "2024-02-30T00:00:00",
        "2024-01-01T25:00:00",
        "2024-01-01 00:00:00",
        "2024-01-01T00:00:00+99:00",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        "２０２４-01-01T00:00:00",
        "2024-01-01T00:00:00.١٢",
        "2024-01-01T00:00:00\n",
    ],
)
def test_text_that_is_not_a_time_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        site_time(text)


@given(
    st.text(max_size=40)
    | st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?", fullmatch=True)
)
def test_any_text_is_either_converted_or_raises_value_error(text: str) -> None:
    try:
        stored = site_time(text)
    except ValueError:
        return
    assert iso(from_iso(stored)) == stored


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (12.4, "12 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (15_000, "4 h 10 min"),
        (6 * 86_400 + 3 * 3600, "6 d 3 h"),
    ],
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text
