"""Run the revisions: on the connection that `tmxdb migrate` passes, otherwise on the URL in alembic.ini."""

from __future__ import annotations

from alembic import context

from tmxdb.db.database import Database, shown
from tmxdb.db.migrate import changing_schema
from tmxdb.db.models import Base
from tmxdb.db.user_objects.keeping import user_objects_kept


def run(connection: object) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        # All revisions in one transaction: an interrupted upgrade leaves the older database as it was.
        transaction_per_migration=False,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = context.config.get_main_option("sqlalchemy.url")
    database = Database((url or "").removeprefix("sqlite:///"))
    try:
        with changing_schema(database) as connection, user_objects_kept(connection, shown(database.location)):
            run(connection)
    finally:
        database.close()
