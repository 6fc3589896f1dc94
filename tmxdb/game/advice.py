"""What to do where a folder of the game cannot be used: the ends of messages."""

from __future__ import annotations

SET_GAME_FOLDER = "set the game's folder with --trackmania-path"
SET_TMINTERFACE_FOLDER = "set TMInterface's folder with --tminterface-path"
