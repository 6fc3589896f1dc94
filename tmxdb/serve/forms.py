"""Forms that change something: who may send them, and what they contain.

Three things protect against forms of other web sites: the cookie with the token is strict, the browser must say that a
page of this server sent the form, and the form contains a CSRF token that only these pages know.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.requests import Request

from tmxdb.errors import InvalidInput

PREFIX = "/actions/"
MAX_BYTES = 4096
FIELD = "csrf"
_TYPE = "application/x-www-form-urlencoded"


def csrf_token(token: str) -> str:
    """Return the CSRF token that forms contain. The token of the session cannot be computed from it."""
    return hmac.new(token.encode(), b"tmxdb forms", hashlib.sha256).hexdigest()


def is_sent_here(headers: Headers) -> bool:
    """Return whether a page of this server sent a form: same scheme, name and port."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:  # no browser of this decade
        return False
    if site is not None and site != "same-origin":
        return False
    return origin is None or origin == f"http://{headers.get('host', '')}"


async def read_form(request: Request, csrf_token: str) -> dict[str, str]:
    """Return the fields of a form. Raise InvalidInput if it is too large, of another type or without CSRF token."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise InvalidInput("This is not a form of these pages.", code="input.parameter")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise InvalidInput(f"The form has more than {MAX_BYTES:,} bytes.", code="input.parameter")
    fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))
    if not hmac.compare_digest(fields.pop(FIELD, "").encode(), csrf_token.encode()):
        raise InvalidInput(
            "The form is of an older page. Go back, reload it, and send it again.", code="input.parameter"
        )
    return {name: value.strip() for name, value in fields.items()}
