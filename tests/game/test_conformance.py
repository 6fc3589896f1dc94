"""The suite of `conformance.py`, run for every game that can be had here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conformance import CheckpointConformance, Conformance, FrameConformance, GameUnderTest
from .games import PeerGame


class TestPeer(Conformance, FrameConformance, CheckpointConformance):
    """The socket driver with a peer written from the sheet."""

    @pytest.fixture
    def game(self) -> Iterator[GameUnderTest]:
        game = PeerGame()
        yield game
        game.close()
