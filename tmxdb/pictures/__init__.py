"""Pictures of a run: its driven line (`plot.py`) and a contact sheet of its captured frames (`contact_sheet.py`)."""
