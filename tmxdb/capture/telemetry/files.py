"""Telemetry as a file: `telemetry.parquet` with pyarrow, else `telemetry.npz`, which needs no other package to write.

Both have the same columns. A null column is all null in Parquet and left out of the npz.
"""

from __future__ import annotations

import io
import zipfile
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from tmxdb.capture.store.tar import TAR, TELEMETRY_MEMBER, read_member
from tmxdb.capture.telemetry import npy
from tmxdb.capture.telemetry.columns import BYTE, COLUMNS, FLAG, NUMBER, WHOLE
from tmxdb.capture.telemetry.table import TelemetryTable
from tmxdb.capture.unreadable_file import unreadable_file
from tmxdb.errors import InvalidInput

PARQUET, NPZ = "telemetry.parquet", "telemetry.npz"
NAMES = (PARQUET, NPZ)
MAX_BYTES = 2**30
"""The largest file that is read. A race of three hours has about 100 MB."""
_FAILURES = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, RuntimeError, OverflowError)


def file_name() -> str:
    """Return the name of the file that this installation writes."""
    return PARQUET if _pyarrow() is not None else NPZ


def write_telemetry(table: TelemetryTable, file: BinaryIO, name: str) -> None:
    """Write a table in the format of `name`, one of NAMES."""
    if name == PARQUET:
        _write_parquet(table, file)
    else:
        _write_npz(table, file)


def read_telemetry(folder: Path, name: str) -> TelemetryTable:
    """Return the telemetry of a captured folder. Raise InvalidInput if the file is missing, damaged or too large."""
    path = folder / name
    try:
        if not path.exists() and (folder / TAR).exists():
            return parse_telemetry(read_member(folder, TELEMETRY_MEMBER), name, f"{name} in {folder / TAR}")
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        with path.open("rb") as file:
            return parse_telemetry(file.read(), name, str(path))
    except OSError as error:
        raise unreadable_file(path, error) from error


def parse_telemetry(data: bytes, name: str, item: str) -> TelemetryTable:
    """Return the telemetry in the bytes of a file called `name`. Raise InvalidInput, which names `item`."""
    try:
        table = _read_parquet(data) if name == PARQUET else _read_npz(data)
    except InvalidInput:
        raise
    except _FAILURES as error:
        raise _damaged(item, "cannot be read") from error
    problem = table.problem()
    if problem:
        raise _damaged(item, problem)
    return table


def _damaged(item: str, what: str) -> InvalidInput:
    return InvalidInput(f"{item}: {what}. Run `tmxdb verify --repair` to capture it again.", code="capture.damaged")


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError:
        return None
    return pyarrow


def _write_parquet(table: TelemetryTable, file: BinaryIO) -> None:
    pyarrow = _pyarrow()
    types = {FLAG: pyarrow.bool_(), BYTE: pyarrow.int8(), WHOLE: pyarrow.int32(), NUMBER: pyarrow.float32()}
    ticks, fields, arrays = len(table), [], []
    for column, values in table.columns():
        kind = types[column.code]
        whole = kind if column.width == 1 else pyarrow.list_(kind, column.width)
        fields.append(pyarrow.field(column.name, whole, metadata={"unit": column.unit} if column.unit else None))
        if values is None:
            arrays.append(pyarrow.nulls(ticks, whole))
            continue
        stored = pyarrow.uint8() if column.code == FLAG else kind
        flat = pyarrow.Array.from_buffers(stored, len(values), [None, pyarrow.py_buffer(values)]).cast(kind)
        arrays.append(flat if column.width == 1 else pyarrow.FixedSizeListArray.from_arrays(flat, column.width))
    document = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
    pyarrow.parquet.write_table(document, file, compression="zstd", row_group_size=65_536)


def _read_parquet(data: bytes) -> TelemetryTable:
    pyarrow = _pyarrow()
    if pyarrow is None:
        raise InvalidInput(
            f'{PARQUET} needs pyarrow. Install it: pip install "tmxdb[parquet]"', code="input.extra"
        ) from None
    document = pyarrow.parquet.read_table(pyarrow.BufferReader(data))
    stored = {FLAG: pyarrow.uint8(), BYTE: pyarrow.int8(), WHOLE: pyarrow.int32(), NUMBER: pyarrow.float32()}
    values: dict[str, array[int] | array[float]] = {}
    for column in COLUMNS:
        chunks = document.column(column.name).combine_chunks()
        flat = chunks if column.width == 1 else chunks.flatten()
        if (len(flat) and flat.null_count == len(flat)) or (len(chunks) and chunks.null_count == len(chunks)):
            continue
        if flat.null_count or len(flat) != len(chunks) * column.width:
            raise ValueError(column.name)
        if column.code == FLAG:
            flat = flat.cast(pyarrow.uint8())
        if flat.type != stored[column.code]:
            raise ValueError(column.name)
        numbers = array(column.code)
        size = numbers.itemsize
        numbers.frombytes(memoryview(flat.buffers()[1])[flat.offset * size : (flat.offset + len(flat)) * size])
        values[column.name] = numbers
    return TelemetryTable(values)


def _write_npz(table: TelemetryTable, file: BinaryIO) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for column, values in table.columns():
            if values is not None:
                shape = (len(table),) if column.width == 1 else (len(table), column.width)
                # Equal tables give equal bytes: no times.
                member = zipfile.ZipInfo(f"{column.name}.npy")
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, npy.array_bytes(values, shape))


def _read_npz(data: bytes) -> TelemetryTable:
    values: dict[str, array[int] | array[float]] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if sum(sizes.values()) > MAX_BYTES:
            raise ValueError("too large")
        for column in COLUMNS:
            if f"{column.name}.npy" in sizes:
                values[column.name] = npy.read_array(archive.read(f"{column.name}.npy"), column.code, column.width)
    return TelemetryTable(values)


def describe(table: TelemetryTable, name: str, hz: int) -> dict[str, Any]:
    """Return `telemetry` of metadata.json: the file, its rate, how many ticks it has, how many are missing, and the
    columns that are null."""
    times = table.column("time_ms") or array(WHOLE)
    period_ms = 1000 // hz
    gaps = sum(max(0, (later - earlier - 1) // period_ms) for earlier, later in pairwise(times))
    missed = int(gaps) + (int(times[0]) // period_ms if times else 0)
    return {"file": name, "hz": hz, "ticks": len(table), "missed": missed, "null_columns": table.null_columns}
