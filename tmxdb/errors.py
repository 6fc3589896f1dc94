"""Everything tmxdb raises on purpose, sorted by what can be done about it.

    TmxdbError
    ├── TryLater      may pass by itself: the row waits and is tried again
    │   ├── Throttled     tmx.throttled    429, or 503 with Retry-After: everybody waits, nobody is charged
    │   ├── SiteTrouble   tmx.unavailable  5xx
    │   │                 tmx.timeout      no answer, or no whole answer, in time
    │   │                 tmx.connection   refused, reset, broken off
    │   ├── Outage        tmx.outage       not one request gets through: everybody waits, nobody is charged
    │   ├── WrongBody     tmx.html, tmx.cut, gbx.* …  200, but not the thing that was asked for
    │   └── GameTrouble   game.*           the game did not do what it was told; it is reached again, or restarted
    │       ├── GameGone      game.gone        the link to it is broken
    │       └── GameSilent    game.silent      it says nothing any more
    ├── NeverAgain    will not get better by itself
    │   ├── Gone          tmx.gone         404
    │   ├── BadRequest    tmx.bad_request  400: a bug in tmxdb or a field this site does not have
    │   └── GbxError      gbx.*            these bytes can not be read
    └── UserMustAct   stops the run: somebody has to do something first
        ├── DatabaseTrouble  db.missing, db.foreign, db.older, db.newer, db.other_site, db.busy …
        ├── DiskTrouble      disk.full, disk.read_only, disk.failed
        ├── SiteRefuses      tmx.refused   403 again and again
        ├── SiteUnreachable  tmx.unreachable  no request has ever got through, or none for a long time
        └── BadInput         input.*       a file, an ID or an SQL text from the user
            └── WrongUsage   input.*       an option's value that can not mean anything

A message says what happened, to which item and what to do. `code` is short and never changes its
meaning: it lands in the row, so that `group by error_code` is a useful query. Whatever is not one of
these is a bug; a worker records it as `tmxdb.bug` with its traceback. What then becomes of the row: `retrying.py`.
"""

from __future__ import annotations


class TmxdbError(Exception):
    """A failure with a sentence for a person and a stable `code` for a query."""

    code = "tmxdb.bug"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.message


class TryLater(TmxdbError):
    """May pass by itself. `retry_after_s`: how long the other side asked us to wait, if it did."""

    code = "tmx.unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Throttled(TryLater):
    """The site asked us to slow down; the pause is for every worker of the database."""

    code = "tmx.throttled"


class SiteTrouble(TryLater):
    """The site did not answer, or answered that it can not serve now."""


class WrongBody(TryLater):
    """Status 200, but the body is not what was asked for (the site may serve it rightly next time)."""

    code = "tmx.wrong_body"


class GameTrouble(TryLater):
    """The game did not do what it was told, or not in time."""

    code = "game.trouble"


class GameGone(GameTrouble):
    """The link to the game is broken: refused, closed, reset, or what came makes no sense."""

    code = "game.gone"


class GameSilent(GameTrouble):
    """The game is there but says nothing within the time it has."""

    code = "game.silent"


class NeverAgain(TmxdbError):
    """Will not get better by itself."""


class Outage(TryLater):
    """The site can not be reached at all: everybody waits, and no row is charged for it."""

    code = "tmx.outage"


class Gone(NeverAgain):
    """The site does not have it (any more)."""

    code = "tmx.gone"


class BadRequest(NeverAgain):
    """The site says that the request itself is wrong."""

    code = "tmx.bad_request"


class GbxError(NeverAgain):
    """These bytes can not be read as what was asked for.

    `code` is one of `gbx.not_gbx`, `gbx.truncated`, `gbx.unsupported`, `gbx.too_large`, `gbx.wrong_class`,
    `gbx.corrupt`, `gbx.no_map`, `gbx.lzo`. `offset` is the byte in the file, or in the unpacked body when
    `in_body`, at which reading stopped; None if no byte is to blame.
    """

    code = "gbx.corrupt"

    def __init__(self, code: str, message: str, offset: int | None = None, *, in_body: bool = False) -> None:
        where = "" if offset is None else f"{'body ' if in_body else ''}byte {offset:#x}: "
        super().__init__(where + message, code=code)
        self.offset = offset
        self.in_body = in_body

    def __reduce__(self) -> tuple[object, ...]:  # parsed in other processes too: must survive pickling
        return _rebuild_gbx_error, (self.code, self.message, self.offset, self.in_body)


def _rebuild_gbx_error(code: str, message: str, offset: int | None, in_body: bool) -> GbxError:
    error = GbxError(code, "", None)
    error.message, error.offset, error.in_body, error.args = message, offset, in_body, (message,)
    return error


class UserMustAct(TmxdbError):
    """Nothing can go on before somebody does something. Stops the whole run; charges no attempt."""

    code = "user.must_act"


class DatabaseTrouble(UserMustAct):
    """The database is missing, foreign, too old, too new, of another site, or out of reach."""

    code = "db.trouble"


class DiskTrouble(UserMustAct):
    """The disk is full, read-only or broken."""

    code = "disk.failed"


class SiteRefuses(UserMustAct):
    """The site forbids (403) what we ask, again and again."""

    code = "tmx.refused"


class SiteUnreachable(UserMustAct):
    """No request has got through since the start, or for a long time."""

    code = "tmx.unreachable"


class BadInput(UserMustAct):
    """Something the user gave can not be used: an ID file, a path, an SQL text."""

    code = "input.bad"


class WrongUsage(BadInput):
    """An option's value that can not mean anything; the command ends with status 2."""

    code = "input.usage"
