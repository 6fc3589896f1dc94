"""Writers of rows: Parquet with typed columns, CSV with a header, and JSON lines. Each writes page by page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from math import isfinite
from typing import Any, BinaryIO, Protocol

from tmxdb.clock import from_iso
from tmxdb.errors import InvalidInput
from tmxdb.export.tables.sources import Row, TableColumn, json_list

FORMATS = ("parquet", "csv", "jsonl")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins with one of these is run as a formula by spreadsheets: OWASP, "CSV Injection"."""


class RowWriter(Protocol):
    """Writes the rows of one table to a file."""

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""

    def close(self) -> None:
        """Finish the file, but leave it open."""


def row_writer(
    form: str, file: BinaryIO, columns: Sequence[TableColumn], *, for_spreadsheet: bool = False
) -> RowWriter:
    """Return a writer for `form`, one of FORMATS. Raise InvalidInput if Parquet is wanted without pyarrow."""
    if form == "csv":
        return CsvRows(file, columns, for_spreadsheet=for_spreadsheet)
    if form == "jsonl":
        return JsonLines(file, columns)
    return ParquetRows(file, columns)


class CsvRows:
    """UTF-8, one header line. Null is empty, booleans are `true` and `false`.

    `for_spreadsheet`: text that a spreadsheet would run as a formula gets an apostrophe in front.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[TableColumn], *, for_spreadsheet: bool = False) -> None:
        self._file, self._for_spreadsheet = file, for_spreadsheet
        self._write([[column.name for column in columns]])

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        self._write([[self._value(value) for value in row] for row in rows])

    def close(self) -> None:
        """Do nothing: every page is written completely."""

    def _value(self, value: Any) -> Any:
        if isinstance(value, bool):
            return "true" if value else "false"
        if self._for_spreadsheet and isinstance(value, str) and value.startswith(_FORMULA_START):
            return f"'{value}"
        return value

    def _write(self, rows: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode("utf-8", "replace"))


class JsonLines:
    """One JSON object per line, with every column in every line. NaN becomes null."""

    def __init__(self, file: BinaryIO, columns: Sequence[TableColumn]) -> None:
        self._file, self._names = file, [column.name for column in columns]
        self._encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        lines = [self._line(dict(zip(self._names, row, strict=True))) for row in rows]
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        """Do nothing: every page is written completely."""

    def _line(self, row: dict[str, Any]) -> str:
        try:
            return self._encode(row) + "\n"
        except ValueError:  # NaN or infinity, which JSON cannot express
            return self._encode({name: None if _is_not_finite(value) else value for name, value in row.items()}) + "\n"


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not isfinite(value)


class ParquetRows:
    """Typed columns, compressed with zstd. Pages are collected to row groups, which readers skip or read as a whole.

    Each column has its meaning (`description`) and its `unit` in its metadata.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[TableColumn]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ModuleNotFoundError as error:
            raise InvalidInput(
                'the format parquet needs pyarrow. Install it: pip install "tmxdb[parquet]"', code="input.extra"
            ) from error
        self._pyarrow = pyarrow
        self._schema = pyarrow.schema([_field(pyarrow, column) for column in columns])
        self._columns = columns
        self._tables: list[Any] = []
        self._rows = self._bytes = 0
        self._writer = pyarrow.parquet.ParquetWriter(
            pyarrow.PythonFile(file, mode="w"), self._schema, compression="zstd"
        )

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows."""
        if not rows:
            return
        arrays = [
            self._array(values, column, field)
            for values, column, field in zip(zip(*rows, strict=True), self._columns, self._schema, strict=True)
        ]
        table = self._pyarrow.Table.from_arrays(arrays, schema=self._schema)
        self._tables.append(table)
        self._rows += len(rows)
        self._bytes += table.nbytes
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        """Write the rest and the end of the file."""
        self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        if self._tables:
            self._writer.write_table(self._pyarrow.concat_tables(self._tables), row_group_size=2 * ROW_GROUP_ROWS)
        self._tables, self._rows, self._bytes = [], 0, 0

    def _array(self, values: Sequence[Any], column: TableColumn, field: Any) -> Any:
        if column.type in _LISTS:
            values = [None if value is None else json_list(value) for value in values]
        try:
            if column.type == "time":
                return self._pyarrow.array(values, self._pyarrow.string()).cast(field.type)
            return self._pyarrow.array(values, field.type)
        except (self._pyarrow.ArrowException, TypeError, ValueError, OverflowError):  # a value of another type
            return self._pyarrow.array([_typed(value, column.type) for value in values], field.type)


ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 2**25
_LISTS = {"integers": "integer", "texts": "text"}
PARQUET_TYPES = ("integer", "number", "real", "boolean", "text", "category", "time", *_LISTS)
"""integer: int64; number: float64; real: float32; category: text of few values; time: UTC in ms; integers, texts:
lists, in the other formats JSON text as it is stored."""


def _field(pyarrow: Any, column: TableColumn) -> Any:
    types = {
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "real": pyarrow.float32(),
        "boolean": pyarrow.bool_(),
        "text": pyarrow.string(),
        "category": pyarrow.dictionary(pyarrow.int32(), pyarrow.string()),
        "time": pyarrow.timestamp("ms", "UTC"),
        "integers": pyarrow.list_(pyarrow.int64()),
        "texts": pyarrow.list_(pyarrow.string()),
    }
    about = {"description": column.doc, "unit": column.unit}
    return pyarrow.field(column.name, types[column.type], metadata={k: v for k, v in about.items() if v} or None)


def _typed(value: Any, wanted: str) -> Any:
    """Return a value that fits its column. SQLite columns may hold values of another type; those become null."""
    if value is None:
        return None
    match wanted:
        case "boolean":
            return bool(value)
        case "integer":
            fits = isinstance(value, int) and -(2**63) <= value < 2**63
            return int(value) if fits else None
        case "number" | "real":
            return float(value) if isinstance(value, int | float) else None
        case "integers" | "texts":
            return [_typed(item, _LISTS[wanted]) for item in value]
        case "time":
            try:
                return from_iso(str(value))
            except (ValueError, TypeError, OverflowError):
                return None
        case _:
            return str(value).encode("utf-8", "replace").decode()
