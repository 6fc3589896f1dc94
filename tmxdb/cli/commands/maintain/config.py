"""`tmxdb config`: the settings that a database remembers, and where each value comes from."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmxdb.cli.completion.words import words_among
from tmxdb.cli.framework.command import command, json_option
from tmxdb.cli.framework.environment import ENVIRONMENT
from tmxdb.cli.framework.option import is_utf8
from tmxdb.cli.framework.types import suggestion
from tmxdb.cli.opening.database import open_database, open_reader, open_storage, refuse_file
from tmxdb.cli.opening.remembered import SETTINGS, RememberedSetting, data_for_storage, is_typed, remembered
from tmxdb.cli.options.database import StorageOptions
from tmxdb.cli.shared.output import message, print_json, print_table
from tmxdb.errors import InvalidInput, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tmxdb.db.database import Database
    from tmxdb.db.reading.reader import Reader
    from tmxdb.storage import Storage


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    typed = ctx.params.get("words") or ()
    return words_among((("set", "unset"), SETTINGS)[len(typed)], incomplete) if len(typed) < 2 else []


@command(negative_values=True)
@click.argument("words", nargs=-1, metavar="[set KEY VALUE | unset KEY]", shell_complete=_complete)
@json_option
def config(words: tuple[str, ...], as_json: bool, options: StorageOptions) -> None:
    """List, set and unset the settings that the database remembers, with the origin of each value.

    \b
      tmxdb config
      tmxdb config set top 20
      tmxdb config set only best
      tmxdb config unset only

    An option counts before the environment, the environment before .env, .env
    before the database, and the database before the default.
    """
    match words:
        case ():
            _list(options, as_json=as_json)
        case ("set", key, value):
            _set(options, _known(key), value)
        case ("unset", key):
            _unset(options, _known(key))
        case _:
            raise click.UsageError("Write `tmxdb config`, `tmxdb config set KEY VALUE` or `tmxdb config unset KEY`.")


def _known(key: str) -> RememberedSetting:
    name = key.removeprefix("--").replace("-", "_")
    if name not in SETTINGS:
        raise click.UsageError(f"No setting {key[:40]!r}.{suggestion(name, SETTINGS)} There are {', '.join(SETTINGS)}.")
    return SETTINGS[name]


def _list(options: StorageOptions, *, as_json: bool) -> None:
    database = open_reader(options)
    rows = [(setting.key, *_value(database, setting, options), setting.meaning) for setting in SETTINGS.values()]
    if as_json:
        print_json([dict(zip(("key", "value", "origin", "meaning"), row, strict=True)) for row in rows])
    else:
        print_table(("key", "value", "origin", "meaning"), rows)


def _value(database: Reader, setting: RememberedSetting, options: StorageOptions) -> tuple[str, str]:
    """Return the value that counts now, and where it comes from."""
    if setting.key == "data" and options.data and is_typed("data"):
        return options.data, "option"
    root = click.get_current_context().find_root()
    if setting.key in ("site", "contact") and is_typed(setting.key):
        return str(root.params[setting.key]), "option"
    for variable in ENVIRONMENT.get(setting.option, ()):
        if os.environ.get(variable):
            return os.environ[variable], ".env" if variable in root.obj.from_dot_env else "environment"
    stored = _stored(database, setting)
    return (setting.default, "default") if stored is None else (stored, "database")


def _stored(database: Reader, setting: RememberedSetting) -> str | None:
    if setting.key == "rate":
        row = database.row("SELECT rate FROM rate_limit WHERE id = 1")
        return None if row is None else f"{row['rate'] or 0:g}"
    stored = database.value("SELECT value FROM settings WHERE key = :key", key=setting.key)
    return None if stored is None else str(stored)


def _set(options: StorageOptions, setting: RememberedSetting, value: str) -> None:
    from tmxdb.db.settings import remember
    from tmxdb.queue.rate_limiter import RateLimiter
    from tmxdb.selections.store import find

    _refuse_other_bytes(setting, value)
    if not value.strip():
        raise UsageError(
            f"The value of {setting.key} is empty. Run `tmxdb config unset {setting.key}` for the default.",
            code="input.setting",
        )
    value = setting.check(value)
    if setting.key == "data":
        refuse_file(value)
    database = open_database(options)
    before = _data_folder(database).root
    if setting.key == "site":
        _refuse_other_site(database, value)
    if setting.key == "rate":
        RateLimiter(database, stop=threading.Event()).set_rate(float(value) or None)
    else:
        with database.write() as connection:
            if setting.key == "only":
                find(connection, value)
            if setting.key == "data":
                value = data_for_storage(value, database)
                _refuse_other_bytes(setting, value)  # of the folder that the relative path begins in
            remember(connection, setting.key, value)
    message(f"{setting.key} is {value}.")
    if setting.key == "data":
        _check_data(database, before)


def _unset(options: StorageOptions, setting: RememberedSetting) -> None:
    from sqlalchemy import delete

    from tmxdb.db.models import RateLimitRow, SettingRow

    database = open_database(options)
    before = _data_folder(database).root
    if setting.key == "site":
        _refuse_other_site(database, None)
    with database.write() as connection:
        if setting.key == "rate":
            connection.execute(delete(RateLimitRow))
        else:
            connection.execute(delete(SettingRow).where(SettingRow.key == setting.key))
    message(f"{setting.key} is forgotten; the default is {setting.default or 'none'}.")
    if setting.key == "data":
        _check_data(database, before)


def _refuse_other_bytes(setting: RememberedSetting, value: str) -> None:
    """Raise UsageError for text that the database cannot store."""
    if not is_utf8(value):
        raise UsageError(f"The value of {setting.key} is not valid UTF-8: {value[:200]}", code="input.setting")


def _data_folder(database: Database) -> Storage:
    """Return the data folder of the next run without --data."""
    return open_storage(StorageOptions(), database)


def _check_data(database: Database, before: Path) -> None:
    """Print a warning if the new data folder lacks files of the rows. A user may set it before moving the files."""
    from tmxdb.upkeep.data_folder_check import folder_problem, look_at, paths_of

    storage, paths = _data_folder(database), paths_of(database)
    found = look_at(storage, paths)
    problem = folder_problem(storage.root, found)
    if found.unreadable is not None:
        message(f"Warning: {problem}. Check the permissions before the next run.")
    elif problem is not None:
        old = "" if before == storage.root else f" It was {before}."
        message(f"Warning: {problem}.{old} Move the files or set the right folder before the next run.")
    elif not os.path.isdir(storage.root):
        message(f"{storage.root} does not exist yet; the next run creates it.")


def _refuse_other_site(database: Database, value: str | None) -> None:
    from sqlalchemy import select

    from tmxdb.db.models import TrackRow

    stored = remembered(database, "site")
    with database.read() as connection:
        has_tracks = connection.execute(select(TrackRow.track_id).limit(1)).first() is not None
    if has_tracks and stored is not None and stored != value:
        raise InvalidInput(
            f"This database has tracks of {stored}: ids of two sites would mix. Use another database with --db.",
            code="db.other_site",
        )
