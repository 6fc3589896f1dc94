"""What the 3D view of a track draws, as compact binary data: the blocks of its map and the lines of chosen replays."""
