"""The command line: the only package that uses Click. One file per command, imported when the command is called.

`main` is the console script. It imports nothing before it can catch Ctrl-C, so that stopping tmxdb while Python still
loads it prints no traceback. The program itself is in `program.py`, exit statuses are in `exit_status.py`.
"""

from __future__ import annotations

import gc
import os
import sys

GC_THRESHOLD = 50_000
"""New objects after which the garbage collector runs, instead of 700: imports create many and hardly any cycles."""


def main() -> None:
    """Run `tmxdb` with the arguments in `sys.argv` and exit with its status."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        from tmxdb.cli.entry import run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        sys.stderr.flush()
        os._exit(130)
    run()
