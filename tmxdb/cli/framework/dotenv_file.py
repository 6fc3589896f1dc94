"""Settings from the file `.env` in the current folder: tmxdb's own variables and nothing else.

The current folder may be anybody's, so the file cannot set variables that change what runs, such as PYTHONPATH or
http_proxy.
"""

from __future__ import annotations

import io
import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from tmxdb.cli.framework.environment import ENVIRONMENT, VARIABLES
from tmxdb.cli.framework.text_files import decode_text
from tmxdb.errors import InvalidInput

MAX_BYTES = 1_000_000
_ADVICE = "Correct or remove the file, or run tmxdb in another folder."


@dataclass(frozen=True, slots=True)
class DotEnv:
    """A `.env` file that was read. `used`: variables it set. `ignored`: variables it names that tmxdb does not take."""

    path: Path
    used: tuple[str, ...]
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        used = ", ".join(self.used) or "nothing"
        ignored = f"; ignored {', '.join(self.ignored)}" if self.ignored else ""
        return f"Read settings from {self.path}: {used}{ignored}."


def read_dot_env(folder: Path, environment: MutableMapping[str, str]) -> DotEnv | None:
    """Set what `.env` in `folder` says. Return None if there is no such file.

    An option that has a value in `environment` already, under any of its names, keeps it.
    Raise InvalidInput if it cannot be read, is too large, or holds a setting with a NUL character.
    """
    path = folder / ".env"
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror}). {_ADVICE}", code="input.dotenv") from error
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"{path} is larger than {MAX_BYTES // 1_000_000} MB. {_ADVICE}", code="input.dotenv")
    values = _parse(decode_text(data))
    used = []
    kept = {name for names in ENVIRONMENT.values() if any(environment.get(one) for one in names) for name in names}
    for name, value in values.items():
        if name not in VARIABLES or value is None or name in kept:
            continue
        if "\0" in value:
            raise InvalidInput(f"{path}: the value of {name} contains a NUL character. {_ADVICE}", code="input.dotenv")
        environment[name] = value
        used.append(name)
    ignored = sorted(name for name in values if name not in VARIABLES)
    return DotEnv(path, tuple(used), tuple(ignored))


def _parse(text: str) -> dict[str, str | None]:
    from dotenv import dotenv_values

    # It would print a line on stderr for each line that it cannot parse.
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)
    return dotenv_values(stream=io.StringIO(text))
