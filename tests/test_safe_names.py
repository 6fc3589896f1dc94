"""File names that are valid on every system."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmxdb.storage import safe_name

RESERVED = ["con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9", "CON.txt", "Nul.tar.gz", "COM1 .x", "aux."]


def check(name: str, at_most: int) -> None:
    assert 0 < len(name) <= at_most
    assert name.isascii()
    assert all(character.isalnum() or character in "._-" for character in name)
    assert not name.startswith((".", "-"))
    assert not name.endswith((".", " "))
    assert name.split(".")[0].lower() not in {
        "con",
        "prn",
        "aux",
        "nul",
        *(f"{p}{n}" for p in ("com", "lpt") for n in range(10)),
    }


@given(st.text() | st.sampled_from(RESERVED) | st.text("./\\:con.-_ ", max_size=12), st.integers(3, 80))
def test_a_safe_name_is_valid_on_every_system(text: str, at_most: int) -> None:
    check(safe_name(text, at_most=at_most), at_most)


@given(st.text(max_size=50))
def test_making_a_name_safe_twice_changes_nothing_more(text: str) -> None:
    assert safe_name(safe_name(text)) == safe_name(text)


@pytest.mark.parametrize("text", RESERVED)
def test_names_reserved_by_windows_are_changed(text: str) -> None:
    check(safe_name(text), 60)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann-Marie.2", "Ann-Marie.2"),
        ("../../etc/passwd", "etc_passwd"),
        ("a\x00b\nc\x1b[31m", "a_b_c_31m"),
        ("日本", "x"),
        ("", "x"),
        ("...", "x"),
        ("CON", "CON_"),
        ("CON.txt", "CON_.txt"),
        ("x" * 10_000, "x" * 60),
    ],
)
def test_a_safe_name_keeps_valid_characters(text: str, name: str) -> None:
    assert safe_name(text) == name
