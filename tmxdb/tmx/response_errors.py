"""What a response or a failed transfer means: status codes and broken connections become tmxdb's own errors.

No known client quotes a real 429 from the exchange, but all are written for 429, 403 and 5xx with Retry-After
(docs/facts/tmx-api.md#rate-limits), and so is this one.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from tmxdb.errors import BadRequest, InvalidResponse, ItemGone, SiteError, Throttled, TmxdbError
from tmxdb.failure_policy import policy_for_code
from tmxdb.tmx.http.transfer_error import TransferError

DEFAULT_PAUSE_S, SHORTEST_PAUSE_S = policy_for_code("tmx.throttled").first_s, 1.0
_HINTS = {
    401: "asks for a login",
    407: "did not answer: the proxy wants a user name and password (in HTTP_PROXY)",
    451: "does not serve it for legal reasons",
}


def status_error(
    status: int,
    item: str,
    retry_after: str | None,
    *,
    date: str | None = None,
    now_s: float,
    detail: str | None = None,
) -> TmxdbError | None:
    """Return the error that `status` means for `item`, or None for 200. `date`: the Date header of the answer.

    Only what is certainly a mistake of tmxdb is final: a 400 for which the site gives a `detail`. Login pages, bot
    checks and proxies answer with many other statuses, to every request alike; those are retried.
    """
    if status == 200:
        return None
    if status == 404:
        return ItemGone(f"{item}: the site does not have it (404).")
    if status == 429 or (status == 503 and retry_after):
        asked_s = retry_after_s(retry_after, date, now_s=now_s)
        pause_s = DEFAULT_PAUSE_S if asked_s is None else max(asked_s, SHORTEST_PAUSE_S)
        return Throttled(f"{item}: the site asked us to slow down ({status}).", retry_after_s=pause_s)
    if status >= 500:
        return SiteError(f"{item}: server error ({status}).", code="tmx.unavailable")
    if status == 403:
        return SiteError(f"{item}: the site forbids it (403).", code="tmx.forbidden")
    if 300 <= status < 400:
        return InvalidResponse(f"{item}: the site redirects elsewhere ({status}); not followed.", code="tmx.redirect")
    if status == 408:
        return SiteError(f"{item}: the site timed out waiting for the request (408).", code="tmx.timeout")
    if status == 400 and detail:
        return BadRequest(f"{item}: the site rejected the request (400). It says: {detail}")
    hint = _HINTS.get(status, "answered with an unexpected status")
    return SiteError(f"{item}: the site {hint} ({status}).", code="tmx.unexpected_status")


def transfer_error(error: TransferError, item: str) -> TmxdbError:
    """Return the error for a transfer that failed."""
    match error.kind:
        case "too large":
            return InvalidResponse(f"{item}: the answer is {error.reason}.", code="tmx.too_large")
        case "cut":
            return InvalidResponse(f"{item}: the answer is cut short after {error.received:,} bytes.", code="tmx.cut")
        case "invalid":
            return InvalidResponse(f"{item}: the answer cannot be read: {error.reason}.", code="tmx.wrong_body")
        case "timeout":
            return SiteError(f"{item}: {error.reason}.", code="tmx.timeout")
        case "connection":
            return SiteError(f"{item}: {error.reason}.", code="tmx.connection")


def retry_after_s(text: str | None, date: str | None = None, *, now_s: float) -> float | None:
    """Return the seconds that a Retry-After header asks for, as a number or a date (RFC 9110, 10.2.3).

    A date is compared with `date`, the Date header of the same answer: the clock of this machine may be wrong. Without
    one it is compared with `now_s`.
    """
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until_s, sent_s = _date_s(text), _date_s(date)
    return None if until_s is None else max(until_s - (now_s if sent_s is None else sent_s), 0.0)


def _date_s(text: str | None) -> float | None:
    """Return a date of HTTP (RFC 9110, 5.6.7) in seconds since 1970, in UTC without a zone; None if it is not one."""
    try:
        at = parsedate_to_datetime(text or "")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
