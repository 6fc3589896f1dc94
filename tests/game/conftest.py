"""Fixtures of the game tests: the command line in a temporary folder."""

from tests.tool import tool

__all__ = ["tool"]
