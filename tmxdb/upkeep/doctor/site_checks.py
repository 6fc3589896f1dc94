"""Checks of the exchange: certificates and proxies, whether it answers, and whether it asked for a pause."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from tmxdb.clock import iso, span
from tmxdb.errors import InvalidInput, Throttled, TmxdbError
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.http.settings import http_settings, without_password
from tmxdb.tmx.no_rate_limiter import NoRateLimiter
from tmxdb.tmx.sites import Site
from tmxdb.upkeep.doctor.finding import NOTE, OK, PROBLEM, WARNING, DoctorFinding, Examined

MAX_CLOCK_ERROR_S = 60.0


def certificates(examined: Examined) -> Iterator[DoctorFinding]:
    """Check the certificates and proxies of the environment."""
    environment = dict(examined.environment) or os.environ
    try:
        http = http_settings(environment)
    except InvalidInput as error:
        variable = str(error).partition(" ")[0]  # each of these messages begins with it
        if error.code == "input.proxy" and variable.lower() in environment:  # read before that in capitals
            variable = variable.lower()
        yield DoctorFinding(PROBLEM, str(error), f"unset {variable}, or correct it")
        return
    source = http.certificates or "those of certifi"
    proxies = {without_password(proxy) for proxy in http.proxies.values()}
    yield DoctorFinding(OK, f"trusted certificates: {source}; proxy: {', '.join(sorted(proxies)) or 'none'}")


def site(examined: Examined) -> Iterator[DoctorFinding]:
    """Send one request and check that an exchange answers, and that the clocks agree."""
    where = examined.site
    if where is None:
        yield DoctorFinding(NOTE, "not asked")
        return
    if not where.is_loopback and not examined.contact:
        found = f"{where.base_url} is run by volunteers, who must be able to reach you: no contact is set"
        yield DoctorFinding(PROBLEM, found, "tmxdb --contact you@example.org run")
        return
    exchange = Exchange(
        where, contact=examined.contact, rate_limiter=NoRateLimiter(), connections=1, http=http_settings()
    )
    try:
        site_s = exchange.probe()
    except Throttled:
        yield DoctorFinding(WARNING, f"{where.base_url} asks to slow down", "tmxdb status")
        return
    except TmxdbError as error:
        yield DoctorFinding(PROBLEM, f"{where.base_url} does not answer as an exchange does: {error}", _look_at(where))
        return
    finally:
        exchange.close()
    yield DoctorFinding(OK, f"{where.base_url} answers")
    if site_s is not None:
        yield from clock_against(site_s, examined.now_ms / 1000, where.base_url)


def _look_at(site: Site) -> str:
    """Return what shows whether the site is away or this machine cannot reach it."""
    if site.is_loopback:
        return f"tmxdb sandbox --port {urlsplit(site.base_url).port or 80}"
    return f"open {site.base_url} in a browser: if it answers there, check the proxy; if not, wait, or correct --site"


def clock_against(other_s: float, here_s: float, whose: str) -> Iterator[DoctorFinding]:
    """Compare the clock of this machine with another one. Times that people type rest on it."""
    ahead_s = here_s - other_s
    if abs(ahead_s) > MAX_CLOCK_ERROR_S:
        found = f"the clock is {span(abs(ahead_s))} {'ahead of' if ahead_s > 0 else 'behind'} that of {whose}"
        yield DoctorFinding(WARNING, f"{found}; set it by a time server", "timedatectl set-ntp true")


def pause(examined: Examined) -> Iterator[DoctorFinding]:
    """Report a pause that the site asked for."""
    if examined.database is None:
        return
    row = examined.database.row("SELECT paused_until_ms, reason FROM rate_limit WHERE id = 1")
    now_ms = examined.database.now_ms()
    if row is not None and row["paused_until_ms"] > now_ms:
        left = span((row["paused_until_ms"] - now_ms) / 1000)
        until = iso(row["paused_until_ms"])[:19]
        yield DoctorFinding(NOTE, f"all workers pause for {left}, until {until} UTC: {row['reason']}", "tmxdb status")
