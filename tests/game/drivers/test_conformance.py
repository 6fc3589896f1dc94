"""Run the conformance suite with the small games of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.game.drivers.conformance import (
    CheckpointConformance,
    Conformance,
    FrameConformance,
    GameUnderTest,
    ReplacedConformance,
)
from tests.game.drivers.games import MemoryGame, PeerGame


class TestPeer(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver with peer.py."""

    @pytest.fixture
    def game(self) -> Iterator[GameUnderTest]:
        game = PeerGame()
        yield game
        game.close()


class TestMemory(Conformance, CheckpointConformance):
    """The driver of TMInterface 1.4 with memory_game.py. It takes no pictures."""

    @pytest.fixture
    def game(self, tmp_path: Path) -> Iterator[GameUnderTest]:
        game = MemoryGame(tmp_path)
        yield game
        game.close()
