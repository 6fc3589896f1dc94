"""The plugin's host, built once for all tests here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.game.plugin.host import Host, build_once

Start = Callable[..., Host]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_once(tmp_path_factory)


@pytest.fixture
def start(program: Path) -> Iterator[Start]:
    """Start games: `start("race 500 1000")`. The test fails if a script raised an exception."""
    started: list[Host] = []

    def start_host(*commands: str, **settings: object) -> Host:
        started.append(Host(program, *commands, **settings))  # type: ignore[arg-type]
        return started[-1]

    yield start_host
    for host in started:
        host.close()
    assert [error for host in started for error in host.errors if "no state here" not in error] == []
