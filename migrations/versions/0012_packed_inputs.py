"""Inputs in a tenth of the space on SQLite: table `inputs` becomes `packed_inputs`, and a view has the older name.

As JSON text, the inputs of a mirror took about as much space as its files. SQLite's function `inputs_json`, which every
connection of tmxdb has, returns the text of packed inputs, and a text as it is. So older rows stay as they are here;
`tmxdb migrate` packs them in portions, from the row that the setting `packing_inputs` names. PostgreSQL compresses long
texts itself.

A revision is history: it repeats the models as they were then and imports nothing of tmxdb.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

EVENTS = """CREATE VIEW input_events AS
SELECT packed_inputs.replay_id, CAST(item.key AS INTEGER) + 1 AS number,
       item.value ->> 0 AS time_ms, item.value ->> 1 AS control, item.value ->> 2 AS value
FROM packed_inputs, json_each(inputs_json(packed_inputs.events)) AS item"""
OLDER_EVENTS = EVENTS.replace("inputs_json(packed_inputs.events)", "inputs.events").replace("packed_inputs", "inputs")
CONSTRAINTS = ("pk_{}", "fk_{}_replay_id")
UNPACKED = f"INSERT INTO settings (key, value) SELECT 'packing_inputs', '{-(2**63)}' FROM packed_inputs LIMIT 1"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        rename("inputs", "packed_inputs")
        op.execute("CREATE VIEW inputs AS SELECT replay_id, events FROM packed_inputs")
        return
    op.execute("DROP VIEW input_events")
    op.rename_table("inputs", "packed_inputs")
    op.execute("CREATE VIEW inputs AS SELECT replay_id, inputs_json(events) AS events FROM packed_inputs")
    op.execute(EVENTS)
    op.execute(UNPACKED)


def downgrade() -> None:
    op.execute("DROP VIEW inputs")
    if op.get_bind().dialect.name == "postgresql":
        rename("packed_inputs", "inputs")
        return
    op.execute("DROP VIEW input_events")
    op.execute("UPDATE packed_inputs SET events = inputs_json(events)")
    op.execute("DELETE FROM settings WHERE key = 'packing_inputs'")
    op.rename_table("packed_inputs", "inputs")
    op.execute(OLDER_EVENTS)


def rename(old: str, new: str) -> None:
    op.rename_table(old, new)
    for constraint in CONSTRAINTS:
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT {constraint.format(old)} TO {constraint.format(new)}")
