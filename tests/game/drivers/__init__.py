"""Both drivers of the game."""
