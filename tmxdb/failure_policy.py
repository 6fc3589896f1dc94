"""The failure policy: what each error code does to a row, as one table.

`queue/loop/perform.py` turns raised errors into outcomes with it, `queue/backoff.py` computes waits from it,
`tmx/circuit_breaker.py` reads when to open, and `sync/retrying_client.py` how long to retry. Add a line for each new
error code, unless the line of its family (`game.*`) fits. docs/reference/errors.md contains `as_markdown()`, checked by
a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

from tmxdb.clock import span
from tmxdb.errors import InvalidResponse, RetryLater, TmxdbError, UserActionRequired


class Action(Enum):
    """What happens to the row."""

    SKIP = "skipped"
    FAIL = "failed"
    RETRY = "retried"
    SNOOZE = "snoozed"
    RELEASE = "released"
    STOP = "stops the run"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What to do about errors with `code` (`game.*`: every code of that family) that are instances of `raised_as`.

    RETRY: the row waits `first_s` seconds, then `growth` times as long after each attempt, up to `longest_s`, but never
    less than the other side asked for. Each attempt is charged. The row fails after `attempts` attempts in
    a row with this code, or after `--max-attempts` if that is less; with `at_limit` SKIP it is skipped then.

    SNOOZE: the row waits as long as the other side asked for, else `first_s`, and no attempt is charged. If it has been
    snoozed for longer than `max_snooze_s` the row is retried instead, so that it cannot delay other rows forever.

    `escalate_after`: this many errors without a successful request between them are treated as something worse.
    `halves_concurrency`: the process halves its number of concurrent requests (`tmx/concurrency.py`).
    """

    code: str
    action: Action
    why: str
    first_s: float = 0.0
    growth: float = 1.0
    longest_s: float = 0.0
    attempts: int | None = None
    at_limit: Action = Action.FAIL
    max_snooze_s: float | None = None
    escalate_after: int | None = None
    halves_concurrency: bool = False
    raised_as: type[TmxdbError] = TmxdbError

    def matches(self, code: str) -> bool:
        """Return whether this policy is about `code`."""
        return code == self.code or (self.code.endswith("*") and code.startswith(self.code[:-1]))


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits of `first_s` seconds, `growth` times as long after each attempt, up to `longest_s`."""

    first_s: float
    growth: float
    longest_s: float


USUAL = Backoff(2, 3, 3600)
FORBIDDEN = Backoff(10, 4, 3600)
GONE = Backoff(10, 1, 10)
MISSING = Backoff(60, 4, 3600)
GAME = Backoff(5, 2, 300)
DRIVE = Backoff(30, 2, 600)
START = Backoff(60, 2, 600)
DAY_S = 86_400.0


def _skip(code: str, why: str) -> FailurePolicy:
    return FailurePolicy(code, Action.SKIP, why)


def _fail(code: str, why: str) -> FailurePolicy:
    return FailurePolicy(code, Action.FAIL, why)


def _retry(code: str, backoff: Backoff, why: str, **options: Any) -> FailurePolicy:
    waits = (backoff.first_s, backoff.growth, backoff.longest_s)
    return FailurePolicy(code, Action.RETRY, why, *waits, **options)


def _snooze(code: str, wait_s: float, why: str, **options: Any) -> FailurePolicy:
    return FailurePolicy(code, Action.SNOOZE, why, wait_s, **options)


def _release(code: str, why: str, **options: Any) -> FailurePolicy:
    return FailurePolicy(code, Action.RELEASE, why, **options)


def _stop(code: str, why: str, **options: Any) -> FailurePolicy:
    return FailurePolicy(code, Action.STOP, why, **options)


POLICIES = (
    # The site
    _retry(
        "tmx.gone",
        GONE,
        "404: the site does not have the item; skipped if it says so twice. The first 404 for 20 items in a row:"
        " outage, for at most 2 min",
        attempts=2,
        at_limit=Action.SKIP,
        escalate_after=20,
    ),
    _retry("tmx.no_leaderboard", GONE, "404 for a leaderboard that had replays before; believed the second time"),
    _fail("tmx.bad_request", "400 with a reason: a bug in tmxdb, or a field that this site does not have"),
    _snooze(
        "tmx.throttled",
        10,
        "429, or 503 with Retry-After: all processes pause",
        halves_concurrency=True,
        max_snooze_s=DAY_S,
    ),
    _snooze(
        "tmx.outage",
        1,
        "no request succeeds: all processes pause 2 s, 4 s ... 60 s; after 15 min the run stops",
        max_snooze_s=DAY_S,
    ),
    _retry("tmx.connection", USUAL, "connection refused, reset or closed; 5 in a row: outage", escalate_after=5),
    _retry("tmx.unavailable", USUAL, "5xx; 50 in a row: outage", escalate_after=50, halves_concurrency=True),
    _retry("tmx.timeout", USUAL, "no complete response in time", escalate_after=20, halves_concurrency=True),
    _retry("tmx.forbidden", FORBIDDEN, "403; 5 in a row stop the run", escalate_after=5),
    _stop("tmx.refused", "403 several times in a row"),
    _stop("tmx.unreachable", "no request has ever succeeded, or none for 15 min"),
    _retry(
        "tmx.unexpected_file",
        USUAL,
        "a complete replay that is not as listed, and of no other known replay; the same file is kept the fifth time",
    ),
    _retry(
        "tmx.*",
        USUAL,
        "an unexpected response: a status such as 401, a web page, part of a file; 20 different rows in a row: outage",
        escalate_after=20,
    ),
    # Files
    _stop("gbx.no_pygbx", "`--gbx-reader pygbx`, and pygbx is not installed"),
    _retry(
        "gbx.not_gbx",
        USUAL,
        "a downloaded file is not GBX at all; 20 different rows in a row: outage",
        escalate_after=20,
        raised_as=InvalidResponse,
    ),
    _retry(
        "gbx.*",
        USUAL,
        "a downloaded file is unreadable; 50 different rows in a row: outage",
        attempts=3,
        escalate_after=50,
        raised_as=InvalidResponse,
    ),
    _fail("gbx.*", "a file on disk is unreadable"),
    _fail("local.missing", "the file of a local replay is missing, and no exchange has it"),
    _fail("local.no_map", "no replay of a local track contains its map, and no exchange has it"),
    # The game
    _snooze("game.unreachable", 30, "no game is running, or it exited before the race; the run has other work"),
    _release("game.waiting", "no game was running or free for 30 s: the capture waits for one again"),
    _stop("game.none_running", "no game is running, and `--no-wait` is given"),
    _snooze("game.autosave_busy", 15, "another game drives on a map of the same name"),
    _snooze("game.map_waits", 60, "the map did not start for another replay of its track"),
    _retry("game.*", GAME, "the game exited, does not respond, or did not do what it was asked"),
    _fail("capture.not_finished", "the run in the file did not finish"),
    _fail("capture.no_inputs", "the file contains no inputs"),
    _fail("capture.other_map", "the run was driven on another version of the map"),
    _fail("capture.settings", "the settings in the row are invalid"),
    _retry("capture.no_replay", MISSING, "the replay is not downloaded, or its file is missing"),
    _retry("capture.no_map", MISSING, "the map is not extracted yet"),
    _retry("capture.map_did_not_start", START, "the race did not start, twice", attempts=2),
    _retry("capture.wrong_map", START, "the race started on another map", attempts=2),
    _retry("capture.parked", DRIVE, "the car does not move although its script is loaded", attempts=3),
    _retry("capture.restarted", DRIVE, "the race was restarted or rewound repeatedly", attempts=3),
    _retry("capture.took_too_long", DRIVE, "the time limit for one replay", attempts=2),
    _stop("capture.damaged", "a folder of frames is incomplete: `tmxdb verify` names the files"),
    _stop("export.damaged", "a shard of an export was changed: delete it, then export again"),
    _retry("capture.*", GAME, "the race did not run as expected", raised_as=RetryLater),
    _fail("capture.*", "this replay cannot be driven again"),
    # This machine
    _retry("disk.swept", USUAL, "another program deleted the temporary file"),
    _retry("disk.in_use", USUAL, "Windows: another program has held the file open for 5 s"),
    _snooze("disk.locked", 10, "another process, which may be stopped, is about to publish a file of the same path"),
    _fail("disk.not_a_file", "a folder is in the place of the file, or a file in the place of its folder"),
    _stop("disk.*", "full, read-only, unreadable or failing"),
    _snooze(
        "db.busy", 2, "another program holds the database; after 2 min the run stops, unless that program is known"
    ),
    _snooze("db.deadlock", 1, "two programs waited for each other, until the server ended one transaction"),
    _snooze("db.changing", 2, "the database's id cannot be read in its file; after 5 s without it the run stops"),
    _snooze("db.unreachable", 2, "the server is away; after 2 min the run stops"),
    _stop("db.*", "missing, foreign, too old, too new, of another site, damaged, or this user is refused"),
    _stop("host.*", "out of memory, threads or open files"),
    # People and workers
    _stop("input.*", "invalid input from the user"),
    _skip("user.skipped", "`tmxdb skip`"),
    _release("user.released", "`tmxdb release`"),
    _stop("user.must_act", "the user must do something first"),
    _release("worker.stopping", "the worker is stopping"),
    _release("worker.paused", "`tmxdb pause`"),
    _release("worker.claim_lost", "another worker has the row now; its result counts"),
    _release(
        "worker.died",
        "the worker was killed or crashed; after 10 within an hour of each other the row fails",
        escalate_after=10,
    ),
    # All others
    _fail("demo.failed", "`tmxdb demo` did not find what it expected"),
    _fail("tmxdb.bug", "a bug in tmxdb; the traceback is in the row"),
    _retry("*", USUAL, "", raised_as=RetryLater),
    _stop("*", "", raised_as=UserActionRequired),
    _fail("*", ""),
)
"""All policies. The first one that matches applies."""


def policy_for(error: TmxdbError) -> FailurePolicy:
    """Return the policy for `error`."""
    return next(policy for policy in POLICIES if policy.matches(error.code) and isinstance(error, policy.raised_as))


@cache
def policy_for_code(code: str, *actions: Action) -> FailurePolicy:
    """Return the first policy for `code` with one of `actions` (default: any)."""
    return next(policy for policy in POLICIES if policy.matches(code) and (not actions or policy.action in actions))


def escalate_after(code: str) -> int:
    """Return how many errors with `code` in a row are treated as something worse."""
    limit = policy_for_code(code).escalate_after
    assert limit is not None, code
    return limit


def as_markdown() -> str:
    """Return the table for docs/reference/errors.md."""
    return "\n".join(_markdown_lines())


def _markdown_lines() -> Iterator[str]:
    yield "| code | row | first wait | growth | longest wait | attempts | in a row | halves | when |"
    yield "|" + " --- |" * 9
    for policy in POLICIES:
        yield " ".join(f"| {cell}".rstrip() for cell in _cells(policy)) + " |"


def _cells(policy: FailurePolicy) -> tuple[str, ...]:
    retries = policy.action is Action.RETRY
    snoozes = policy.action is Action.SNOOZE
    limit = f"{policy.attempts}" if policy.attempts else ""
    if policy.max_snooze_s is not None:
        limit = span(policy.max_snooze_s)
    when = policy.why
    if policy.raised_as is not TmxdbError:
        when = f"{when} ({policy.raised_as.__name__})".strip()
    return (
        "anything else" if policy.code == "*" else f"`{policy.code}`",
        policy.action.value,
        span(policy.first_s) if retries or snoozes else "",
        f"×{policy.growth:g}" if retries else "",
        span(policy.longest_s) if retries else "",
        limit,
        f"{policy.escalate_after}" if policy.escalate_after else "",
        "yes" if policy.halves_concurrency else "",
        when,
    )
