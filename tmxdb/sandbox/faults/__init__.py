"""Everything that goes wrong with a site, on request: when (rules), and what (answers)."""
