"""Commands that fill a mirror."""
