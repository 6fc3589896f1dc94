"""Which site a call means, and who is asking."""

from __future__ import annotations

from tmxdb.cli.options.database import ExchangeOptions
from tmxdb.errors import DatabaseError
from tmxdb.tmx.sites import Site, site


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
