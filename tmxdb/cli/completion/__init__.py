"""Completion with the Tab key: the scripts for four shells, and the words that can follow.

Completion is silent: whatever goes wrong, a shell gets no words rather than an error in the middle of a line.
"""
