"""SQL that a person types into a page: run with limits, shown or sent as CSV."""
