"""What an answer means for the one who asked: status codes and broken connections become our own errors.

Which codes the site uses: tmx-api fact sheet, sections 2, 5 and 6. No source quotes a real 429 from it;
clients code for 429, 403 and 5xx with Retry-After, and so do we.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from tmxdb.clock import span
from tmxdb.errors import (
    BadRequest,
    Gone,
    Outage,
    SiteRefuses,
    SiteTrouble,
    SiteUnreachable,
    Throttled,
    TmxdbError,
    TryLater,
    UserMustAct,
    WrongBody,
)
from tmxdb.retrying import in_a_row, rule_of

FORBIDDEN_AT_MOST = in_a_row("tmx.forbidden")
"""403 in a row before the run stops: the site does not want us, and asking on would make it worse."""
LOST_AT_MOST = in_a_row("tmx.connection")
"""Requests in a row that did not get through before we call it an outage."""
FAILING_AT_MOST = in_a_row("tmx.unavailable")
"""5xx without a good answer in between before we call it one, too."""
LONGEST_PAUSE_S, LONGEST_OUTAGE_S = 60.0, 15 * 60.0
DEFAULT_PAUSE_S, SHORTEST_PAUSE_S = rule_of("tmx.throttled").first_s, 1.0


def status_error(status: int, item: str, retry_after: str | None, *, now_s: float) -> TmxdbError | None:
    """The error that status `status` means for `item`; None for 200."""
    if status == 200:
        return None
    if status == 404:
        return Gone(f"{item}: the site does not have it (404).")
    if status == 429 or (status == 503 and retry_after):
        asked_s = retry_after_s(retry_after, now_s=now_s)
        pause_s = DEFAULT_PAUSE_S if asked_s is None else max(asked_s, SHORTEST_PAUSE_S)
        return Throttled(f"{item}: the site asked us to slow down ({status}).", retry_after_s=pause_s)
    if status >= 500:
        return SiteTrouble(f"{item}: the site has trouble ({status}).", code="tmx.unavailable")
    if status == 403:
        return SiteTrouble(f"{item}: the site forbids it (403).", code="tmx.forbidden")
    if 300 <= status < 400:
        return WrongBody(f"{item}: the site sent us elsewhere ({status}); not followed.", code="tmx.redirect")
    if status == 408:
        return SiteTrouble(f"{item}: the site waited too long for us (408).", code="tmx.timeout")
    return BadRequest(f"{item}: the site takes our request for wrong ({status}).")


def retry_after_s(text: str | None, *, now_s: float) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or a date (RFC 9110, 10.2.3)."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - now_s, 0.0)
    except (TypeError, ValueError, OverflowError):
        return None


class Health:
    """How the site as a whole is doing, from the answers of all threads of this process.

    `judge` is given each outcome of a request and answers the error to raise: mostly the same one, but
    an Outage when nothing gets through any more, and one that stops the run when it stays so.
    """

    def __init__(
        self, base_url: str, pause: Callable[[float, str], None], *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._base_url = base_url
        self._pause = pause
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lost = self._failing = self._forbidden = 0
        self._lost_since_s = self._failing_since_s = 0.0
        self._has_answered = False
        self._pauses, self._paused_until_s = 0, float("-inf")
        self._stopped: UserMustAct | None = None

    def check(self) -> None:
        """Before a request: raises what stopped the run, so that threads under way do not ask on."""
        if self._stopped is not None:
            raise self._stopped

    @property
    def has_answered(self) -> bool:
        """Whether the site has ever answered, with whatever."""
        return self._has_answered

    def answered(self) -> None:
        """A request was answered as it should be."""
        self._lost = self._failing = self._forbidden = self._pauses = 0
        self._has_answered = True

    def judge(self, error: TmxdbError) -> TmxdbError:
        """What to raise for `error`; a pause is passed on to all workers."""
        with self._lock:
            if error.code == "tmx.connection":
                return self._not_through(error)
            self._lost = 0
            if error.code != "tmx.timeout":
                self._has_answered = True
            if error.code == "tmx.unavailable":
                return self._in_trouble(error)
            if error.code not in ("tmx.timeout", "tmx.throttled"):  # it does serve, if not what we wanted
                self._failing = self._pauses = 0
            self._forbidden = self._forbidden + 1 if error.code == "tmx.forbidden" else 0
            if self._forbidden >= FORBIDDEN_AT_MOST:
                self._stopped = SiteRefuses(
                    f"{self._base_url} forbids what we ask ({self._forbidden} times 403 in a row). Nothing is lost;"
                    " ask the site's people, or come back later."
                )
                return self._stopped
        if isinstance(error, Throttled):
            self._pause(error.retry_after_s or DEFAULT_PAUSE_S, "the site asked us to slow down")
        return error

    def _not_through(self, error: TmxdbError) -> TmxdbError:
        now_s = self._monotonic()
        self._lost_since_s = self._lost_since_s if self._lost else now_s
        self._lost += 1
        if self._lost < LOST_AT_MOST:
            return error
        if not self._has_answered or now_s - self._lost_since_s > LONGEST_OUTAGE_S:
            return self._stop(
                f"{self._base_url} can not be reached: {error}"
                " Check the address (--site) and the connection, then run the same command again: nothing is lost."
            )
        return self._outage(error, "the site can not be reached")

    def _in_trouble(self, error: TmxdbError) -> TmxdbError:
        """A site that answers nothing but 5xx is as good as away, and no row's fault."""
        now_s = self._monotonic()
        self._failing_since_s = self._failing_since_s if self._failing else now_s
        self._failing, self._forbidden = self._failing + 1, 0
        if self._failing < FAILING_AT_MOST:
            return error
        lasts_s = now_s - self._failing_since_s
        if lasts_s > LONGEST_OUTAGE_S:
            return self._stop(
                f"{self._base_url} has had nothing but trouble for {span(lasts_s)}: {error}"
                " Run the same command again later: nothing is lost."
            )
        return self._outage(error, "the site has trouble with everything")

    def _stop(self, message: str) -> TmxdbError:
        self._stopped = SiteUnreachable(message)
        return self._stopped

    def _outage(self, error: TmxdbError, reason: str) -> Outage:
        # Requests that were under way when the pause began are no news: 64 of them would make it a long one.
        now_s = self._monotonic()
        if now_s >= self._paused_until_s:
            self._pauses += 1
            pause_s = min(2.0 ** min(self._pauses, 6), LONGEST_PAUSE_S)
            self._paused_until_s = now_s + pause_s
            self._pause(pause_s, reason)
        return Outage(str(error), retry_after_s=max(self._paused_until_s - now_s, 0.1))


def lost(item: str, reason: str, *, timed_out: bool) -> TryLater:
    """The error for a request that got no whole answer."""
    code = "tmx.timeout" if timed_out else "tmx.connection"
    return SiteTrouble(f"{item}: {reason}.", code=code)
