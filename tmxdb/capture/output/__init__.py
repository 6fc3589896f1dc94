"""The folder that a capture writes: JPEGs, `manifest.json` and `metadata.json`; and reading it again."""
