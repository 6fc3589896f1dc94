"""Databases of older revisions."""
