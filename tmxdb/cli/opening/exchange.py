"""Opening the exchange that the options name: which site, who is asking, and how fast."""

from __future__ import annotations

import threading

from tmxdb.cli.opening.database import close_at_end, open_database_if_any
from tmxdb.cli.opening.site import chosen_site, has_urls
from tmxdb.cli.options.database import DatabaseOptions, ExchangeOptions
from tmxdb.db import settings
from tmxdb.db.database import Database, shown
from tmxdb.errors import PermanentError, RetryLater, SiteUnreachable, Throttled, UsageError
from tmxdb.queue.rate_limiter import RateLimiter
from tmxdb.sync.retrying_client import in_background, result_of
from tmxdb.tmx.client import Exchange, user_agent
from tmxdb.tmx.http.settings import http_settings
from tmxdb.tmx.no_rate_limiter import NoRateLimiter
from tmxdb.tmx.sites import PUBLIC_RATE, Site

ATTEMPTS, PAUSE_S = 3, 0.5


def check_exchange(database_options: DatabaseOptions, options: ExchangeOptions, stop: threading.Event) -> None:
    """Check, before a database is created, that an exchange answers at the address and that we say who we are.

    Raise SiteUnreachable or UsageError while nothing is written yet, so that a mistyped address is not remembered.
    Raise WorkerStopping when `stop` is set, without waiting for the answer.
    """
    database = open_database_if_any(database_options)
    where, contact = site_and_contact(database_options, options, database)
    _require_contact(where, contact)
    if database is not None and _knows_its_site(database):
        return
    exchange = Exchange(where, contact=contact, rate_limiter=NoRateLimiter(), connections=1, http=http_settings())
    close_at_end(exchange.close)
    for attempt in range(ATTEMPTS):
        try:
            result_of(in_background(lambda: exchange.tracks({"count": 1})), stop)
            return
        except Throttled:
            return  # it is an exchange; the rate limiter will wait as long as it asks for
        except (RetryLater, PermanentError) as error:
            if attempt == ATTEMPTS - 1 or isinstance(error, PermanentError):
                raise SiteUnreachable(
                    f"{where.base_url} does not answer as an exchange does: {error}"
                    " Check the address (--site) and the connection; nothing was changed."
                ) from error
            stop.wait(PAUSE_S)


def open_exchange(
    database_options: DatabaseOptions,
    options: ExchangeOptions,
    database: Database,
    *,
    connections: int,
    stop: threading.Event,
    at_once: int | None = None,
) -> tuple[Exchange, float | None]:
    """Return the exchange behind its rate limiter, and the rate in requests per second (None: no limit).

    Site, contact and rate are remembered in the database. Raise DatabaseError for another site than the remembered one.
    """
    where, contact = site_and_contact(database_options, options, database)
    _require_contact(where, contact)
    user_agent(contact)  # before it is remembered: later commands would fail, too
    with database.write() as connection:
        settings.remember(connection, "site", where.name)
        if contact:
            settings.remember(connection, "contact", contact)
    rate = effective_rate(database, where, options.rate)
    limiter = RateLimiter(database, stop=stop)
    limiter.set_rate(rate)
    exchange = Exchange(
        where,
        contact=contact,
        rate_limiter=limiter,
        connections=connections,
        max_concurrent=at_once,
        http=http_settings(),
    )
    close_at_end(exchange.close)
    return exchange, rate


def open_unused_exchange(
    database_options: DatabaseOptions, options: ExchangeOptions, database: Database, stop: threading.Event
) -> Exchange:
    """Return an exchange to which no requests are sent: no contact is required and nothing is remembered."""
    where, contact = site_and_contact(database_options, options, database)
    exchange = Exchange(where, contact=contact, rate_limiter=RateLimiter(database, stop=stop), connections=1)
    close_at_end(exchange.close)
    return exchange


def remember_site_of_urls(database_options: DatabaseOptions, options: ExchangeOptions, database: Database) -> None:
    """Remember the site of the URLs that the user named, for a command that adds tracks without a request.

    Raise DatabaseError for another site than the remembered one.
    """
    where, _ = site_and_contact(database_options, options, database)
    if has_urls():
        with database.write() as connection:
            settings.remember(connection, "site", where.name)


def site_and_contact(
    database_options: DatabaseOptions, options: ExchangeOptions, database: Database | None
) -> tuple[Site, str | None]:
    """Return the site and the contact of this call: named, remembered or default. Nothing is remembered."""
    known = known_contact = None
    if database is not None:
        with database.read() as connection:
            known, known_contact = (settings.setting(connection, key) for key in ("site", "contact"))
    return chosen_site(options, shown=shown(database_options.location), known=known, known_contact=known_contact)


def effective_rate(database: Database | None, where: Site, rate: float | None) -> float | None:
    """Return the rate given with `--rate`, else the remembered one, else the site's default. None: no limit."""
    if rate is not None:
        return rate or None
    known, remembered = (False, None) if database is None else settings.remembered_rate(database)
    if known:
        return remembered
    return None if where.is_loopback else PUBLIC_RATE


def _require_contact(where: Site, contact: str | None) -> None:
    if not where.is_loopback and not contact:
        raise UsageError(
            f"{where.base_url} is run by volunteers: tell them how to reach you with --contact you@example.org"
            " (or a URL, or TMXDB_CONTACT). It is remembered in the database.",
            code="input.contact",
        )


def _knows_its_site(database: Database) -> bool:
    with database.read() as connection:
        return settings.setting(connection, "site") is not None
