"""What becomes of a row whose job did not end well: the one table of it, by error code.

Whoever treats an error looks here: `queue/crew.py` makes outcomes of what jobs raise, `queue/backoff.py` takes the
waits, `tmx/verdict.py` when enough is enough, `sync/patience.py` how long a sync asks on. A new code needs a line
here unless its family (`game.*`) has one; docs/errors.md shows the same table, and tests hold the three together.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from tmxdb.errors import TmxdbError, TryLater, UserMustAct, WrongBody


class Then(Enum):
    """What is done with the row."""

    SKIP = "skipped"
    FAIL = "failed"
    RETRY = "tried again"
    WAIT = "waits, uncharged"
    BACK = "given back"
    STOP = "the run stops"


@dataclass(frozen=True, slots=True)
class Rule:
    """For `code` (or all that begin like `game.*`), raised as `raised_as`: what then.

    A row that is tried again waits `first_s` seconds, then `growth` times as long with each attempt, up to
    `longest_s`; never less than the other side asked for. Every such attempt is charged; it has failed after
    `attempts`, or after --max-attempts if that is less. One that waits uncharged waits as long as the other side asked
    for, else `first_s`; after `free` such waits it is charged as if tried again: no row may hold up others for ever.
    `in_a_row`: so often without a good answer in between, and it is taken for worse. `narrows`: it
    halves how many requests a process has on their way at once (`tmx/width.py`).
    """

    code: str
    then: Then
    why: str
    first_s: float = 0.0
    growth: float = 1.0
    longest_s: float = 0.0
    attempts: int | None = None
    free: int = 100
    in_a_row: int | None = None
    narrows: bool = False
    raised_as: type[TmxdbError] = TmxdbError

    def is_for(self, code: str) -> bool:
        """Whether `code` is this rule's."""
        return code == self.code or (self.code.endswith("*") and code.startswith(self.code[:-1]))


SKIP, FAIL, RETRY, WAIT, BACK, STOP = Then
ALWAYS = 10**6
"""Free waits of what holds up nobody."""

