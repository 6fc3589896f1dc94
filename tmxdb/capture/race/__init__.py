"""One race as a state machine without clock, socket or files; `runner.py` performs its commands on a game."""
