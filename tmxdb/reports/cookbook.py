"""The queries of docs/how-to/sql-cookbook.md, as saved queries for other places."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from tmxdb.reports.documentation import documentation_folder

_PART = re.compile(r"^## (?P<section>[^\n]+)$|^### (?P<question>[^\n]+)$|^```sql\n(?P<sql>.*?)^```$", re.M | re.S)


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A question and the SQL that answers it."""

    section: str
    question: str
    sql: str


@cache
def cookbook_queries() -> tuple[SavedQuery, ...]:
    """Return the queries in the order of the page; none if the documentation is not installed."""
    page = documentation_folder() / "how-to" / "sql-cookbook.md"
    try:
        text = page.read_text("utf-8")
    except OSError:
        return ()
    found, section, question = [], "", ""
    for match in _PART.finditer(text):
        section, question = match["section"] or section, match["question"] or question
        if match["sql"]:
            found.append(SavedQuery(section, question, match["sql"].strip()))
    return tuple(found)
