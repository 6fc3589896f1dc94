"""From options to open things: which database, which site, which folder. Settings are read here, once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tmxdb.cli.say import talk
from tmxdb.db import settings
from tmxdb.db.engine import Database, shown
from tmxdb.db.migrate import ensure_current, upgrade
from tmxdb.errors import DatabaseTrouble, WrongUsage
from tmxdb.queue.politeness import Gate
from tmxdb.storage import Storage
from tmxdb.tmx.client import Exchange
from tmxdb.tmx.sites import PUBLIC_RATE, Site, site


@dataclass(frozen=True, slots=True)
class Options:
    """The four options that say which database and which site; None where the user did not."""

    db: str | None
    data: str | None
    site: str | None
    contact: str | None

    @property
    def location(self) -> str:
        """The database's path or URL."""
        return self.db or "tmx.db"


def options(ctx: click.Context, /, given: dict[str, Any]) -> Options:
    """The options of this call; what stands after the command's name counts more than what stands before it."""
    before: dict[str, Any] = ctx.obj or {}
    names = ("db", "data", "site", "contact")
    return Options(**{name: given.pop(name, None) or before.get(name) for name in names})


def open_database(chosen: Options, *, create: bool = False, read_only: bool = False) -> Database:
    """The database, of the present revision; made if it is not there and `create` says so."""
    database = Database(chosen.location, read_only=read_only)
    if create:
        before, _ = upgrade(database)
        if before is None:
            talk(f"Created the database {chosen.location}.")
    else:
        ensure_current(database)
    return database


def open_storage(chosen: Options, database: Database) -> Storage:
    """The data folder."""
    beside = database.path.absolute().parent if database.path is not None else Path.cwd()
    return Storage(Path(chosen.data) if chosen.data else beside / "data")


def open_exchange(
    chosen: Options, database: Database, *, connections: int, rate: float | None, stop: threading.Event
) -> tuple[Exchange, float | None]:
    """The exchange behind its gate, and the rate in requests a second that is kept (None: none).

    `rate` None takes what the database remembers, else the default of the site; 0 means none. The site and
    the contact are remembered; another site than the remembered one is refused.
    """
    where, contact = _site_and_contact(chosen, database)
    if not where.is_loopback and not contact:
        raise WrongUsage(
            f"{where.base_url} is run by volunteers: tell them who is asking, with --contact you@example.org"
            " (or a URL, or TMXDB_CONTACT; it is remembered in the database).",
            code="input.contact",
        )
    kept = _rate(database, where, rate)
    gate = Gate(database, stop=stop)
    gate.set_rate(kept)
    return Exchange(where, contact=contact, gate=gate, connections=connections), kept


def _site_and_contact(chosen: Options, database: Database) -> tuple[Site, str | None]:
    with database.read() as connection:
        known, known_contact = (settings.setting(connection, key) for key in ("site", "contact"))
    where = site(chosen.site or known or "tmnf")
    if known is not None and where.base_url != site(known).base_url:
        raise DatabaseTrouble(
            f"{shown(database.location)} is a database of {known}, not of {where.name}: ids of two sites would mix."
            " Use another database with --db.",
            code="db.other_site",
        )
    contact = chosen.contact or known_contact
    if known is None or contact != known_contact:
        with database.write() as connection:
            settings.remember(connection, "site", where.name)
            if contact:
                settings.remember(connection, "contact", contact)
    return where, contact


def _rate(database: Database, where: Site, wanted: float | None) -> float | None:
    if wanted is not None:
        return wanted or None
    known, remembered = settings.remembered_rate(database)
    if known:
        return remembered
    return None if where.is_loopback else PUBLIC_RATE
