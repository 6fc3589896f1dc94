"""The parts of a replay file: header chunks, body, ghosts, inputs and samples. `tmxdb.gbx.replay` combines them."""
