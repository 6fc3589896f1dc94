"""The client of the exchange's API: one identified User-Agent, few connections, JSON checked before it is used.

`requests` builds the API requests, libcurl sends them (`http/curl_adapter.py`). Files are downloaded in `fetch.py`.
Both are imported by the first request: they take 0.1 s, and most commands, captures too, send nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol

from tmxdb import __version__
from tmxdb.errors import ItemGone, UsageError
from tmxdb.tmx.circuit_breaker import CircuitBreaker
from tmxdb.tmx.concurrency import ConcurrencyLimiter
from tmxdb.tmx.endpoints import PAGE, REPLAYS, TRACK_FIELDS, TRACKS, replays_query
from tmxdb.tmx.http.settings import HttpSettings
from tmxdb.tmx.http.transfer_error import TransferError
from tmxdb.tmx.pages import replay_page, track_page
from tmxdb.tmx.records import Page, Record, ReplayRecord, TrackRecord
from tmxdb.tmx.response_errors import status_error, transfer_error
from tmxdb.tmx.sites import Site

if TYPE_CHECKING:
    import requests

MAX_ANSWER = 16 * 2**20
"""A page of 1,000 tracks has about 1 MB, and a user may ask for 10,000."""
HOME = "https://github.com/tmxdb/tmxdb"


class RequestTurn(Protocol):
    """The turn of one request; implemented in `queue/rate_limiter.py`."""

    def wait_s(self, wanted: int = 1) -> float:
        """Return in how many seconds to ask again; 0: send the request now. `wanted`: how many requests wait."""


class RequestRateLimiter(Protocol):
    """Keeps all workers of a database within one rate; implemented in `queue/rate_limiter.py`."""

    on_pause: Callable[[float, str], None]
    """Called with seconds and reason of each new pause."""
    waiting_threads: set[int]
    """Identifiers of the threads that wait for their turn now."""

    def wait_turn(self) -> None:
        """Return when a request may be sent. Raise if the worker should stop meanwhile."""

    def turn(self) -> RequestTurn:
        """Return the turn of one request, for a thread that has something else to do until then."""

    def check_stop(self) -> None:
        """Raise, as `wait_turn` would, if the worker should stop."""

    def pause(self, seconds: float, reason: str) -> None:
        """Let no worker send a request for `seconds`."""


def user_agent(contact: str | None) -> str:
    """Return the User-Agent header: project, version and contact. Raise UsageError if `contact` cannot be sent."""
    if contact and not (contact.isascii() and contact.isprintable()):
        raise UsageError(
            f"The contact {contact!r} has characters that a request cannot carry. Give an e-mail address or a URL"
            " in ASCII with --contact.",
            code="input.contact",
        )
    return f"tmxdb/{__version__} (+{HOME}{'; ' + contact if contact else ''})"


class Exchange:
    """One exchange, for many threads. Every error is a TmxdbError.

    `connections`: how many threads use the API. `max_concurrent`: how many requests may be in flight, including
    downloads; None: as many as `connections`. `http`: certificates, proxies and limits, for downloads too.
    """

    def __init__(
        self,
        site: Site,
        *,
        contact: str | None,
        rate_limiter: RequestRateLimiter,
        connections: int,
        max_concurrent: int | None = None,
        http: HttpSettings | None = None,
    ) -> None:
        self.site, self.http = site, http or HttpSettings()
        self.user_agent = user_agent(contact)
        self.rate_limiter = rate_limiter
        self.breaker = CircuitBreaker(site.base_url, rate_limiter.pause)
        self.concurrency = ConcurrencyLimiter(max_concurrent or connections)
        self._connections = max(connections, 1)
        self._opened: requests.Session | None = None
        self._opening = threading.Lock()

    def tracks(self, parameters: Mapping[str, str | int]) -> Page[TrackRecord]:
        """Return a page of /api/tracks. Parameters (`order1`, `after`, `name` …): docs/facts/tmx-api.md#tracks."""
        query = {"fields": TRACK_FIELDS, "count": PAGE, **parameters}
        wanted = str(parameters.get("id", ""))
        return self._page(TRACKS, query, f"track {wanted}" if wanted.isdecimal() else "the track list", track_page)

    def replays(self, track_id: int, parameters: Mapping[str, str | int]) -> Page[ReplayRecord] | None:
        """Return a page of a track's leaderboard; None for 404, which means no replays or no such track."""
        query = replays_query(track_id, parameters)
        try:
            return self._page(REPLAYS, query, f"leaderboard of track {track_id}", replay_page)
        except ItemGone:
            return None

    def probe(self) -> float | None:
        """Send the smallest request. Return the time of the site's clock in s since 1970; None if it does not say."""
        query = {"fields": TRACK_FIELDS, "count": 1}
        with self.request("the site") as received, self._response(TRACKS, query, "the site") as response:
            received()
            track_page(response.content, PAGE, "the site")
            try:
                return parsedate_to_datetime(response.headers["Date"]).timestamp()
            except (KeyError, ValueError, TypeError, OverflowError):
                return None

    @contextmanager
    def request(self, item: str, *, before: str | None = None) -> Iterator[Callable[[], None]]:
        """Send one request for `item` in the block and check its answer there. Record how the block ends.

        Waits for a free slot and for the rate limiter first. Yields a function to call when the answer has been
        received: it frees the slot while the answer is still being checked. Raise what stopped the run or the worker,
        and during an outage SiteOutage instead of the error of the block. See also `NextRequest`.

        `before`: the error code of the last attempt for `item`.
        """
        with self.breaker.recording(item, before=before), ExitStack() as transfer:
            transfer.enter_context(self.concurrency.slot(self.rate_limiter.check_stop))
            self.rate_limiter.wait_turn()
            self.breaker.check()
            transfer.enter_context(self.concurrency.in_flight())
            yield transfer.close

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()

    def _session(self) -> requests.Session:
        """Return the session, opened by the first request."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open_session()
            return self._opened

    def _open_session(self) -> requests.Session:
        import requests

        from tmxdb.tmx.http.curl_adapter import CurlAdapter

        session = requests.Session()
        session.trust_env = False  # `http` has read the environment
        session.headers.clear()
        session.headers.update({"Accept": "application/json", "Accept-Encoding": "gzip"})
        session.mount(
            self.site.base_url,
            CurlAdapter(self.http, user_agent=self.user_agent, most_connections=self._connections, largest=MAX_ANSWER),
        )
        return session

    def _page(
        self, path: str, query: Mapping[str, Any], item: str, page: Callable[[bytes, int, str], Page[Record]]
    ) -> Page[Record]:
        with self.request(item) as received, self._response(path, query, item) as response:
            received()
            return page(response.content, max(PAGE, query["count"]), item)

    def _response(self, path: str, query: Mapping[str, Any], item: str) -> requests.Response:
        """Return a response with status 200. Close it: its body may be large."""
        try:
            response = self._session().get(
                self.site.base_url + path, params=dict(query), stream=True, allow_redirects=False
            )
        except TransferError as problem:
            raise transfer_error(problem, item) from problem
        detail = _detail(response) if response.status_code == 400 else None
        error = status_error(
            response.status_code,
            item,
            response.headers.get("Retry-After"),
            date=response.headers.get("Date"),
            now_s=time.time(),
            detail=detail,
        )
        if error is not None:
            response.close()
            raise error
        return response


def _detail(response: requests.Response) -> str | None:
    """Return what the site says is wrong: `application/problem+json` with a `detail`.

    See docs/facts/tmx-api.md#conventions. A 400 without it may come from anything between us and the site.
    """
    if "json" not in response.headers.get("Content-Type", ""):
        return None
    try:
        detail = json.loads(response.content[:65536]).get("detail")
    except (ValueError, AttributeError, RecursionError):
        return None
    return repr(detail)[:300] if detail else None
