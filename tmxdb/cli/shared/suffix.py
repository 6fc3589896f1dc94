"""Names of files and folders that are written: they must fit the format."""

from __future__ import annotations

from pathlib import Path

from tmxdb.errors import UsageError

_FORM_OF = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown",
           ".parquet": "parquet"}  # fmt: skip
"""The format that the end of a name promises."""
_OTHER_FORMS = frozenset((".xlsx", ".xls", ".ods", ".html", ".xml", ".pdf", ".gz", ".zip", ".zst", ".tar"))
"""Ends of names that promise a format in which no table is written."""


def form_of(out: str | Path) -> str | None:
    """Return the format that the name of `out` promises, which may be one that is not written; None if it is open."""
    suffix = Path(out).suffix.lower()
    return suffix.removeprefix(".") if suffix in _OTHER_FORMS else _FORM_OF.get(suffix)


def check_suffix(out: Path | None, suffix: str) -> None:
    """Raise UsageError if the name of `out` has the suffix of another format: `run.svg` must not contain a PNG."""
    if out is not None and out.suffix.lower() not in ("", suffix):
        form = suffix.removeprefix(".").upper()
        raise UsageError(f"--out {out}: only {form} is written. End the name with {suffix}.", code="input.out")


def check_form(out: str | Path, form: str, option: str) -> None:
    """Raise UsageError if the name of `out` promises another format than `form`, which `option` has chosen."""
    if form_of(out) not in (None, form):
        ending = next(end for end, one in _FORM_OF.items() if one == form)
        raise UsageError(
            f"{out}: {option} writes {form}, and the name says {Path(out).suffix}. End the name with {ending}, or"
            " choose another format.",
            code="input.form",
        )


def check_folder_name(out: str | Path, what: str) -> None:
    """Raise UsageError if a new folder `out` would have the name of a file, or of stdout. `what` writes it."""
    is_file_name = form_of(out) is not None and not str(out).endswith("/")
    if str(out) == "-" or (is_file_name and not Path(out).exists()):
        named = "stdout" if str(out) == "-" else "a file"
        raise UsageError(
            f"{out}: {what} writes a folder of files, and this is the name of {named}. Choose the name of a folder.",
            code="input.out",
        )
