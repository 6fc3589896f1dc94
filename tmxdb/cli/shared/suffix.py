"""Names of files that are written in one format."""

from __future__ import annotations

from pathlib import Path

from tmxdb.errors import UsageError


def check_suffix(out: Path | None, suffix: str) -> None:
    """Raise UsageError if the name of `out` has the suffix of another format: `run.svg` must not contain a PNG."""
    if out is not None and out.suffix.lower() not in ("", suffix):
        form = suffix.removeprefix(".").upper()
        raise UsageError(f"--out {out}: only {form} is written. End the name with {suffix}.", code="input.out")
