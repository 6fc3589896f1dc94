"""Settings that a database remembers: what a person chose once stays, unless an option or the environment differs.

`SETTINGS` is the only list of them. `tmxdb config` shows, sets and unsets them; commands ask `remembered` for a value
that was not typed, and call `remember_typed` for one that was.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from tmxdb.cli.framework.option import is_utf8
from tmxdb.cli.framework.types import is_plain_number
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.shared.output import message
from tmxdb.errors import UsageError

if TYPE_CHECKING:
    from tmxdb.db.database import Database
    from tmxdb.db.reading.reader import Reader


@dataclass(frozen=True)
class RememberedSetting:
    """A setting in the table `settings`. `check` returns the value to store, or raises UsageError."""

    key: str
    option: str
    meaning: str
    default: str
    check: Callable[[str], str]


def remembered(database: Database, key: str) -> str | None:
    """Return what the database remembers, or None."""
    from tmxdb.db.settings import setting

    with database.read() as connection:
        return setting(connection, key)


def remember_typed(database: Database, key: str, name: str, value: str | None) -> None:
    """Store a value that was typed as the option of the parameter `name`; not one from the environment or a default."""
    if value is None or not is_typed(name):
        return
    from tmxdb.db.settings import remember, setting

    if not is_utf8(value):
        message(f"--{name} is not valid UTF-8, so it is not remembered: type it each time.")
        return
    with database.read() as connection:
        if setting(connection, key) == value:
            return
    with database.write() as connection:
        remember(connection, key, value)


def remember_data(database: Database, options: StorageOptions) -> None:
    """Store the data folder if it was typed. Call it after the folder has been checked."""
    if options.data:
        remember_typed(database, "data", "data", data_for_storage(options.data, database))


def is_typed(name: str) -> bool:
    """Return whether the parameter was typed, after the command's name or before it."""
    context = click.get_current_context(silent=True)
    if context is None:
        return False
    sources = (context.get_parameter_source(name), context.find_root().get_parameter_source(name))
    return ParameterSource.COMMANDLINE in sources


def data_for_storage(data: str, database: Database) -> str:
    """Return the data folder as the database stores it: relative to its own folder where that is possible."""
    folder = Path(data).absolute()
    if database.path is None:
        return folder.as_posix()
    try:
        return Path(os.path.relpath(folder, database.path.absolute().parent)).as_posix()
    except ValueError:  # another drive
        return folder.as_posix()


def remembered_data(database: Database | Reader) -> Path | None:
    """Return the data folder that the database remembers."""
    from tmxdb.db.reading.reader import Reader

    if isinstance(database, Reader):
        stored = database.value("SELECT value FROM settings WHERE key = 'data'")
    else:
        stored = remembered(database, "data")
    if stored is None:
        return None
    beside = database.path.absolute().parent if database.path is not None else Path.cwd()
    return Path(os.path.normpath(beside / stored))


_MAX_NUMBER = 1_000_000


def _number(least: float, whole: bool) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            value = int(text) if whole else float(text)
        except ValueError:
            value = least - 1
        if not is_plain_number(text) or not least <= value <= _MAX_NUMBER:
            raise UsageError(
                f"{text[:40]!r} is not a {'whole ' if whole else ''}number from {least:g} to {_MAX_NUMBER:,}.",
                code="input.setting",
            )
        return str(value) if whole else f"{value:g}"

    return check


def _template(text: str) -> str:
    from tmxdb.kinds.naming import NameTemplate

    return NameTemplate(text).text


def _basis(text: str) -> str:
    from tmxdb.sync.bases import BASES

    if text not in BASES:
        raise UsageError(f"{text[:40]!r} is not one of {', '.join(BASES)}.", code="input.setting")
    return text


def _contact(text: str) -> str:
    from tmxdb.tmx.client import user_agent

    user_agent(text)
    return text


def _site(text: str) -> str:
    from tmxdb.tmx.sites import site

    return site(text).name


SETTINGS = {
    setting.key: setting
    for setting in (
        RememberedSetting("site", "--site", "the exchange", "tmnf", _site),
        RememberedSetting("contact", "--contact", "how the site can reach you", "", _contact),
        RememberedSetting("rate", "--rate", "requests per second; 0: no limit", "4 on public sites", _number(0, False)),
        RememberedSetting("data", "--data", "folder for files, relative to the database", "data", str),
        RememberedSetting("top", "--top", "replays to keep of each new track", "50", _number(1, True)),
        RememberedSetting(
            "name_template", "--name-template", "names of replay files", "{replay_id}_{user}_{time_ms}ms", _template
        ),
        RememberedSetting("priority", "--priority", "what makes a track come first", "awards", _basis),
        RememberedSetting(
            "only", "--only", "selection that sync-tracks, run, work, refresh and watch do", "everything", str
        ),
    )
}
