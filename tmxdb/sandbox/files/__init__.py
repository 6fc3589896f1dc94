"""GBX bytes for tracks and replays: made up, or real ones from a folder."""
