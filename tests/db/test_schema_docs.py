"""The schema page is generated from the models and views, and complete."""

from __future__ import annotations

from pathlib import Path

from tmxdb.db.models import Base
from tmxdb.db.schema_docs import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "schema.md"


def test_the_schema_page_matches_the_models_and_views() -> None:
    stale = "stale: run `python -m tmxdb.db.schema_docs > docs/reference/schema.md`"
    assert PAGE.read_text(encoding="utf-8") == page(), stale


def test_every_column_of_every_table_has_a_comment() -> None:
    columns = [column for table in Base.metadata.tables.values() for column in table.columns]
    assert [str(column) for column in columns if not (column.doc or "").strip()] == []
