"""GBX files for tracks and replays: generated, or real ones from a folder."""
