"""Exit statuses, the same in every command."""

from __future__ import annotations

OK = 0
FAILED = 1
USAGE = 2
SOME_FAILED = 3
INTERRUPTED = 130
