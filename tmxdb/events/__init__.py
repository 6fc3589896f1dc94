"""What happens during a run, as typed events: for code that reports progress and for code that writes a log.

Each event is a frozen dataclass. `str(event)` is one plain sentence, `event.level` its `logging` level, `event.logger`
the logger it goes to (`tmxdb.queue`, `tmxdb.capture`, ...; one for each package), and `event.fields()` its values.

To emit, pass an `EventBus` down to the code that needs it and call `events.emit(RowsClaimed("download", 128))`. To
receive, subscribe a function; it gets the same objects and usually selects with `match`:

    def show(event: Event) -> None:
        match event:
            case RowSettled(kind=kind, status="failed"): ...
            case CycleCompleted(): ...                          # several times a second: time to redraw
            case _ if event.level >= logging.INFO: print(event)  # any other event a person should see

    events = EventBus(show)

Each event is also logged exactly once. The record's message is `str(event)`; its `extra` attributes are `event` (the
class name in snake case, such as `row_settled`) and `fields` (a dict). Levels: WARNING when something is lost or fails,
INFO for what a person should see, DEBUG for each claim and each settled row. An event with level 0 is not logged.

Subscribers run in the thread that emits, often the worker's loop: they must be quick and must not raise.
"""

from __future__ import annotations

from tmxdb.events.bus import (
    Event,
    EventBus,
    event_name,
)
from tmxdb.events.other_events import (
    CaptureStateChanged,
    Notice,
)
from tmxdb.events.queue_events import (
    ClaimsLost,
    CycleCompleted,
    DatabaseUnavailable,
    KindPaused,
    KindResumed,
    QueueEvent,
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

__all__ = [
    "CaptureStateChanged",
    "ClaimsLost",
    "CycleCompleted",
    "DatabaseUnavailable",
    "Event",
    "EventBus",
    "KindPaused",
    "KindResumed",
    "Notice",
    "QueueEvent",
    "ResultDropped",
    "RowSettled",
    "RowsClaimed",
    "RowsGivenUp",
    "RowsRecovered",
    "RowsReleased",
    "SitePaused",
    "WaitingForPause",
    "WaitingForRetry",
    "WorkerLost",
    "event_name",
]
