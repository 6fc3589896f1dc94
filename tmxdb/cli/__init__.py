"""The command line: the only package that uses Click. One file per command, imported when the command is called.

`main` is the console script. It imports nothing before it can catch Ctrl-C, so that stopping tmxdb while Python still
loads it prints no traceback. The program itself is in `program.py`, exit statuses are in `exit_status.py`.
"""

from __future__ import annotations

import gc
import io
import os
import sys

GC_THRESHOLD = 50_000
"""New objects after which the garbage collector runs, instead of 700: imports create many and hardly any cycles."""


def main() -> None:
    """Run `tmxdb` with the arguments in `sys.argv` and exit with its status."""
    gc.set_threshold(GC_THRESHOLD)
    _open_closed_streams()
    try:
        from tmxdb.cli.entry import run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.stderr.flush()
        os._exit(130)
    run()


class _Nowhere(io.TextIOWrapper):
    """A stream of the null device, which Windows takes for a terminal."""

    def isatty(self) -> bool:
        """Return False."""
        return False


def _open_closed_streams() -> None:
    """Replace standard streams that are closed, as by `>&-` or under pythonw, with the null device.

    Python leaves them None. Their descriptors must not stay free: the next file that is opened, which may be the
    database, would get the number of stdout, and what a library or a child process prints would be written to it.
    """
    for name, mode in (("stdin", "rb"), ("stdout", "wb"), ("stderr", "wb")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number: that of the stream
            os.set_inheritable(descriptor, True)
            setattr(sys, name, _Nowhere(open(descriptor, mode, closefd=False), encoding="utf-8"))  # noqa: SIM115
