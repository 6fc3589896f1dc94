"""docs/how-to/sql-cookbook.md: each query runs, and the page shows its real answer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import cookbook

PAGE = cookbook.PAGE.read_text("utf-8")


@pytest.mark.slow
def test_every_answer_in_the_cookbook_is_what_the_query_returns(tmp_path: Path) -> None:
    cookbook.fill(tmp_path)
    assert cookbook.answered(PAGE, tmp_path) == PAGE


def test_the_cookbook_answers_twenty_questions() -> None:
    assert len(re.findall(r"^### .*\?$", PAGE, re.M)) == PAGE.count("```sql") == PAGE.count("```text") == 20
