"""Drives a running game: one protocol (`driver.py`), one file for each way to reach a game, and what surrounds it.

The game itself never runs where tmxdb is built: what is known of it stands in the fact sheet of TMInterface, and each
place where that is silent says what it assumes.
"""
