"""Pictures of a run for a person: the driven line (`plot.py`) and what was captured of it (`contact_sheet.py`)."""
