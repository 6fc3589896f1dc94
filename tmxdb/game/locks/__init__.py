"""Locks between processes: on a folder of the game, and on the port of a game."""
