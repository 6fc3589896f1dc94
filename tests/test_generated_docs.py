"""Pages of docs/ that are made from the program are up to date."""

from __future__ import annotations

import pytest

from tools.docs import DOCS, PAGES


@pytest.mark.parametrize("name", [name for name in PAGES if name != "how-to/sql-cookbook.md"])  # see test_cookbook.py
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), f"docs/{name} is stale: run `python3 run.py docs`"
