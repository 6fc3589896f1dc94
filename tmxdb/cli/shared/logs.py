"""The log: `-v`, `-vv`, `--log-file` and `--log-format` as handlers of the logger `tmxdb` and of the root logger.

Levels: INFO with -v, DEBUG with -vv. A log file gets at least INFO. The root logger gets what other libraries warn of,
such as SQLAlchemy's "Error closing cursor" with its traceback when a server goes away. The command says in its own
words what that means to the user, so only -vv and the log file show it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import click

from tmxdb.cli.framework.dotenv_file import DotEnv
from tmxdb.cli.shared.output import STDERR, Stderr, safe
from tmxdb.errors import InvalidInput

FILE_BYTES, FILES = 10_000_000, 5
_log = logging.getLogger("tmxdb.cli")


def configure_logging(verbose: int, log_file: Path | None, log_format: str, *, dot_env: DotEnv | None = None) -> None:
    """Log to stderr with -v, to `log_file` if there is one; nothing otherwise. The handlers end with the command.

    Raise InvalidInput if the file cannot be written.
    """
    handlers: list[logging.Handler] = []
    level = logging.DEBUG if verbose > 1 else logging.INFO
    if verbose:
        handlers.append(StderrHandler())
    if log_file is not None:
        handlers.append(rotating_file(log_file, "--log-file"))
    handlers.append(logging.NullHandler())  # a logger without a handler prints its warnings to stderr
    logger, root = logging.getLogger("tmxdb"), logging.getLogger()
    for handler in handlers:
        handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
        logger.addHandler(handler)
        if verbose > 1 or not isinstance(handler, StderrHandler):
            root.addHandler(handler)
    former_level, logger.propagate = logger.level, False
    logger.setLevel(level)
    logging.raiseExceptions = False  # a full disk of the log does not end the command, nor print a traceback

    def end() -> None:
        for handler in handlers:
            logger.removeHandler(handler)
            root.removeHandler(handler)
            handler.close()
        logger.setLevel(former_level)
        logger.propagate = True

    click.get_current_context().call_on_close(end)
    if dot_env is not None:
        _log.info("%s", dot_env)


def notices(show: Callable[[str], None], source: str) -> Callable[[str], None]:
    """Return a function that shows a sentence to the user and logs it as an event of the package `source`.

    With -v the log on stderr shows it.
    """
    from tmxdb.events import EventBus, Notice

    events = EventBus() if is_logged_to_stderr() else EventBus(lambda event: show(str(event)))
    return lambda text: events.emit(Notice(text, source))


def is_logged_to_stderr() -> bool:
    """Return whether a person sees the log (-v), so that the sentences of events need not be shown a second time."""
    return any(isinstance(handler, StderrHandler) for handler in logging.getLogger("tmxdb").handlers)


class StderrHandler(logging.StreamHandler[Stderr]):
    """Writes to stderr, above the progress bars if there are any."""

    def __init__(self) -> None:
        super().__init__(STDERR)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of `record`."""
        bars = sys.modules.get("tqdm")  # imported by commands that draw bars
        with bars.tqdm.external_write_mode(file=self.stream) if bars is not None else nullcontext():
            super().emit(record)


class TextFormatter(logging.Formatter):
    """One line for a record: time in UTC, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with control characters escaped."""
        text = f"{_time(record)} {record.levelname:<7} {record.name}: {record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
            return safe(text)
        return safe(text, keep="")


class JsonFormatter(logging.Formatter):
    """One JSON object for a record: time, level, logger, event, message and the values of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object in one line of ASCII."""
        entry = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": getattr(record, "event", None),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def check_log_file(path: Path, option: str) -> None:
    """Raise InvalidInput if lines cannot be appended to `path`: a database, a device, a folder that does not exist."""
    try:
        if path.exists():
            if not path.is_file():
                raise InvalidInput(f"{option} {path} is not a regular file.", code="input.log_file")
            with path.open("rb") as file:
                if file.read(16) == b"SQLite format 3\0":
                    raise InvalidInput(f"{option} {path} is a database. Choose another file.", code="input.log_file")
        path.open("ab").close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidInput(f"{option} {path} cannot be written ({reason}).", code="input.log_file") from error


def rotating_file(path: Path, option: str) -> logging.Handler:
    """Return a handler that appends to `path`, 5 files of 10 MB at most. Raise InvalidInput as `check_log_file` does.

    It renames a file that is full, so no file may be given to it that is not a log.
    """
    from logging.handlers import RotatingFileHandler  # imports the network library, which no help needs

    check_log_file(path, option)
    return RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=FILES - 1, encoding="utf-8", errors="backslashreplace"
    )


def _time(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
