"""The exchanges by name. Base URLs: tmx-api fact sheet, section 1 (maniaapi-net `ManiaAPI.TMX/Tmx.cs`)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tmxdb.errors import WrongUsage

SITES = {
    "tmnf": "https://tmnf.exchange",
    "tmuf": "https://tmuf.exchange",
    "tmn": "https://nations.tm-exchange.com",
    "tms": "https://sunrise.tm-exchange.com",
    "tmo": "https://original.tm-exchange.com",
}
PUBLIC_RATE = 4.0
"""Requests a second that we allow ourselves on a site run by volunteers (fact sheet, section 6)."""


@dataclass(frozen=True, slots=True)
class Site:
    """An exchange: what the user called it, and where it is."""

    name: str
    base_url: str

    @property
    def is_loopback(self) -> bool:
        """A stand-in on this machine: no politeness needed."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def site(text: str) -> Site:
    """The site that the user means by a short name or a base URL. Raises WrongUsage for anything else."""
    name = text.strip().rstrip("/")
    if name.lower() in SITES:
        return Site(name.lower(), SITES[name.lower()])
    known = next((key for key, url in SITES.items() if url == name.lower()), None)
    if known:
        return Site(known, SITES[known])
    try:
        parts = urlsplit(name)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or parts.username:
        raise WrongUsage(
            f"{text!r} is no site. Use one of {', '.join(SITES)}, or a base URL such as http://127.0.0.1:8000.",
            code="input.site",
        )
    return Site(name, name)
