"""Names in any script and of any length are drawn without a warning."""

from __future__ import annotations

import logging

import pytest

from tests import needs
from tmxdb.pictures.driven_line import DrivenLine
from tmxdb.pictures.plot import draw_run
from tmxdb.pictures.plot_text import MAX_TITLE_CHARS, drawable

needs.module("matplotlib")
LINE = DrivenLine("ghost", [0, 100], [0.0, 5.0], [0.0, 0.0], [180.0, 180.0])
NAMES = [
    "東京 - Ünïcödé", "Гонка ελληνικά", "العربية עברית", "🚗\N{ZERO WIDTH JOINER}💨", "\U0010ffff\ue000",
    "tab\tand\nline\x1b[31m", "$fff$o \\frac{ _^ $x", "A" * 300, "界" * 300, "",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_drawn_without_a_warning(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert draw_run(name, [LINE], None, 100).startswith(b"\x89PNG")
    assert caplog.records == []


def test_a_character_without_a_font_becomes_a_square() -> None:
    text, families = drawable("a\U0010ffff")
    assert text in ("a\N{WHITE SQUARE}", "a ")
    assert families[0] == "DejaVu Sans"


def test_a_long_name_is_cut() -> None:
    text, _ = drawable("A" * 300)
    assert text == "A" * (MAX_TITLE_CHARS - 1) + "…"
