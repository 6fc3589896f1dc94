"""One run of the program: streams, settings, the command, and its end.

Every expected failure is one sentence on stderr and an exit status; what is printed elsewhere never ends a program
with a traceback.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import IO, NoReturn

import click

from tmxdb.cli.exit_status import FAILED, INTERRUPTED, OK, USAGE
from tmxdb.cli.framework.dotenv_file import read_dot_env
from tmxdb.cli.framework.windows_expansion import with_home
from tmxdb.cli.program import OutputClosed, is_closed_pipe, tmxdb
from tmxdb.cli.shared.output import message, system_error
from tmxdb.errors import TmxdbError, UsageError

INTERRUPTED_MESSAGE = "Interrupted. Run the same command again to continue."
_log = logging.getLogger("tmxdb.cli")


def run() -> NoReturn:
    """Run the command in `sys.argv` and exit."""
    try:
        _run()
    finally:
        _drop_unwritten(sys.stderr)
        gc.freeze()  # Python would look for cycles in all that was imported before it ends: 50 ms with SQLAlchemy


def _run() -> NoReturn:
    instruction = os.environ.get("_TMXDB_COMPLETE")
    if instruction:
        _complete(instruction)
    try:
        _prepare_streams()
        dot_env = read_dot_env(Path(), os.environ)
        status = tmxdb.main(
            with_home(sys.argv[1:]), prog_name="tmxdb", standalone_mode=False, obj=dot_env, windows_expand_args=False
        )
        sys.stdout.flush()
        sys.exit(status if isinstance(status, int) else OK)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _end("Interrupted.", INTERRUPTED)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        sys.exit(error.exit_code)
    except TmxdbError as error:
        if error.code == "worker.stopping":  # Ctrl-C during a wait
            _end(INTERRUPTED_MESSAGE, INTERRUPTED)
        _end(f"Error: {error}", USAGE if isinstance(error, UsageError) else FAILED)
    except OutputClosed:
        _end_quietly()
    except OSError as error:
        if is_closed_pipe(error):
            _end_quietly()
        _end_after(error)


def _end_quietly() -> NoReturn:
    """End after the reader of the output has closed its pipe: it has what it wanted."""
    _drop_unwritten(sys.stdout)
    sys.exit(OK)


def _complete(instruction: str) -> NoReturn:
    """Print the words for a shell that completes a line. Nothing else may reach its terminal."""
    with suppress(Exception), open(os.devnull, "w", encoding="utf-8") as nowhere:
        with redirect_stderr(nowhere):
            _prepare_streams()
            read_dot_env(Path(), os.environ)
            from tmxdb.cli.completion.shells import complete

            text = complete(tmxdb, instruction)
        sys.stdout.write(f"{text}\n" if text else "")
        sys.stdout.flush()
    sys.exit(OK)


def _prepare_streams() -> None:
    """Write UTF-8 to whatever is not a terminal, on every system; never fail over a character."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            encoding = None if stream.isatty() else "utf-8"
            reconfigure(encoding=encoding, errors="backslashreplace")


def _end_after(error: OSError) -> NoReturn:
    """End after an error of the system that no command expected: most often the output cannot be written."""
    _drop_unwritten(sys.stdout)
    _log.debug("The command ended with an error of the system.", exc_info=error)
    _end(f"Error: {system_error(error)}", FAILED)


def _drop_unwritten(stream: IO[str]) -> None:
    """Send what a stream cannot write to nowhere: Python's own flush at the end would fail and change the status."""
    with suppress(OSError, ValueError):
        stream.flush()
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _end(text: str, status: int) -> NoReturn:
    message(text)
    sys.exit(status)
