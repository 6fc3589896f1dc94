"""Which database, which data folder, which exchange."""

from __future__ import annotations

from dataclasses import dataclass

from tmxdb.cli.framework.option import option_field
from tmxdb.cli.framework.types import float_range

SECTION = "Database and exchange"


@dataclass(frozen=True)
class DatabaseOptions:
    """The database. None if the user named none."""

    db: str | None = option_field(
        "--db",
        inherited=True,
        section=SECTION,
        metavar="FILE|URL",
        help="Database: a file, or postgresql+psycopg://….  [default: tmx.db]",
    )

    @property
    def location(self) -> str:
        """The database's path or URL."""
        return self.db or "tmx.db"


@dataclass(frozen=True)
class StorageOptions(DatabaseOptions):
    """The database and the folder of its files."""

    data: str | None = option_field(
        "--data",
        inherited=True,
        section=SECTION,
        metavar="FOLDER",
        help="Folder for files.  [default: data, beside the database]",
    )


@dataclass(frozen=True)
class ExchangeOptions:
    """The exchange and how fast to send requests to it. None where the database or a default decides."""

    site: str | None = option_field(
        "--site",
        inherited=True,
        section=SECTION,
        metavar="NAME|URL",
        help="Exchange: tmnf, tmuf, tmo, tms, tmn or a base URL; remembered in the database.  [default: tmnf]",
    )
    contact: str | None = option_field(
        "--contact",
        inherited=True,
        section=SECTION,
        metavar="TEXT",
        help="Your e-mail address or URL, sent with each request so that the site can reach you; remembered.",
    )
    rate: float | None = option_field(
        "--rate",
        section=SECTION,
        type=float_range(0),
        metavar="N",
        help="Requests per second, shared by all processes of this database; remembered. 0: no limit."
        "  [default: 4 for public sites, no limit on this machine]",
    )


@dataclass(frozen=True)
class GlobalOptions:
    """The options before the command's name, which every command inherits, and the variables that `.env` set."""

    db: str | None = None
    data: str | None = None
    site: str | None = None
    contact: str | None = None
    from_dot_env: tuple[str, ...] = ()
