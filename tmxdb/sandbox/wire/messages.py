"""The request and the response as values; `manner` says how a response is to be put on the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import parse_qsl

AfterBody = Literal["keep", "close", "reset", "hang", "endless"]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes = b""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path

    def parameters(self) -> list[tuple[str, str]]:
        """Names in lower case: the site does not look at their case."""
        return [(name.lower(), value) for name, value in parse_qsl(self.query, keep_blank_values=True)]


@dataclass(frozen=True, slots=True)
class Manner:
    """How to send: the first `part` of the body over `over_s` seconds, and what then.

    Without `head` nothing is sent at all; `bare` sends the body without a head.
    """

    head: bool = True
    bare: bool = False
    part: float = 1.0
    over_s: float = 0.0
    then: AfterBody = "keep"

    @property
    def is_plain(self) -> bool:
        return self is PLAIN or self == PLAIN


PLAIN = Manner()


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    manner: Manner = PLAIN
    fault: str = ""

    def with_headers(self, **headers: str | None) -> Response:
        """Header names with `_` for `-`; None takes one away."""
        changed = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return replace(self, headers={name: value for name, value in changed.items() if value is not None})

    def head(self) -> bytes:
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Unknown"
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")

    def whole(self) -> bytes:
        return self.head() + self.body


def answer(status: int, body: bytes, content_type: str, **headers: str) -> Response:
    """A response with the length of its body in the head."""
    return Response(
        status, body, {"Content-Type": content_type, "Content-Length": str(len(body)), "Server": "sandbox"}
    ).with_headers(**headers)


def json_answer(value: Any, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Response:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate can not be sent as UTF-8; no name here has one, a broken query may.
    return answer(status, text.encode("utf-8", "replace"), content_type)


def html_answer(status: int, title: str) -> Response:
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n"
    page += "<p>This is the tmxdb sandbox, a stand-in for the exchange.</p></body></html>\n"
    return answer(status, page.encode(), "text/html; charset=utf-8")


def problem(detail: str, status: int = 400) -> Response:
    """The site's form for a refused request (seen with unknown fields)."""
    title = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}.get(status, "Error")
    value = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return json_answer(value, status, "application/problem+json; charset=utf-8")
