"""Regenerate the pages of docs/ that are made from the program: `python3 run.py docs`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tmxdb import failure_policy
from tmxdb.db import schema_docs
from tools import command_reference, cookbook, settings_reference

DOCS = Path(__file__).parents[1] / "docs"


def errors_page() -> str:
    """Return docs/reference/errors.md with its table replaced by the failure policy."""
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    return re.sub(r"\| code \| row \|.*?(?=\n\n)", lambda _: failure_policy.as_markdown(), page, count=1, flags=re.S)


PAGES: dict[str, Callable[[], str]] = {
    "reference/commands.md": command_reference.generated,
    "reference/settings.md": settings_reference.generated,
    "reference/schema.md": schema_docs.page,
    "reference/errors.md": errors_page,
    "how-to/sql-cookbook.md": cookbook.generated,
}
"""Pages below docs/ and what makes each."""


def main() -> None:
    """Write every generated page, and print which ones changed."""
    for name, generate in PAGES.items():
        path, text = DOCS / name, generate()
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"docs/{name} changed")


if __name__ == "__main__":
    main()
