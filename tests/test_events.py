"""Events reach each subscriber and the log, once, as one sentence and as fields."""

from __future__ import annotations

import logging

import pytest

from tmxdb.events import (
    CaptureStateChanged,
    ClaimsLost,
    CycleCompleted,
    DatabaseUnavailable,
    Event,
    EventBus,
    KindPaused,
    KindResumed,
    Notice,
    ResultDropped,
    RowsClaimed,
    RowSettled,
    RowsGivenUp,
    RowsRecovered,
    RowsReleased,
    SitePaused,
    WaitingForPause,
    WaitingForRetry,
    WorkerLost,
)

SENTENCES: list[tuple[Event, str]] = [
    (RowsClaimed("list", 1), "list: claimed 1 row."),
    (RowsClaimed("list", 1280), "list: claimed 1,280 rows."),
    (RowSettled("download", 7, "done", 1), "download 7: done, attempt 1"),
    (
        RowSettled("download", 7, "failed", 3, "tmxdb.bug", "Traceback\n  ...\nValueError: no"),
        "download 7: failed, attempt 3 (tmxdb.bug: ValueError: no)",
    ),
    (
        ResultDropped("extract", 9),
        "extract 9: the result came too late and was dropped; another worker has the row now.",
    ),
    (
        ClaimsLost("download", 2),
        "download: this worker has lost its claim on 2 rows, probably because it was suspended;"
        " they are pending again, or another worker has them.",
    ),
    (
        ClaimsLost("download", 1),
        "download: this worker has lost its claim on 1 row, probably because it was suspended;"
        " it is pending again, or another worker has it.",
    ),
    (RowsReleased("list", 2), "list: released 2 rows."),
    (WorkerLost("host-1-ab"), "Worker host-1-ab is lost; its rows are pending again."),
    (RowsRecovered("list", 2), "list: recovered 2 rows from lost workers."),
    (
        RowsGivenUp("list", 1),
        "list: gave up 1 row: several workers died one after another while working on it."
        " `tmxdb retry` tries it again.",
    ),
    (KindPaused("all", None, "disk"), "All kinds are paused (disk); `tmxdb resume all` ends the pause."),
    (
        KindPaused("list", "2026-01-02T03:04:05.678Z", None),
        "list is paused until 2026-01-02 03:04:05 UTC; `tmxdb resume list` ends the pause.",
    ),
    (KindResumed("list"), "list is no longer paused."),
    (
        WaitingForPause(("list", "download")),
        "All remaining rows are paused (list, download); waiting until the pause ends.",
    ),
    (WaitingForRetry(1, 0, 32.0), "1 row waits for another attempt; the next one at 00:00:00 UTC, in 32 s."),
    (DatabaseUnavailable("The server is away.", 3), "The server is away. Trying again; 3 results wait in memory."),
    (
        SitePaused(32.0, "the site asked us to slow down"),
        "Pausing all requests for 32 s: the site asked us to slow down.",
    ),
    (CaptureStateChanged(4, "driving", "map 7"), "capture 4: driving (map 7)."),
    (Notice("A game was restarted.", "capture"), "A game was restarted."),
]


@pytest.mark.parametrize(("event", "sentence"), SENTENCES, ids=lambda value: type(value).__name__)
def test_each_event_is_one_sentence(event: Event, sentence: str) -> None:
    assert str(event) == sentence


@pytest.mark.parametrize("event", [event for event, _ in SENTENCES], ids=lambda value: type(value).__name__)
def test_an_event_is_logged_once_and_reaches_each_subscriber_once(
    event: Event, caplog: pytest.LogCaptureFixture
) -> None:
    one: list[Event] = []
    two: list[Event] = []
    events = EventBus(one.append)
    events.subscribe(two.append)
    with caplog.at_level(logging.DEBUG, "tmxdb"):
        events.emit(event)
    (record,) = caplog.records
    assert (record.getMessage(), record.levelno, record.name) == (str(event), event.level, event.logger)
    assert record.__dict__["fields"] == event.fields()
    assert one == two == [event]


def test_a_log_record_names_its_event_and_carries_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "tmxdb"):
        EventBus().emit(RowsClaimed("download", 128))
    (record,) = caplog.records
    assert (record.__dict__["event"], record.__dict__["fields"]) == ("rows_claimed", {"kind": "download", "rows": 128})


def test_a_completed_cycle_reaches_subscribers_but_not_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []
    with caplog.at_level(1, "tmxdb"):
        EventBus(seen.append).emit(CycleCompleted())
    assert (seen, caplog.records) == ([CycleCompleted()], [])
