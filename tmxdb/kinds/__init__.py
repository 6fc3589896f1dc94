"""The kinds of work: a registry, and one file each. A new kind is a new file and one line here."""

from __future__ import annotations

from tmxdb.kinds.capture import Capture
from tmxdb.kinds.download import Download
from tmxdb.kinds.extract import Extract
from tmxdb.kinds.list import List
from tmxdb.kinds.tools import Tools
from tmxdb.queue.job import Kind

KINDS: dict[str, type[List] | type[Download] | type[Extract] | type[Capture]] = {
    "list": List,
    "download": Download,
    "extract": Extract,
    "capture": Capture,
}
"""In the order in which work flows from one to the next."""
UNASKED = ("list", "download", "extract")
"""Those that `tmxdb run` does: captures need a game, and somebody who asks for them."""


def make_kind(name: str, tools: Tools) -> Kind:
    """The kind `name`, ready to run with `tools`."""
    return KINDS[name](tools)
