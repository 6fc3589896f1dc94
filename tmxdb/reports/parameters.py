"""Parameters of a user's SQL: `:name` in the text, and the values that `tmxdb query -p name=value` gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tmxdb.errors import InvalidInput

_TOKEN = re.compile(
    r"'(?:[^']|'')*'"  # text
    r'|"(?:[^"]|"")*"'  # a quoted name
    r"|--[^\n]*|/\*.*?\*/"  # comments
    r"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"  # text of PostgreSQL
    r"|::"  # a cast of PostgreSQL
    r"|:(?P<name>[A-Za-z_]\w*)",
    re.DOTALL | re.ASCII,
)
_NUMBER = re.compile(r"-?\d{1,18}|-?\d+\.\d+", re.ASCII)


def parameter_names(sql: str) -> list[str]:
    """Return the names of the parameters of `sql`, in the order of their first use."""
    return list(dict.fromkeys(match["name"] for match in _parameters(sql)))


def check_parameters(sql: str, given: Mapping[str, str]) -> None:
    """Raise InvalidInput if a parameter of `sql` has no value, or a value no parameter."""
    wanted = parameter_names(sql)
    for name in wanted:
        if name not in given:
            raise InvalidInput(f"The SQL has the parameter :{name}. Give it with -p {name}=VALUE.", code="input.sql")
    for name in given:
        if name not in wanted:
            known = f" Its parameters: {', '.join(f':{one}' for one in wanted)}." if wanted else ""
            raise InvalidInput(f"The SQL has no parameter :{name}.{known}", code="input.sql")


def numbers(given: Mapping[str, str]) -> dict[str, str | int | float]:
    """Return the values for SQLite, numbers as numbers: `limit :n` takes no text there.

    Where a column holds text, SQLite compares it with a number as text.
    """
    return {
        name: (float(value) if "." in value else int(value)) if _NUMBER.fullmatch(value) else value
        for name, value in given.items()
    }


def with_driver_marks(sql: str) -> str:
    """Return `sql` with `%(name)s` for each `:name`, as psycopg takes it."""
    parts, at = [], 0
    for match in _parameters(sql):
        parts += [sql[at : match.start()].replace("%", "%%"), f"%({match['name']})s"]
        at = match.end()
    return "".join(parts) + sql[at:].replace("%", "%%")


def _parameters(sql: str) -> Iterator[re.Match[str]]:
    return (match for match in _TOKEN.finditer(sql) if match["name"])
