"""The exchanges by name. Addresses: docs/facts/tmx-api.md#sites."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tmxdb.errors import UsageError

SITES = {
    "tmnf": "https://tmnf.exchange",
    "tmuf": "https://tmuf.exchange",
    "tmn": "https://nations.tm-exchange.com",
    "tms": "https://sunrise.tm-exchange.com",
    "tmo": "https://original.tm-exchange.com",
}
_DEFAULT_PORTS = {("http", 80), ("https", 443)}
PUBLIC_RATE = 4.0
"""Default requests per second to a site run by volunteers (docs/facts/tmx-api.md#rate-limits)."""


@dataclass(frozen=True, slots=True)
class Site:
    """An exchange: the name the user chose, and its address."""

    name: str
    base_url: str

    @property
    def is_loopback(self) -> bool:
        """Whether it is a stand-in on this machine, which needs neither a rate limit nor a contact."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    def is_at(self, base_url: str) -> bool:
        """Return whether `base_url` is an address of this site: http or https, 127.0.0.1 or localhost."""
        return _address(self) == _address(site(base_url))


def _address(where: Site) -> tuple[str, int | None, str]:
    parts = urlsplit(where.base_url)
    port = None if (parts.scheme, parts.port) in _DEFAULT_PORTS else parts.port
    return "localhost" if where.is_loopback else parts.hostname or "", port, parts.path.rstrip("/")


def site(text: str) -> Site:
    """Return the site for a short name or a base URL. Raise UsageError for anything else."""
    name = text.strip().rstrip("/")
    if name.lower() in SITES:
        return Site(name.lower(), SITES[name.lower()])
    known = next((key for key, url in SITES.items() if url == name.lower()), None)
    if known:
        return Site(known, SITES[known])
    url = _ascii_url(name)
    if url is None:
        raise UsageError(
            f"Unknown site {text!r}. Use one of {', '.join(SITES)}, or a base URL such as http://127.0.0.1:8000.",
            code="input.site",
        )
    return Site(url, url)


def _ascii_url(text: str) -> str | None:
    """Return the base URL `text` as it is sent: host names in IDNA, other letters percent-encoded. None if unusable."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if not usable or not text.isprintable() or " " in text or parts.query or parts.fragment or parts.username:
            return None
        if text.isascii():
            return text
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except (ValueError, UnicodeError):
        return None
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{quote(parts.path, safe='/%')}"
