"""Tables on stdout."""

from __future__ import annotations

import pytest

from tmxdb.cli.shared.output import print_table


def test_numbers_are_aligned_to_the_right_also_with_thousands_separators(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("kind", "done", "left"), [("list", "1,200", None), ("download", "7", None)])
    assert capsys.readouterr().out.splitlines()[2:] == ["list      1,200", "download      7"]


def test_text_that_only_begins_with_a_number_is_aligned_to_the_left(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("rate",), [("4/s",), ("12/s",)])
    assert capsys.readouterr().out.splitlines()[2:] == ["4/s", "12/s"]
