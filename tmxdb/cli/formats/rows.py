"""The formats of `tmxdb query` for programs and documents. Each writes row by row: millions of rows take no memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TextIO

from tmxdb.cli.formats.table import vertical_lines
from tmxdb.formats import safe, spreadsheet_cell
from tmxdb.reports.query import distinct_names

FORMATS = ("table", "csv", "tsv", "json", "jsonl", "markdown", "vertical")


@dataclass(frozen=True, slots=True)
class QueryWriter:
    """Writes rows to `file`. `for_spreadsheet`: CSV in which no cell runs as a formula."""

    file: TextIO
    for_spreadsheet: bool = False

    def write(self, form: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write all `rows` in the format `form`, any of FORMATS but `table`."""
        writers: dict[str, Callable[[Sequence[str], Iterable[Sequence[Any]]], None]] = {
            "csv": self._csv,
            "tsv": self._tsv,
            "json": self._json,
            "jsonl": self._jsonl,
            "markdown": self._markdown,
            "vertical": self._vertical,
        }
        writers[form](columns, rows)

    def _csv(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write the bytes as they are for a program; escaped for a terminal, which would obey some of them."""
        writer = csv.writer(self.file, lineterminator="\n")
        convert = spreadsheet_cell if self.for_spreadsheet else safe if self.file.isatty() else str
        writer.writerow(columns)
        writer.writerows(
            [None if value is None else convert(value) if isinstance(value, str) else str(value) for value in row]
            for row in rows
        )

    def _tsv(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        r"""Write one line for each row. A tab, a line break or a backslash in a text becomes `\t`, `\n` or `\\`."""
        for row in _with_first(columns, rows):
            self.file.write("\t".join("" if value is None else _tsv_cell(str(value)) for value in row) + "\n")

    def _json(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.file.write("[")
        names = distinct_names(columns)
        for i, row in enumerate(rows):
            self.file.write(("," if i else "") + "\n  " + _json_object(names, row))
        self.file.write("\n]\n")

    def _jsonl(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        names = distinct_names(columns)
        for row in rows:
            self.file.write(_json_object(names, row) + "\n")

    def _markdown(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        self.file.write(_markdown_line(columns))
        self.file.write(_markdown_line(["---"] * len(columns)))
        for row in rows:
            self.file.write(_markdown_line(row))

    def _vertical(self, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        for number, row in enumerate(rows, 1):
            for line in vertical_lines(columns, [row], first=number):
                self.file.write(line + "\n")


def _with_first(first: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Iterable[Sequence[Any]]:
    yield first
    yield from rows


def _json_object(names: Sequence[str], row: Sequence[Any]) -> str:
    """Return a JSON object. A number that JSON cannot write, infinity or NaN, becomes null."""
    values = (None if isinstance(value, float) and not isfinite(value) else value for value in row)
    return json.dumps(dict(zip(names, values, strict=True)), default=str)


def _markdown_line(values: Sequence[Any]) -> str:
    cells = ("" if value is None else safe(str(value), keep="").replace("|", "\\|") for value in values)
    return f"| {' | '.join(cells)} |\n"


def _tsv_cell(value: str) -> str:
    return safe(value.replace("\\", "\\\\"), keep="")
