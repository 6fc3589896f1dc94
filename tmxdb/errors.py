"""The exceptions that tmxdb raises on purpose, grouped by what can be done about them.

    TmxdbError
    ├── RetryLater             may succeed later: the row is tried again
    │   ├── Throttled          tmx.throttled    429, or 503 with Retry-After: every worker pauses, no row is charged
    │   ├── SiteError          tmx.unavailable  5xx
    │   │                      tmx.timeout      no complete answer in time
    │   │                      tmx.connection   refused, reset or broken off
    │   │                      tmx.forbidden    403
    │   ├── SiteOutage         tmx.outage       every request fails: every worker pauses, no row is charged
    │   ├── InvalidResponse    tmx.html, tmx.cut, gbx.* …  status 200, but not what was requested
    │   └── GameError          game.*           the game did not do what it was sent; reconnect or restart it
    │       ├── GameExited     game.gone        the connection to the game is broken
    │       └── GameTimeout    game.silent      the game does not answer
    ├── PermanentError         retrying does not help
    │   ├── ItemGone           tmx.gone         404
    │   ├── BadRequest         tmx.bad_request  400: a bug in tmxdb, or a field that this site does not have
    │   ├── GbxError           gbx.*            these bytes cannot be read
    │   └──                    disk.not_a_file  something else is in the place of a file
    └── UserActionRequired     stops the run until a person has done something
        ├── ResourcesExhausted host.*           this machine has no memory, threads or file descriptors left
        ├── DatabaseError      db.missing, db.foreign, db.older, db.newer, db.other_site, db.busy …
        ├── DiskError          disk.full, disk.read_only, disk.unreadable, disk.failed
        ├── SiteRefused        tmx.refused      403 several times in a row
        ├── SiteUnreachable    tmx.unreachable  no request has ever succeeded, or none for a long time
        └── InvalidInput       input.*          a file, an ID or an SQL text from the user
            └── UsageError     input.*          an option with a meaningless value

A message says what happened, to which item, and what to do now. `code` is short and never changes its meaning: it is
stored in the row, so that `group by error_code` is a useful query. Any other exception is a bug; a worker stores it as
`tmxdb.bug` with its traceback. `failure_policy.py` says what each code does to a row.
"""

from __future__ import annotations


class TmxdbError(Exception):
    """A failure with a message for people and a stable `code` for queries."""

    code = "tmxdb.bug"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.message


class RetryLater(TmxdbError):
    """A failure that may pass without any action.

    `retry_after_s` is how many seconds the site asked us to wait; None if it did not say.
    """

    code = "tmx.unavailable"

    def __init__(self, message: str, *, code: str | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Throttled(RetryLater):
    """The site asked us to slow down. The pause applies to every worker of the database."""

    code = "tmx.throttled"


class SiteError(RetryLater):
    """The site did not answer, or answered that it cannot serve the request now."""


class SiteOutage(RetryLater):
    """Every request to the site fails. All workers pause, and no row is charged an attempt."""

    code = "tmx.outage"


class InvalidResponse(RetryLater):
    """A response with status 200 whose body is not what was requested. A later response may be right.

    `digest`: the SHA-256 of the body, if another response with the same bytes means that the file itself is bad.
    """

    code = "tmx.wrong_body"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        retry_after_s: float | None = None,
        digest: str | None = None,
    ) -> None:
        super().__init__(message, code=code, retry_after_s=retry_after_s)
        self.digest = digest


class GameError(RetryLater):
    """The game did not do what it was sent, or not in time."""

    code = "game.trouble"


class GameExited(GameError):
    """The connection to the game was refused, closed or reset, or carried unreadable data."""

    code = "game.gone"


class GameTimeout(GameError):
    """The game is connected but did not answer in time."""

    code = "game.silent"


class PermanentError(TmxdbError):
    """A failure that retrying cannot fix."""


class ItemGone(PermanentError):
    """The site does not have the item, or no longer has it."""

    code = "tmx.gone"


class BadRequest(PermanentError):
    """The site says that the request itself is wrong."""

    code = "tmx.bad_request"


class GbxError(PermanentError):
    """These bytes cannot be read as a GBX file of the expected kind.

    `code` is one of `gbx.not_gbx`, `gbx.truncated`, `gbx.unsupported`, `gbx.too_large`, `gbx.wrong_class`,
    `gbx.corrupt`, `gbx.no_map`, `gbx.lzo`. `offset` is the byte at which reading stopped, in the file or, with
    `in_body`, in the unpacked body; None if the failure has no position.
    """

    code = "gbx.corrupt"

    def __init__(self, code: str, message: str, offset: int | None = None, *, in_body: bool = False) -> None:
        where = "" if offset is None else f"{'body ' if in_body else ''}byte {offset:#x}: "
        super().__init__(where + message, code=code)
        self.offset = offset
        self.in_body = in_body

    def __reduce__(self) -> tuple[object, ...]:  # files are parsed in other processes too, so it must be picklable
        return _rebuild_gbx_error, (self.code, self.message, self.offset, self.in_body)


def _rebuild_gbx_error(code: str, message: str, offset: int | None, in_body: bool) -> GbxError:
    error = GbxError(code, "", None)
    error.message, error.offset, error.in_body, error.args = message, offset, in_body, (message,)
    return error


class UserActionRequired(TmxdbError):
    """A failure that stops the whole run until a person has done something. No row is charged an attempt."""

    code = "user.must_act"


class ResourcesExhausted(UserActionRequired):
    """This machine has no memory, threads or file descriptors left for the run."""

    code = "host.exhausted"


class DatabaseError(UserActionRequired):
    """The database is missing, foreign, too old, too new, of another site, or unreachable."""

    code = "db.trouble"


class DiskError(UserActionRequired):
    """The disk is full, read-only or broken, or a file cannot be read or written for another reason."""

    code = "disk.failed"


class SiteRefused(UserActionRequired):
    """The site answered 403 several times in a row."""

    code = "tmx.refused"


class SiteUnreachable(UserActionRequired):
    """No request has succeeded since the start, or for a long time."""

    code = "tmx.unreachable"


class InvalidInput(UserActionRequired):
    """Input from the user that cannot be used: an ID file, a path, an SQL text."""

    code = "input.bad"


class UsageError(InvalidInput):
    """An option with a meaningless value. The command ends with exit status 2."""

    code = "input.usage"
