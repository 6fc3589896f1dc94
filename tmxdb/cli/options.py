"""Options that mean the same in every command, each with its TMXDB_… twin; look here before adding one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, **settings: Any) -> Callable[[F], F]:
    """A Click option that can also be set by `TMXDB_<NAME>`, and says so in its help."""
    long_name = next(name for name in names if name.startswith("--")).split("/")[0]
    settings.setdefault("envvar", "TMXDB_" + long_name.lstrip("-").replace("-", "_").upper())
    settings.setdefault("show_envvar", True)
    return click.option(*names, **settings)


json_option = option("--json", "as_json", is_flag=True, help="For a program: JSON on stdout.")
