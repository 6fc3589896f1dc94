"""`tmxdb status --watch`: the status on the whole screen, with keys."""
