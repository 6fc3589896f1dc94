"""Print docs/reference/schema.md from the models and views: `python -m tmxdb.db.schema_docs`.

A test compares the page with this output, so regenerate it after each change of the schema:
`python -m tmxdb.db.schema_docs > docs/reference/schema.md`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Table, inspect

from tmxdb.db.database import Database
from tmxdb.db.migrate import upgrade
from tmxdb.db.models import JOBS, Base
from tmxdb.db.models.base import JobColumns
from tmxdb.db.models.views import VIEWS

_INTRODUCTION = """\
# The schema

The database is the interface: any SQLite tool may read it while workers run, and `tmxdb query "select …"` reads it
without being able to change anything. Names are chosen to be typed by hand.

- Times are ISO 8601 UTC text of one width (`2026-11-22T10:00:00.000Z`), which sorts by time.
- Durations are integer milliseconds, with `_ms` in the name.
- Ids are those of the site.
- Paths are relative to the data folder.

The [SQL cookbook](../how-to/sql-cookbook.md) answers common questions. `python -m tmxdb.db.schema_docs` generates
this page from the code.

## Job tables

Each row of these four tables is one job.

| table | one row is | kind | `done` means |
| --- | --- | --- | --- |
| `tracks` | a track of the exchange | `list` | its leaderboard was listed; its replays are rows |
| `replays` | a run on a leaderboard | `download` | the complete file is on disk; its facts are in the row |
| `maps` | the map of one track | `extract` | the complete file is on disk; its facts are in the row |
| `captures` | one replay under one set of capture settings | `capture` | frames, telemetry and manifests are on disk |

```
            claim                     Done
 pending ───────────▶ running ────────────────────▶ done
    ▲                  │  │  │
    │ due              │  │  └─ Skip: does not exist (404) ───────────────▶ skipped
  retry ◀── Retry ─────┘  └──── Fail: cannot succeed, or attempts used up ─▶ failed
    ▲
    └── its worker died; or snooze or shutdown: back, no attempt charged
```
"""
_JOB_NAMES = tuple(name for name in vars(JobColumns) if not name.startswith("_"))


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    jobs = [table.name for table in JOBS.values()]
    yield _INTRODUCTION
    yield "All four have these columns:"
    yield ""
    some_table = next(iter(JOBS.values()))
    yield from _columns([some_table.c[name] for name in _JOB_NAMES])
    for name in jobs:
        yield from _table(Base.metadata.tables[name], without=_JOB_NAMES)
    yield "## Other tables"
    yield ""
    for name in ("packed_inputs", *sorted(set(Base.metadata.tables) - {*jobs, "packed_inputs"})):
        yield from _table(Base.metadata.tables[name])
    yield "## Views"
    yield ""
    yield "| view | answers | columns |"
    yield "| --- | --- | --- |"
    for name, columns in _views().items():
        yield f"| `{name}` | {VIEWS[name]} | {', '.join(f'`{column}`' for column in columns)} |"
    yield ""
    yield "## Diagram"
    yield ""
    yield from _diagram()


def _table(table: Table, without: tuple[str, ...] = ()) -> Iterator[str]:
    yield f"### {table.name}"
    yield ""
    yield _doc(table)
    yield ""
    yield from _columns([column for column in table.columns if column.name not in without])


def _doc(table: Table) -> str:
    """Return the first paragraph of the docstring of the table's model."""
    (model,) = [model for model in Base.__subclasses__() if model.__table__ is table]
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def _columns(columns: list[Column[object]]) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "| --- | --- | --- |"
    for column in columns:
        yield f"| `{column.name}` | {_type(column)} | {column.doc} |"
    yield ""


def _type(column: Column[object]) -> str:
    name = str(column.type).lower()
    keys = [f"key of `{key.column.table.name}`" for key in column.foreign_keys]
    return ", ".join(
        [name, *(["primary key"] if column.primary_key else []), *keys, *([] if column.nullable else ["not null"])]
    )


def _views() -> dict[str, list[str]]:
    """Return the columns of each view, as a new database has them."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(str(Path(folder) / "tmx.db"))
        upgrade(database)
        with database.read() as connection:
            inspector = inspect(connection)
            found = {name: [column["name"] for column in inspector.get_columns(name)] for name in VIEWS}
            undocumented = set(inspector.get_view_names()) - set(VIEWS)
        database.close()
    if undocumented:
        raise RuntimeError(f"views without a description in models/views.py: {', '.join(sorted(undocumented))}")
    return found


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "erDiagram"
    for table in Base.metadata.sorted_tables:
        for key in sorted(table.foreign_keys, key=lambda key: str(key.parent.name)):
            one = key.parent.primary_key
            yield f"    {key.column.table.name} ||--o{'|' if one else '{'} {table.name} : {key.parent.name}"
    yield "    captures }o..o| workers : claimed_by"
    yield "    tracks }o..o| workers : claimed_by"
    yield "    replays }o..o| workers : claimed_by"
    yield "    maps }o..o| workers : claimed_by"
    for name, table in JOBS.items():
        yield f'    {table.name} ||..o{{ attempts : "{name}: item_id"'
    for table in Base.metadata.sorted_tables:
        yield f"    {table.name} {{"
        for column in table.columns:
            if column.primary_key or column.foreign_keys:
                marks = [*(["PK"] if column.primary_key else []), *(["FK"] if column.foreign_keys else [])]
                yield f"        {str(column.type).lower()} {column.name} {', '.join(marks)}"
        yield "    }"
    yield "```"


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(page(), end="")