# fmt: off
RULES = (  # The first one that fits counts.
    # The site
    Rule("tmx.gone",         SKIP,  "404: the site does not have it"),
    Rule("tmx.bad_request",  FAIL,  "400 and its like: a bug in tmxdb, or a field that this site does not have"),
    Rule("tmx.throttled",    WAIT,  "429, or 503 with Retry-After: all processes pause as long as it asks for", 10,
                                    narrows=True),
    Rule("tmx.outage",       WAIT,  "nothing gets through: all processes pause, 2 s, 4 s … 60 s; after 15 min the run"
                                    " stops", 1),
    Rule("tmx.connection",   RETRY, "refused, reset, broken off; 5 in a row are an outage", 2, 3, 3600, in_a_row=5),
    Rule("tmx.unavailable",  RETRY, "5xx; 50 in a row are an outage", 2, 3, 3600, in_a_row=50, narrows=True),
    Rule("tmx.timeout",      RETRY, "no answer, or no whole answer, in time", 2, 3, 3600, narrows=True),
    Rule("tmx.forbidden",    RETRY, "403; 5 in a row stop the run", 10, 4, 3600, in_a_row=5),
    Rule("tmx.refused",      STOP,  "403 again and again"),
    Rule("tmx.unreachable",  STOP,  "no request has ever got through, or none for 15 min"),
    Rule("tmx.*",            RETRY, "200, but not what was asked for: a web page, half a file, another file …",
                                    2, 3, 3600),
    # Files
    Rule("gbx.no_pygbx",     STOP,  "--gbx-reader pygbx, and it is not installed"),
    Rule("gbx.*",            RETRY, "a file that was just fetched can not be read: it may be whole next time",
                                    2, 3, 3600, attempts=3, raised_as=WrongBody),
    Rule("gbx.*",            FAIL,  "a file that lies here can not be read"),
    # The game
    Rule("game.unreachable", WAIT,  "nothing listens on the port of a game that is not ours to start", 30,
                                    free=ALWAYS),
    Rule("game.autosave_busy", WAIT, "another game drives on a map of the same name", 15,
                                    free=ALWAYS),
    Rule("game.none_free",   WAIT,  "all games are in use", 5, free=ALWAYS),
    Rule("game.*",           RETRY, "the game is gone, silent, or did not do what it was told", 5, 2, 300),
    Rule("capture.not_finished", FAIL, "the run in the file was not finished"),
    Rule("capture.no_inputs", FAIL, "no inputs are stored in the file"),
    Rule("capture.other_map", FAIL, "driven on another version of the map than the one that is there"),
    Rule("capture.settings", FAIL,  "the settings in the row are none"),
    Rule("capture.no_replay", RETRY, "the replay is not downloaded, or its file is gone", 60, 4, 3600),
    Rule("capture.no_map",   RETRY, "the map is not there yet", 60, 4, 3600),
    Rule("capture.map_did_not_start", RETRY, "no step came, twice: not in the game's folder, or an endless intro",
                                    60, 2, 600, attempts=2),
    Rule("capture.wrong_map", RETRY, "the race that began is on another map", 60, 2, 600, attempts=2),
    Rule("capture.parked",   RETRY, "the car does not drive although its script is loaded", 30, 2, 600, attempts=3),
    Rule("capture.restarted", RETRY, "somebody restarts or rewinds the race again and again", 30, 2, 600, attempts=3),
    Rule("capture.took_too_long", RETRY, "the limit of time for one replay", 30, 2, 600, attempts=2),
    Rule("capture.damaged",  STOP,  "a folder of frames is not as it was captured: `tmxdb verify --mend`"),
    Rule("export.damaged",   STOP,  "a shard of an export is not as it was written: delete it, and export again"),
    Rule("capture.*",        RETRY, "the race did not go as it should", 5, 2, 300, raised_as=TryLater),
    Rule("capture.*",        FAIL,  "this replay can not be driven again"),
    # This machine
    Rule("disk.swept",       RETRY, "somebody took away the half-written file", 2, 3, 3600),
    Rule("disk.*",           STOP,  "full, read-only or broken"),
    Rule("db.busy",          WAIT,  "another program holds the database; after 2 min the run stops", 2, free=ALWAYS),
    Rule("db.unreachable",   WAIT,  "the server is away; after 2 min the run stops", 2, free=ALWAYS),
    Rule("db.*",             STOP,  "missing, foreign, too old, too new, of another site, damaged"),
    # People and workers
    Rule("input.*",          STOP,  "something that the user gave can not be used"),
    Rule("user.skipped",     SKIP,  "`tmxdb skip`"),
    Rule("user.released",    BACK,  "`tmxdb release`"),
    Rule("user.must_act",    STOP,  "somebody has to do something first"),
    Rule("worker.stopping",  BACK,  "the worker was told to stop"),
    Rule("worker.paused",    BACK,  "`tmxdb pause`"),
    Rule("worker.died",      BACK,  "its worker was killed or crashed; after 10 in a row it has failed", in_a_row=10),
    # The rest
    Rule("demo.failed",      FAIL,  "`tmxdb demo` did not find what it should"),
    Rule("tmxdb.bug",        FAIL,  "a bug in tmxdb; the traceback is in the row"),
    Rule("*",                RETRY, "", 2, 3, 3600, raised_as=TryLater),
    Rule("*",                STOP,  "", raised_as=UserMustAct),
    Rule("*",                FAIL,  ""),
)
# fmt: on


def rule_for(error: TmxdbError) -> Rule:
    """What is to be done about `error`."""
    return next(rule for rule in RULES if rule.is_for(error.code) and isinstance(error, rule.raised_as))


@cache
def rule_of(code: str, *thens: Then) -> Rule:
    """The first rule for `code` that says one of `thens` (any, if none is given)."""
    return next(rule for rule in RULES if rule.is_for(code) and (not thens or rule.then in thens))


def in_a_row(code: str) -> int:
    """How often `code` may come without a good answer in between."""
    limit = rule_of(code).in_a_row
    assert limit is not None, code
    return limit
