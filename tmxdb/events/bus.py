"""The base class of events, and the bus that logs them and passes them on."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Event:
    """Base class of all events."""

    logger: ClassVar[str] = "tmxdb"

    @property
    def level(self) -> int:
        """Level for `logging`; 0 for events that are not logged."""
        return logging.INFO

    def fields(self) -> dict[str, Any]:
        """Return the values as a dict for a structured log."""
        return asdict(self)


class EventBus:
    """Logs each event and passes it to the subscribers."""

    def __init__(self, *subscribers: Callable[[Event], None]) -> None:
        self._subscribers = list(subscribers)

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """Call `subscriber` with every event from now on."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Log `event` and pass it to each subscriber."""
        level = event.level
        if level:
            logger = _logger(event.logger)
            if logger.isEnabledFor(level):
                extra = {"event": event_name(type(event).__name__), "fields": event.fields()}
                logger.log(level, "%s", event, extra=extra)
        for subscriber in self._subscribers:
            subscriber(event)


_logger = cache(logging.getLogger)


@cache
def event_name(class_name: str) -> str:
    """Return `class_name` in snake case: `row_settled` for RowSettled."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", class_name).lower()
