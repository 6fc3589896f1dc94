"""Requests and responses as values. `Response.delivery` says how to send a response, correctly or not."""

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
        """Return the query parameters with lower-case names: the site ignores their case."""
        return [(name.lower(), value) for name, value in parse_qsl(self.query, keep_blank_values=True)]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How to send a response: the first `body_share` of the body over `duration_s` seconds, followed by `then`.

    Nothing is sent if `sends` is false; `omits_head` sends the body without status line and headers.
    """

    sends: bool = True
    omits_head: bool = False
    body_share: float = 1.0
    duration_s: float = 0.0
    then: AfterBody = "keep"

    @property
    def is_normal(self) -> bool:
        return self is NORMAL or self == NORMAL


NORMAL = Delivery()


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    delivery: Delivery = NORMAL
    fault: str = ""

    def with_headers(self, **headers: str | None) -> Response:
        """Return a copy with these headers. Names have `_` for `-`; None removes a header."""
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

    def to_bytes(self) -> bytes:
        return self.head() + self.body


def make_response(status: int, body: bytes, content_type: str, **headers: str) -> Response:
    """Return a response with Content-Type, Content-Length and the given headers."""
    return Response(
        status, body, {"Content-Type": content_type, "Content-Length": str(len(body)), "Server": "sandbox"}
    ).with_headers(**headers)


def json_response(value: Any, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Response:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate, possible in an invalid query, cannot be encoded as UTF-8.
    return make_response(status, text.encode("utf-8", "replace"), content_type)


def html_response(status: int, title: str) -> Response:
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n<body><h1>{title}</h1>\n"
    page += "<p>This is the tmxdb sandbox, a stand-in for the exchange.</p></body></html>\n"
    return make_response(status, page.encode(), "text/html; charset=utf-8")


def problem_response(detail: str, status: int = 400) -> Response:
    """Return a problem+json response, as the site does for unknown fields."""
    title = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}.get(status, "Error")
    value = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return json_response(value, status, "application/problem+json; charset=utf-8")
