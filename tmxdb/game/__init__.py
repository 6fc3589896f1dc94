"""Drive a running game: one protocol (`driver.py`), one driver for each TMInterface version, and the game's files.

tmxdb was never run with the real game. What is known of it is in docs/facts/tminterface.md; where that page leaves a
question open, the code says what it assumes.
"""
