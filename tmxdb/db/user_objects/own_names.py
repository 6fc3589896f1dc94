"""Which tables, views and triggers are tmxdb's own, in a database of any revision."""

from __future__ import annotations

import re

from tmxdb.db.models import JOBS, Base
from tmxdb.db.models.views import VIEWS

OWN_VIEWS = frozenset(VIEWS)
"""Every view that any revision made. Keep the name of a view that a later revision drops."""
OWN_RELATIONS = OWN_VIEWS | frozenset(Base.metadata.tables)
"""Every table and view that any revision made: tables that were renamed are views now."""
_TABLES = "|".join(table.name for table in JOBS.values())
_OWN_TRIGGER = re.compile(rf"tally_({_TABLES})_(insert|update|delete)(_error)?")


def is_own_view(name: str) -> bool:
    """Return whether a view of this name is tmxdb's."""
    return name.lower() in OWN_VIEWS


def is_own_trigger(name: str) -> bool:
    """Return whether a trigger of this name is tmxdb's."""
    return _OWN_TRIGGER.fullmatch(name) is not None
