"""From options to the exchange: which site, who is asking, and how fast."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tmxdb.cli.context import Options, close_at_the_end, database_if_any
from tmxdb.db import settings
from tmxdb.db.engine import Database, shown
from tmxdb.errors import DatabaseTrouble, NeverAgain, SiteUnreachable, Throttled, TryLater, WrongUsage
from tmxdb.queue.politeness import Gate
from tmxdb.sync.patience import Coming
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.sites import PUBLIC_RATE, Site, site

HELLOS, BETWEEN_HELLOS_S = 3, 0.5


def greet(chosen: Options, stop: threading.Event) -> None:
    """Before a database is made: is there an exchange at that address, and do we say who we are?

    Raises SiteUnreachable or WrongUsage while nothing is written yet: a mistyped address must not be remembered.
    Raises GivenBack when told to `stop`, without waiting for the answer.
    """
    database = database_if_any(chosen)
    where, contact = site_and_contact(chosen, database)
    _must_be_introduced(where, contact)
    if database is not None and _is_settled(database):
        return
    exchange = Exchange(where, contact=contact, gate=_OpenDoor(), connections=1)
    close_at_the_end(exchange.close)
    for hello in range(HELLOS):
        try:
            Coming(lambda: exchange.tracks({"count": 1}), stop).result()
            return
        except Throttled:
            return  # it is an exchange; the gate will wait as long as it asks
        except (TryLater, NeverAgain) as error:
            if hello == HELLOS - 1 or isinstance(error, NeverAgain):
                raise SiteUnreachable(
                    f"{where.base_url} does not answer as an exchange does: {error}"
                    " Check the address (--site) and the connection; nothing was changed."
                ) from error
            stop.wait(BETWEEN_HELLOS_S)


def open_exchange(
    chosen: Options,
    database: Database,
    *,
    connections: int,
    rate: float | None,
    stop: threading.Event,
    at_once: int | None = None,
) -> tuple[Exchange, float | None]:
    """The exchange behind its gate, and the rate in requests a second that is kept (None: none).

    Site, contact and rate are remembered in the database; another site than the remembered one is refused.
    """
    where, contact = site_and_contact(chosen, database)
    _must_be_introduced(where, contact)
    with database.write() as connection:
        settings.remember(connection, "site", where.name)
        if contact:
            settings.remember(connection, "contact", contact)
    kept = rate_kept(database, where, rate)
    gate = Gate(database, stop=stop)
    gate.set_rate(kept)
    exchange = Exchange(where, contact=contact, gate=gate, connections=connections, at_once=at_once)
    close_at_the_end(exchange.close)
    return exchange, kept


def unasked_exchange(chosen: Options, database: Database, stop: threading.Event) -> Exchange:
    """The exchange for kinds that ask it nothing: nobody has to be introduced, and nothing is remembered."""
    where, contact = site_and_contact(chosen, database)
    exchange = Exchange(where, contact=contact, gate=Gate(database, stop=stop), connections=1)
    close_at_the_end(exchange.close)
    return exchange


def site_and_contact(chosen: Options, database: Database | None) -> tuple[Site, str | None]:
    """The site and the contact that hold for this call; nothing is remembered."""
    known = known_contact = None
    if database is not None:
        with database.read() as connection:
            known, known_contact = (settings.setting(connection, key) for key in ("site", "contact"))
    where = site(chosen.site or known or "tmnf")
    if known is not None and where.base_url != site(known).base_url:
        raise DatabaseTrouble(
            f"{shown(chosen.location)} is a database of {known}, not of {where.name}: ids of two sites would mix."
            " Use another database with --db.",
            code="db.other_site",
        )
    return where, chosen.contact or known_contact


def rate_kept(database: Database | None, where: Site, wanted: float | None) -> float | None:
    """The rate for `--rate`: what was asked for, else what the database remembers, else the site's default."""
    if wanted is not None:
        return wanted or None
    known, remembered = (False, None) if database is None else settings.remembered_rate(database)
    if known:
        return remembered
    return None if where.is_loopback else PUBLIC_RATE


def _must_be_introduced(where: Site, contact: str | None) -> None:
    if not where.is_loopback and not contact:
        raise WrongUsage(
            f"{where.base_url} is run by volunteers: tell them who is asking, with --contact you@example.org"
            " (or a URL, or TMXDB_CONTACT; it is remembered in the database).",
            code="input.contact",
        )


def _is_settled(database: Database) -> bool:
    with database.read() as connection:
        return settings.setting(connection, "site") is not None


class _OpenDoor:
    """No gate: for the one question that comes before there is a database to keep a rate in."""

    def __init__(self) -> None:
        self.on_pause: Callable[[float, str], None] = lambda seconds, reason: None

    def wait_turn(self) -> None:
        """At once."""

    def may_go_on(self) -> None:
        """Nothing stops it."""

    def pause(self, seconds: float, reason: str) -> None:
        """Nobody is there to be held back."""
