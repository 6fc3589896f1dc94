"""Which tick the pictures of a game show: measured on the running game, stored for its set-up, applied to labels."""
