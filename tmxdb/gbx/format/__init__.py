"""The GBX file format below any game object: bytes, names, chunks and the container around them."""
