"""One replay into one folder of labelled frames: what to press, the race as a state machine, and what is written down.

Knows no database: a kind (`kinds/capture.py`) hands it a plan, a game to drive and a folder, and gets a value back.
"""
