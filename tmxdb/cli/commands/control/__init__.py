"""Commands that change which rows workers claim."""
