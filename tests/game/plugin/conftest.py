"""The plugin's host, built once for all tests here, and games of it that must not throw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .host import Host, build

Start = Callable[..., Host]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("host"))


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """`start("race 500 1000")`: a game of its own. The script of none may have thrown in the end."""
    started: list[Host] = []

    def begin(*orders: str, **settings: object) -> Host:
        started.append(Host(program, *orders, **settings))  # type: ignore[arg-type]
        return started[-1]

    yield begin
    for host in started:
        host.close()
    assert [error for host in started for error in host.errors if "no state here" not in error] == []
