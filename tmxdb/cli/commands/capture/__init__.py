"""Commands that capture frames from the game."""
