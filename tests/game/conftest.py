"""The command line in a folder of its own."""

from ..tool import tool

__all__ = ["tool"]
