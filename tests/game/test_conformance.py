"""The suite of `conformance.py`, run for every game that can be had here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conformance import CheckpointConformance, Conformance, FrameConformance, GameUnderTest, ReplacedConformance
from .games import MemoryGame, PeerGame


class TestPeer(Conformance, FrameConformance, CheckpointConformance, ReplacedConformance):
    """The socket driver with a peer written from the sheet."""

    @pytest.fixture
    def game(self) -> Iterator[GameUnderTest]:
        game = PeerGame()
        yield game
        game.close()


class TestMemory(Conformance, CheckpointConformance):
    """The driver of TMInterface 1.4 with a stand-in of its shared memory. It takes no pictures."""

    @pytest.fixture
    def game(self, tmp_path: Path) -> Iterator[GameUnderTest]:
        game = MemoryGame(tmp_path / "TMInterface0")
        yield game
        game.close()
