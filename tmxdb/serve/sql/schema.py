"""The tables and views that a statement can name, with their columns."""

from __future__ import annotations

from tmxdb.db.reading.reader import Reader

_ON_SQLITE = """
SELECT m.name, m.type = 'view' AS is_view, p.name AS column_name
FROM sqlite_master AS m JOIN pragma_table_xinfo(m.name) AS p
WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' AND m.name <> 'alembic_version'
ORDER BY m.type, m.name, p.cid"""
_ON_SERVER = """
SELECT t.table_name AS name, t.table_type = 'VIEW' AS is_view, c.column_name
FROM information_schema.tables AS t
JOIN information_schema.columns AS c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE t.table_schema = current_schema() AND t.table_name <> 'alembic_version'
ORDER BY t.table_type, t.table_name, c.ordinal_position"""


def read_schema(reader: Reader) -> dict[str, dict[str, list[str]]]:
    """Return `tables` and `views`: the columns of each by name."""
    found: dict[str, dict[str, list[str]]] = {"views": {}, "tables": {}}
    for row in reader.rows(_ON_SERVER if reader.file is None else _ON_SQLITE):
        found["views" if row["is_view"] else "tables"].setdefault(row["name"], []).append(row["column_name"])
    return found
