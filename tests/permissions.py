"""Run a block bound by the permissions of files, also as root, who may otherwise read and write everything."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.needs import lacking

_VERSION = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3: three sets of 64 bits, in two halves (man 2 capset)."""
_OVERRIDE = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of man 7 capabilities."""


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Take the right to ignore permissions from this thread, and from the threads and processes that it starts."""
    if os.name == "nt":
        pytest.skip("Windows has no permissions that Python could take away")
    if os.geteuid() != 0:
        yield
        return
    if not sys.platform.startswith("linux"):
        lacking("only Linux can bind root by permissions")
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = struct.pack("=Ii", _VERSION, 0), ctypes.create_string_buffer(24)
    if libc.capget(header, sets):
        lacking("the capabilities of this process cannot be read")
    effective, permitted, inheritable, *upper = struct.unpack("=6I", sets.raw)
    bound = struct.pack("=6I", effective & ~_OVERRIDE, permitted, inheritable, *upper)
    if libc.capset(header, bound):
        lacking("this process cannot give up capabilities")
    try:
        yield
    finally:
        libc.capset(header, sets.raw)
