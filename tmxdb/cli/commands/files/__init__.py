"""Commands that read GBX files without a database."""
