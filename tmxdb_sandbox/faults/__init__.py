"""Faults of the site on request: rules say when, fault functions say what."""
