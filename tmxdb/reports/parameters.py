"""What can be known of a user's SQL without running it: its parameters (`:name`), and whether it is one expression.

`tmxdb query -p name=value` gives the values of the parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tmxdb.errors import InvalidInput

_TOKEN = re.compile(
    r"'(?:[^']|'')*'"  # text
    r'|"(?:[^"]|"")*"'  # a quoted name
    r"|--[^\n]*|/\*.*?(?:\*/|\Z)"  # comments
    r"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$"  # text of PostgreSQL
    r"|::"  # a cast of PostgreSQL
    r"|:(?P<name>[A-Za-z_]\w*)"
    r"|(?P<parenthesis>[()])",
    re.DOTALL | re.ASCII,
)
_NUMBER = re.compile(r"0|-?[1-9]\d{0,17}|-?(?:0|[1-9]\d*)\.\d+", re.ASCII)


def parameter_names(sql: str) -> list[str]:
    """Return the names of the parameters of `sql`, in the order of their first use."""
    return list(dict.fromkeys(match["name"] for match in _parameters(sql)))


def check_parameters(sql: str, given: Mapping[str, object], *, give: str = "Give it with -p {name}=VALUE") -> None:
    """Raise InvalidInput if a parameter of `sql` has no value, or a value no parameter. `give`: how to give one."""
    wanted = parameter_names(sql)
    for name in wanted:
        if name not in given:
            raise InvalidInput(f"The SQL has the parameter :{name}. {give.format(name=name)}.", code="input.sql")
    for name in given:
        if name not in wanted:
            known = f" Its parameters: {', '.join(f':{one}' for one in wanted)}." if wanted else ""
            raise InvalidInput(f"The SQL has no parameter :{name}.{known}", code="input.sql")


def is_one_expression(sql: str) -> bool:
    """Return whether the parentheses of `sql` match: those of `1=1) or (1=1` would close the ones around it."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        if match["parenthesis"]:
            depth += 1 if match["parenthesis"] == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def numbers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values for SQLite, texts that are numbers as numbers: `limit :n` takes no text there.

    Where a column holds text, SQLite compares it with a number as text. So `007`, which no number is written as, stays
    a text.
    """
    return {
        name: (float(value) if "." in value else int(value)) if _is_number(value) else value
        for name, value in given.items()
    }


def with_driver_marks(sql: str) -> str:
    """Return `sql` with `%(name)s` for each `:name`, as psycopg takes it."""
    parts, at = [], 0
    for match in _parameters(sql):
        parts += [sql[at : match.start()].replace("%", "%%"), f"%({match['name']})s"]
        at = match.end()
    return "".join(parts) + sql[at:].replace("%", "%%")


def with_sqlalchemy_marks(sql: str) -> str:
    """Return `sql` as SQLAlchemy's `text` takes it: a colon that begins no parameter, as in a text, has a backslash."""
    parts, at = [], 0
    for match in _parameters(sql):
        parts += [sql[at : match.start()].replace(":", "\\:"), match[0]]
        at = match.end()
    return "".join(parts) + sql[at:].replace(":", "\\:")


def _is_number(value: object) -> bool:
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _parameters(sql: str) -> Iterator[re.Match[str]]:
    return (match for match in _TOKEN.finditer(sql) if match["name"])
