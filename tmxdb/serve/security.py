"""What every request must pass, and the headers of every response.

The pages only read, unless actions are allowed (see `tmxdb.serve.forms`). The dangers are: other machines, other web
sites that the same browser shows (DNS rebinding, frames, reading responses, sending forms), text from the exchange that
would run as a script, and requests that cost too much.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tmxdb.serve.forms import PREFIX, is_sent_here

MAX_TARGET_BYTES = 12_000
"""Room for a statement of MAX_SQL characters in the address, where most of them may take three bytes."""
MAX_PARAMETERS = 40
COOKIE = "tmxdb_token"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guard:
    """Check each request before any page sees it, and add the headers to each response.

    Without a token only requests to a loopback name are answered, because a name of another web site may resolve to
    this machine. With one, every request needs it: as `?token=` once, then as a cookie. `allows_actions`: forms may
    be sent, too; that needs a token.
    """

    def __init__(self, app: ASGIApp, *, token: str | None = None, allows_actions: bool = False) -> None:
        self.app, self._token = app, token
        self._allows_actions = allows_actions and token is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, send_with_headers)
            return
        await self.app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return why a request is not answered; None if it is."""
        headers = Headers(scope=scope)
        query = scope["query_string"].decode("latin-1")
        is_form = self._allows_actions and scope["method"] == "POST" and scope["path"].startswith(PREFIX)
        if scope["method"] not in ("GET", "HEAD") and not is_form:
            return _refused(405, "These pages only read: GET and HEAD.", {"Allow": "GET, HEAD"})
        if is_form and not is_sent_here(headers):
            return _refused(403, "Only the pages of this server may send this form.")
        if len(scope.get("raw_path") or b"") + len(query) > MAX_TARGET_BYTES:
            return _refused(414, f"The address is longer than {MAX_TARGET_BYTES:,} bytes.")
        if query.count("&") >= MAX_PARAMETERS:
            return _refused(400, f"More than {MAX_PARAMETERS} parameters.")
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return _refused(403, "Another web site must not read these pages.")
        if self._token is None:
            if not is_loopback(_name_of(headers.get("host", ""))):
                return _refused(421, "Open this page as http://127.0.0.1 or http://localhost.")
            return None
        return self._without_token(scope, headers, query)

    def _without_token(self, scope: Scope, headers: Headers, query: str) -> Response | None:
        """Return the answer to a request that does not bring the token as a cookie."""
        if self._is_token(_cookie(headers, _cookie_name(headers))):
            return None
        if scope["method"] == "POST":
            return _refused(401, "Open the address with ?token=… that `tmxdb serve` printed.")
        pairs = parse_qsl(query, keep_blank_values=True)
        if not any(name == "token" and self._is_token(value) for name, value in pairs):
            return _refused(401, "Open the address with ?token=… that `tmxdb serve` printed.")
        rest = urlencode([(name, value) for name, value in pairs if name != "token"])
        # The path begins with one slash: `//host` would lead to another machine.
        answer = RedirectResponse("/" + scope["path"].lstrip("/\\") + (f"?{rest}" if rest else ""), 303)
        answer.set_cookie(_cookie_name(headers), str(self._token), httponly=True, samesite="strict")
        return answer

    def _is_token(self, text: str | None) -> bool:
        return text is not None and hmac.compare_digest(text.encode(), str(self._token).encode())


def _name_of(host: str) -> str:
    """Return the name in a Host header, without the port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _cookie_name(headers: Headers) -> str:
    """Return the name of the cookie, with the port: browsers send cookies to all ports, and each may be a mirror."""
    port = headers.get("host", "").rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def _cookie(headers: Headers, name: str) -> str | None:
    """Return the value of a cookie. Other programs on this host may have set cookies of any form."""
    return cookie_parser(headers.get("cookie", "")).get(name)


def _refused(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(sentence + "\n", status, headers=headers)
