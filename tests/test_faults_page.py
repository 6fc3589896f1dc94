"""docs/reference/faults.md: each line names a test that exists and quotes sentences that the program has."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "faults.md"


def _lines() -> list[list[str]]:
    """The cells of each line of the tables: what happens, what is seen, what is kept, the tests."""
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("what happens", "---")]


@cache
def _texts() -> list[str]:
    """Every text in tmxdb; what is filled in at run time is a NUL."""
    texts = []
    for file in (ROOT / "tmxdb").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                texts.append("".join(str(part) for part in parts))
    return texts


@cache
def _tests(file: str) -> set[str]:
    """The names of the tests in a file."""
    return set(re.findall(r"^def (test_\w+)\(", (ROOT / file).read_text("utf-8"), re.M))


def test_each_fault_names_tests_that_are_there() -> None:
    for line in _lines():
        assert len(line) == 4, line
        named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", line[3])
        assert named, line[0]
        assert [(file, name) for file, name in named if name not in _tests(file)] == [], line[0]


def test_each_sentence_that_is_quoted_is_one_of_the_program() -> None:
    for line in _lines():
        for sentence in re.findall(r'"([^"]+)"', line[1]):
            parts = [part.strip() for part in sentence.split("…")]
            longest = max(parts, key=len)
            candidates = [text for text in _texts() if longest in text]
            assert any(_has(text, parts) for text in candidates), f"{line[0]}: {sentence}"


def _has(text: str, parts: list[str]) -> bool:
    """Whether the parts stand in `text` one behind the other."""
    at = 0
    for part in parts:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return True


def test_nothing_that_is_promised_is_left_out() -> None:
    happens = " ".join(line[0] for line in _lines())
    words = (
        "SIGKILL power full read-only EIO holds server away 429 503 403 404 page cut reset drop end unpack"
        " redirect another names kills clock machines lease Ctrl-C twice deleted damaged"
    )
    assert [word for word in words.split() if word not in happens] == []
