"""Everything a person reads is plain English, in the words of docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
CODE = sorted([*(ROOT / "tmxdb").rglob("*.py"), *(ROOT / "tmxdb_sandbox").rglob("*.py")])

FORBIDDEN = {
    r"can not": "cannot",
    r"anew": "again",
    r"(?<!there )(is|are) (?-i:none)": "there is no ...",
    r"whoever|somebody|nobody": "name the worker, the user, the process",
    r"so (many|much|long|often)(?! as\b)": "how many, how long; or a number",
    r"(is|are|was|were) told": "receives, prints, reports",
    r"(lies|lie|lay|lying) (there|here|beside|in)": "is",
    r"its word": "name the value",
    r"no more than so": "at most",
    r"what is left of": "the rest of",
    r"has fetched again": "say what to run",
    r"that there (is|are)": "existing",
    r"for those who": "for",
    r"such that (are|is)": "...",
    r"of whom|of which there": "...",
    r"once and for all": "once",
    r"a number of a row": "a row id",
    r"is not any more|no more there": "no longer exists",
    r"goes round|go round": "repeats",
    r"come in handy|by and by": "...",
}
"""Patterns of translated or personified English, and what to write instead."""

BANNED_WORDS = {
    "politeness": "rate limit",
    "strangers?": "orphan",
    "mend(s|ed|ing)?": "repair",
    "wish(es|ed)?": "capture request",
    "desk|crew|tray": "job store, thread pool, result buffer",
    "house": "internal",
}
"""Words that docs/glossary.md replaces. A test lists the places where an old spelling is still accepted."""

OLD_SPELLINGS = {"`mended`", '"mended"', "--mend", "--anew", "`politeness`", "view politeness", "VIEW politeness"}
"""Renamed options and tables whose old spelling still works, so text may name it."""


def read(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of a page or a module, numbered from 1."""
    yield from enumerate(path.read_text("utf-8").splitlines(), start=1)


def findings(path: Path, patterns: dict[str, str], text: Iterable[tuple[int, str]]) -> list[str]:
    any_of_them = _any_of(tuple(patterns))
    found = []
    for number, line in text:
        if not any_of_them.search(line):
            continue
        for spelling in OLD_SPELLINGS:
            line = line.replace(spelling, "")
        for pattern, instead in patterns.items():
            match = re.search(rf"\b(?:{pattern})\b", line, re.IGNORECASE)
            if match:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0]!r} -> {instead}")
    return found


@cache
def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """One expression for all: almost every line has none of them."""
    return re.compile(rf"\b(?:{'|'.join(patterns)})\b", re.IGNORECASE)


def messages(path: Path) -> Iterator[tuple[int, str]]:
    """String constants of a module that contain a space: help, messages and docstrings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value.replace("\n", " ")


def test_no_line_uses_a_forbidden_pattern() -> None:
    assert [line for path in [*PAGES, *CODE] for line in findings(path, FORBIDDEN, read(path))] == []


def test_no_message_uses_a_word_that_the_glossary_replaces() -> None:
    assert [line for path in CODE for line in findings(path, BANNED_WORDS, messages(path))] == []


def test_no_page_uses_a_word_that_the_glossary_replaces() -> None:
    pages = [path for path in PAGES if path.name != "glossary.md"]
    assert [line for path in pages for line in findings(path, BANNED_WORDS, read(path))] == []


def test_the_patterns_find_what_they_are_for() -> None:
    samples = [
        "It can not be read.",
        "Whoever waits is told.",
        "So many rows lie there.",
        "Begin anew.",
        "The answer is none.",
    ]
    assert all(findings(ROOT / "README.md", FORBIDDEN, [(1, sample)]) for sample in samples)


def test_the_glossary_defines_every_word_that_replaces_another() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text("utf-8").lower()
    for instead in BANNED_WORDS.values():
        for word in instead.split(", "):
            assert f"**{word}**" in glossary or word == "internal", word


def test_class_names_are_unique() -> None:
    places: dict[str, list[str]] = {}
    for path in CODE:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
