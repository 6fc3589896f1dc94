"""Every citation of a page under docs/facts/ leads to a page and a heading that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tmxdb
import tmxdb_sandbox

ROOT = Path(__file__).parents[1]
FACTS = ROOT / "docs" / "facts"
PAGES = sorted(path.name for path in FACTS.glob("*.md"))

_CITATION = re.compile(r"docs/facts/([\w-]+\.md)(?:#([\w-]+))?")
_OUTSIDE = re.compile(r"fact sheet|\bsheet \([a-g]\)", re.IGNORECASE)  # documents that are not in the repository


def _sources() -> list[Path]:
    roots = (Path(tmxdb.__file__).parent, Path(tmxdb_sandbox.__file__).parent)
    return sorted(path for root in roots for path in root.rglob("*") if path.suffix in (".py", ".as"))


def _citations() -> list[tuple[str, str, str]]:
    """(file, page, anchor) of every citation; the anchor is empty where the page as a whole is cited."""
    return [
        (path.relative_to(ROOT).as_posix(), page, anchor)
        for path in _sources()
        for page, anchor in _CITATION.findall(path.read_text("utf-8"))
    ]


def _anchors(page: str) -> set[str]:
    """The anchors that a renderer makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", (FACTS / page).read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


def test_every_citation_leads_to_a_heading() -> None:
    anchors = {page: _anchors(page) for page in PAGES}
    wrong = [
        f"{file}: {page}#{anchor}"
        for file, page, anchor in _citations()
        if page not in anchors or (anchor and anchor not in anchors[page])
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_facts_is_cited(page: str) -> None:
    assert page in {cited for _, cited, _ in _citations()}


def test_no_source_cites_a_document_outside_the_repository() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {match}"
        for path in _sources()
        for match in _OUTSIDE.findall(path.read_text("utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_of_facts_lead_to_a_heading(page: str) -> None:
    links = re.findall(r"\]\(([\w-]+\.md)?#([\w-]+)\)", (FACTS / page).read_text("utf-8"))
    assert [(other, anchor) for other, anchor in links if anchor not in _anchors(other or page)] == []
