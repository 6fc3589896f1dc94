"""`tmxdb adopt`: adopt a folder of older downloads, or any folder of replays and maps."""
