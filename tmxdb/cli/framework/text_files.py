"""Small text files that people write, in whatever encoding their editor or shell chose."""

from __future__ import annotations

import codecs
import locale
import sys

from tmxdb.errors import InvalidInput, UsageError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with the same two bytes
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_user_text(path: str, *, at_most: int, what: str, code: str) -> str:
    """Return the text of the file `path` that the user named; `-` is stdin.

    Raise UsageError if it cannot be read, InvalidInput if it has more than `at_most` bytes. `what`: what a file of
    that size is not.
    """
    try:
        if path == "-":
            data = sys.stdin.buffer.read(at_most + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(at_most + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.", code=code) from error
    except ValueError:
        raise UsageError(f"{path!r} is not a file name.", code=code) from None
    if len(data) > at_most:
        raise InvalidInput(f"{path} is larger than {at_most // 1_000_000} MB; that is not {what}.", code=code)
    return decode_text(data)


def decode_text(data: bytes) -> str:
    """Return the text in `data`; bytes that fit no encoding become U+FFFD.

    A byte order mark decides. Without one: UTF-8 if it is valid, UTF-16 if every other byte of the start is zero
    (Windows PowerShell and Notepad write it), else the code page of this computer.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    start = data[:200]
    if len(start) > 1 and b"\0" in start:
        for zeros, encoding in ((start[1::2], "utf-16-le"), (start[0::2], "utf-16-be")):
            if zeros and not any(zeros):
                return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        code_page = locale.getpreferredencoding(False)
        return data.decode(
            "cp1252" if code_page.lower() in ("utf-8", "ascii", "us-ascii", "ansi_x3.4-1968") else code_page, "replace"
        )
