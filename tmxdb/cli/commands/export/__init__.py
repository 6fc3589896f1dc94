"""Commands that write data sets and pictures."""
