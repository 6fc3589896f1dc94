"""Commands that run the stand-ins for the exchange and the game."""
