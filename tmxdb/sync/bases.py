"""The measures of popularity by which tracks are ranked. Options list them, so this module imports nothing."""

from __future__ import annotations

BASES = {
    "awards": "awards",
    "activity": "activity_at",
    "comments": "comments",
    "value": "track_value",
    "uploaded": "uploaded_at",
    "updated": "updated_at",
}
"""The column of `tracks` for each measure; the largest value comes first."""
