"""The screens of the game."""

from __future__ import annotations

from enum import Enum


class GameScreen(Enum):
    """What the game shows; `in menus?` is true for MENUS only."""

    START_UP = "starting"
    MENUS = "menus"
    LOADING = "loading"
    NOTICE = "press a key"
    INTRO = "intro"
    RACE = "race"
    DIALOG = "end"
