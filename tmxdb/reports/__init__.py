"""Answers about the database: counts, rates, remaining time, failures, and the user's own queries."""
