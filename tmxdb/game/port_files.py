"""Files with the port of a game in their names: locks, and records of started games."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PortFiles:
    """The files of one kind: `before`, the port, `after`."""

    before: str
    after: str

    def path(self, folder: Path, port: int) -> Path:
        """Return the file of a port in `folder`."""
        return folder / f"{self.before}{port}{self.after}"

    def ports(self, folder: Path) -> Iterator[int]:
        """Yield the ports that have a file in `folder`."""
        for path in folder.glob(f"{self.before}*{self.after}"):
            number = path.name.removeprefix(self.before).removesuffix(self.after)
            if number.isascii() and number.isdigit():
                yield int(number)
