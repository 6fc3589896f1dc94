"""`tmxdb adopt`: take over a folder of older downloads, or any folder of replays and maps."""
