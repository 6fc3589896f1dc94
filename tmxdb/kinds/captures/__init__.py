"""Captures: the kind `capture`, which drives replays in the game, and the requests that it works on."""
