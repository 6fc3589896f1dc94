"""Whole runs against a site that is slow, wrong or away."""
