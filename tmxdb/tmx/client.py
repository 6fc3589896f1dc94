"""Asking the exchange's API: one identified User-Agent, few connections, JSON that is checked before it is believed.

`requests` serves the API, which is asked once for many rows. Files are fetched through `tmx/fetch.py`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

import requests
import urllib3

from tmxdb import __version__
from tmxdb.errors import Gone, TmxdbError, WrongBody
from tmxdb.tmx.bounded import BoundedAdapter, OutOfBounds, bounds, unpacked
from tmxdb.tmx.endpoints import PAGE, REPLAY_FIELDS, REPLAYS, TRACK_FIELDS, TRACKS
from tmxdb.tmx.records import Page, Record, ReplayRecord, TrackRecord, replay_record, shown, track_record
from tmxdb.tmx.sites import Site
from tmxdb.tmx.verdict import Health, lost, status_error
from tmxdb.tmx.width import Lanes, Sent

CONNECT_S, SILENCE_S, TOTAL_S = 15.0, 30.0, 120.0
LARGEST_ANSWER = 8 * 2**20
"""A page of 1000 tracks is about 1 MB."""
LARGE_ANSWER = 2**18
"""Of answers larger than this there is one in memory at a time: as JSON it takes ten times as much."""
HEADS = 2**20
"""Bytes that may come besides the body."""
HOME = "https://github.com/tmxdb/tmxdb"


class Turnstile(Protocol):
    """What keeps all workers of a database polite together; see `queue/politeness.py`."""

    def wait_turn(self) -> None:
        """Return when a request may be sent."""

    def may_go_on(self) -> None:
        """Raise, as `wait_turn` would, when whoever waits is to stop."""

    def pause(self, seconds: float, reason: str) -> None:
        """Let nobody send anything for so long."""

    on_pause: Callable[[float, str], None]
    """Told about each new pause."""


def user_agent(contact: str | None) -> str:
    """How we introduce ourselves: project, version, and whom to write to."""
    return f"tmxdb/{__version__} (+{HOME}{'; ' + contact if contact else ''})"


class Exchange:
    """One exchange, as many threads at once may ask it. Every error is a TmxdbError.

    `connections`: threads that ask the API. `at_once`: requests on their way at the most, files too; None: the same.
    """

    def __init__(
        self, site: Site, *, contact: str | None, gate: Turnstile, connections: int, at_once: int | None = None
    ) -> None:
        self.site = site
        self.agent = user_agent(contact)
        self.gate = gate
        self.health = Health(site.base_url, gate.pause)
        self.lanes = Lanes(at_once or connections)
        self._session = requests.Session()
        self._session.headers.update(
            {"User-Agent": self.agent, "Accept": "application/json", "Accept-Encoding": "gzip"}
        )
        self._large = threading.Lock()
        # One connection a thread at the most, kept alive; a thread beyond that waits instead of opening another.
        adapter = BoundedAdapter(pool_connections=1, pool_maxsize=max(connections, 1), pool_block=True, max_retries=0)
        self._session.mount(site.base_url, adapter)

    def tracks(self, parameters: Mapping[str, str | int]) -> Page[TrackRecord]:
        """A page of /api/tracks. Parameters as in the fact sheet (`order1`, `after`, `name` …)."""
        query = {"fields": TRACK_FIELDS, "count": PAGE, **parameters}
        return self._page(TRACKS, query, "the track list", track_record)

    def replays(self, track_id: int, parameters: Mapping[str, str | int]) -> Page[ReplayRecord] | None:
        """A page of a track's leaderboard; None if the site answers 404: no replays, or no such track."""
        query = {"fields": REPLAY_FIELDS, "trackId": track_id, **parameters}
        try:
            return self._page(REPLAYS, query, f"leaderboard of track {track_id}", replay_record)
        except Gone:
            return None

    def url(self, path: str, parameters: Mapping[str, str | int]) -> str:
        """What would be asked, for a person to read."""
        return str(requests.Request("GET", self.site.base_url + path, params=dict(parameters)).prepare().url)

    @contextmanager
    def asking(self) -> Iterator[Sent]:
        """For the time of one request: there is room, and it is our turn. Tell `judged` what came of it.

        Raises what stopped the run, or the worker.
        """
        with self.lanes.lane(self.gate.may_go_on):
            self.gate.wait_turn()
            self.health.check()
            with self.lanes.flight() as sent:
                yield sent

    def judged(self, sent: Sent, error: TmxdbError | None) -> None:
        """A request was answered well, or not: raises what is to be raised for `error`."""
        self.lanes.judge(sent, error)
        try:
            if error is not None:
                raise self.health.judge(error)
        finally:
            # Its traceback leads to this frame, and this frame to it: a circle that would keep all that had come in
            # memory until Python looks for circles.
            del error
        self.health.answered()

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _page(
        self, path: str, query: Mapping[str, Any], item: str, record: Callable[[Mapping[str, Any]], Record | None]
    ) -> Page[Record]:
        with ExitStack() as memory:
            return self._records(self._json(path, query, item, memory), query, item, record)

    def _records(
        self,
        answer: Any,
        query: Mapping[str, Any],
        item: str,
        record: Callable[[Mapping[str, Any]], Record | None],
    ) -> Page[Record]:
        rows, more = (answer.get("Results"), answer.get("More")) if isinstance(answer, dict) else (None, None)
        if not isinstance(rows, list) or not isinstance(more, bool):
            raise WrongBody(f"{item}: the answer is no list of results.", code="tmx.wrong_json")
        if len(rows) > max(PAGE, query["count"]):
            raise WrongBody(f"{item}: {len(rows)} entries, more than were asked for.", code="tmx.too_large")
        records, unusable = [], []
        for row in rows:
            one = record(row) if isinstance(row, dict) else None
            if one is None:
                unusable.append(shown(row))
            else:
                records.append(one)
        if unusable and not records:
            raise WrongBody(f"{item}: not one usable entry, such as {unusable[0]}.", code="tmx.wrong_json")
        return Page(tuple(records), more, tuple(unusable))

    def _json(self, path: str, query: Mapping[str, Any], item: str, memory: ExitStack) -> Any:
        body = self._get(path, query, item, memory)
        try:
            return json.loads(body, parse_int=_integer)
        except (ValueError, RecursionError) as error:
            if body.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"<":
                raise WrongBody(f"{item}: a web page instead of data.", code="tmx.html") from None
            raise WrongBody(f"{item}: the answer is no JSON ({type(error).__name__}).", code="tmx.wrong_json") from None

    def _get(self, path: str, query: Mapping[str, Any], item: str, memory: ExitStack) -> bytes:
        """The body. What is large is let into the memory one at a time, as long as `memory` is open."""
        with self.asking() as sent:
            error, body = self._answer(path, query, item, memory)
        try:
            self.judged(sent, error)
        finally:
            del error  # as there
        return body

    def _answer(
        self, path: str, query: Mapping[str, Any], item: str, memory: ExitStack
    ) -> tuple[TmxdbError | None, bytes]:
        """What went wrong, if anything, and the body."""
        deadline, body = time.monotonic() + TOTAL_S, b""
        try:
            with (
                bounds(seconds=TOTAL_S, wire_bytes=LARGEST_ANSWER + HEADS),
                self._session.get(
                    self.site.base_url + path,
                    params=dict(query),
                    stream=True,
                    timeout=(CONNECT_S, SILENCE_S),
                    allow_redirects=False,
                ) as response,
            ):
                error = status_error(response.status_code, item, response.headers.get("Retry-After"), now_s=time.time())
                body = b"" if error else self._body(response, item, deadline, memory)
                if error and response.status_code == 400:
                    error.message += f" It says: {_detail(response)}"
        except OutOfBounds as problem:
            error = WrongBody(f"{item}: the answer can not be taken: {problem}.", code="tmx.too_large")
            error.__cause__ = problem
        except EOFError as problem:
            error = WrongBody(f"{item}: the answer is cut short.", code="tmx.cut")
            error.__cause__ = problem
        except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError) as problem:
            error = lost(item, "no answer in time", timed_out=True)
            error.__cause__ = problem
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            if "IncompleteRead" in str(problem):
                error = WrongBody(f"{item}: the answer is cut short.", code="tmx.cut")
            else:
                error = lost(item, _reason(problem), timed_out=False)
            error.__cause__ = problem
        except TmxdbError as problem:
            error = problem
        return error, body

    def _body(self, response: requests.Response, item: str, deadline: float, memory: ExitStack) -> bytes:
        body = bytearray()
        let_in = False
        for piece in unpacked(response, at_most=LARGEST_ANSWER):
            body += piece
            if len(body) > LARGE_ANSWER and not let_in:
                if not self._large.acquire(timeout=max(deadline - time.monotonic(), 0)):
                    raise lost(item, "too many large answers at once", timed_out=True)
                memory.callback(self._large.release)
                let_in = True
        return bytes(body)


def _integer(text: str) -> int | float:
    """A number of JSON; one with thousands of digits, which Python refuses to read, as something equally odd."""
    return int(text) if len(text) <= 400 else float("inf")


def _detail(response: requests.Response) -> str:
    """What the site says is wrong: `application/problem+json` with a `detail` (fact sheet, section 2)."""
    try:
        raw = next(unpacked(response, at_most=65536), b"")[:2000]
        detail = json.loads(raw).get("detail")
    except (ValueError, AttributeError, RecursionError, OutOfBounds, EOFError, urllib3.exceptions.HTTPError):
        detail = None
    return repr(detail)[:300] if detail else "nothing"


def _reason(problem: Exception) -> str:
    """The shortest true reason in a chain of wrapped library errors."""
    text = str(problem)
    for sign, reason in (
        ("Connection refused", "connection refused"),
        ("actively refused", "connection refused"),
        ("resolve", "no such host"),
        ("getaddrinfo", "no such host"),
        ("reset", "the connection was reset"),
        ("forcibly closed", "the connection was reset"),
        ("without response", "the connection was closed without an answer"),
        ("CERTIFICATE", "its certificate can not be trusted"),
    ):
        if sign in text:
            return reason
    return type(problem).__name__
