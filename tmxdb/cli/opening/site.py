"""Which site a call means, who is asking, and whether a URL that the user names belongs to that site."""

from __future__ import annotations

import click

from tmxdb.cli.options.database import DatabaseOptions, ExchangeOptions
from tmxdb.errors import DatabaseError, UsageError
from tmxdb.tmx.sites import SITES, Site, site

_SITE = "tmxdb.cli.opening.site"


def chosen_site(
    options: ExchangeOptions, *, shown: str, known: str | None = None, known_contact: str | None = None
) -> tuple[Site, str | None]:
    """Return the site and the contact: named, remembered or default. `shown`: the database's name, for the error.

    Raise DatabaseError if the database belongs to another site than the one that is named.
    """
    where = site(options.site or known or "tmnf")
    if known is not None and where.base_url != site(known).base_url:
        raise DatabaseError(
            f"{shown} is a database of {known}, not of {where.name}: ids of two sites would mix. Use another database"
            " with --db.",
            code="db.other_site",
        )
    return where, options.contact or known_contact


def check_same_site(url: str, base_url: str) -> None:
    """Raise UsageError if `url`, which is on the site at `base_url`, is not on the site of this call and its database.

    Outside a command nothing is checked.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return
    if _SITE not in context.meta:
        context.meta[_SITE] = _site_of(context)
    where, in_database = context.meta[_SITE]
    if where.is_at(base_url):
        return
    name = next((name for name, known in SITES.items() if site(known).is_at(base_url)), base_url)
    other = f"Name that site with --site {name}, and its database with --db."
    advice = "Use a database of that site with --db." if in_database else other
    raise UsageError(
        f"{url[:120]} belongs to the site {name}, not to {where.name}: ids of two sites would mix. {advice}",
        code="input.other_site",
    )


def has_urls() -> bool:
    """Return whether the user named a track, replay or user by a URL, which is one of the site of this call."""
    return _SITE in click.get_current_context().meta


def _site_of(context: click.Context) -> tuple[Site, bool]:
    """Return the site of the call, and whether the database remembers it. The database need not exist."""
    from tmxdb.db.reading.reader import Reader

    inherited = context.find_root().obj
    database = DatabaseOptions(db=context.params.get("db") or getattr(inherited, "db", None))
    try:
        reader = Reader(database.location)
    except DatabaseError as error:
        if error.code != "db.missing":
            raise
        known = None
    else:
        known = reader.value("SELECT value FROM settings WHERE key = 'site'")
        reader.close()
    typed = context.params.get("site") or getattr(inherited, "site", None)
    return site(known or typed or "tmnf"), known is not None
