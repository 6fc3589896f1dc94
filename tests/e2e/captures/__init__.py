"""Whole runs that capture."""
