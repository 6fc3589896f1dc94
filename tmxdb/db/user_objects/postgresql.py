"""Drop views of users on PostgreSQL that use views of tmxdb, and create them again with all that belongs to them.

Views that read only tables stay: the server follows tables and columns that are renamed. What users added to views of
tmxdb (grants, comments, triggers, rules) is added again to those that the change of the schema replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from tmxdb.db.user_objects.own_names import OWN_RELATIONS
from tmxdb.db.user_objects.refusal import restoring

_OWN = """
SELECT oid, relkind, format('%I.%I', relnamespace::regnamespace::text, relname)
FROM pg_class
WHERE relname = ANY(CAST(:names AS text[])) AND relkind IN ('r', 'v')
  AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('alembic_version'))
"""
_OF_USERS = """
WITH RECURSIVE found(oid, depth) AS (
  SELECT oid, 0 FROM pg_class WHERE oid = ANY(CAST(:own AS oid[])) AND relkind = 'v'
  UNION
  SELECT pg_rewrite.ev_class, depth + 1
  FROM found
  JOIN pg_depend ON refclassid = 'pg_class'::regclass AND refobjid = found.oid AND classid = 'pg_rewrite'::regclass
  JOIN pg_rewrite ON pg_rewrite.oid = objid AND rulename = '_RETURN' AND ev_class <> found.oid
)
SELECT pg_class.oid, relkind, format('%I.%I', nspname, relname), pg_class.oid::regclass::text, relispopulated,
       format('CREATE %s %I.%I%s AS %s', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
              nspname, relname, ' WITH (' || array_to_string(reloptions, ', ') || ')',
              rtrim(pg_get_viewdef(pg_class.oid), ';'))
         || CASE relkind WHEN 'm' THEN ' WITH NO DATA' ELSE '' END,
       CASE WHEN pg_get_userbyid(relowner) <> current_user THEN
         format('ALTER %s %I.%I OWNER TO %I', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
                nspname, relname, pg_get_userbyid(relowner)) END
FROM found JOIN pg_class ON pg_class.oid = found.oid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid <> ALL(CAST(:own AS oid[])) AND relpersistence <> 't'
GROUP BY pg_class.oid, nspname
ORDER BY max(depth), pg_class.oid
"""
_BELONGINGS = """
WITH kept AS (
  SELECT pg_class.oid, relkind, relowner, relacl, format('%I.%I', nspname, relname) AS name
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE pg_class.oid = ANY(CAST(:oids AS oid[]))
), views AS (
  SELECT * FROM kept WHERE relkind IN ('v', 'm')
)
SELECT oid, statement FROM (
  SELECT 1 AS step, indrelid AS oid, pg_get_indexdef(indexrelid) AS statement
  FROM views JOIN pg_index ON indrelid = views.oid
  UNION ALL
  SELECT 2, ev_class, pg_get_ruledef(pg_rewrite.oid)
  FROM views JOIN pg_rewrite ON ev_class = views.oid AND rulename <> '_RETURN'
  UNION ALL
  SELECT 3, tgrelid, pg_get_triggerdef(pg_trigger.oid)
  FROM views JOIN pg_trigger ON tgrelid = views.oid AND NOT tgisinternal
  UNION ALL
  SELECT 4, views.oid, CASE WHEN attname IS NULL
    THEN format('COMMENT ON %s %s IS %L', CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, name,
                description)
    ELSE format('COMMENT ON COLUMN %s.%I IS %L', name, attname, description) END
  FROM views JOIN pg_description ON objoid = views.oid AND classoid = 'pg_class'::regclass
  LEFT JOIN pg_attribute ON attrelid = views.oid AND attnum = objsubid AND objsubid > 0
  UNION ALL
  SELECT 5, kept.oid, format('GRANT %s ON %s TO %s%s', privilege_type, name,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM kept, aclexplode(relacl) WHERE grantee <> relowner
  UNION ALL
  SELECT 6, kept.oid, format('GRANT %s (%I) ON %s TO %s%s', privilege_type, attname, name,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM kept JOIN pg_attribute ON attrelid = kept.oid AND NOT attisdropped, aclexplode(attacl)
  WHERE grantee <> relowner
) AS belongings
ORDER BY step, statement
"""


@dataclass(frozen=True, slots=True)
class _View:
    """A view of a user, which `create` makes again. `owner`: the statement that gives it back to another role."""

    oid: int
    relkind: str
    name: str
    shown: str
    is_populated: bool
    create: str
    owner: str | None

    @property
    def kind(self) -> str:
        return "MATERIALIZED VIEW" if self.relkind == "m" else "VIEW"


def take_away(connection: Connection) -> Callable[[], None]:
    """Drop the views of users that use views of tmxdb. Return the function that creates them again.

    It raises DatabaseError if one of them can no longer be created.
    """
    own = connection.execute(text(_OWN), {"names": _array(sorted(OWN_RELATIONS))}).fetchall()
    own_oids = _array(oid for oid, *_ in own)
    views = [_View(*row) for row in connection.execute(text(_OF_USERS), {"own": own_oids})]
    oids = _array([*(oid for oid, *_ in own), *(view.oid for view in views)])
    belongings: dict[int, list[str]] = {}
    for oid, statement in connection.execute(text(_BELONGINGS), {"oids": oids}):
        belongings.setdefault(oid, []).append(statement)
    for view in reversed(views):
        _run(connection, f"DROP {view.kind} {view.name}")

    def restore() -> None:
        for oid, _, name in own:
            if _oid(connection, name) not in (oid, None):
                with restoring(f"view {name}"):
                    _run(connection, *belongings.get(oid, ()))
        for view in views:
            with restoring(f"view {view.shown}"):
                _run(connection, view.create, *belongings.get(view.oid, ()), *([view.owner] if view.owner else []))
        for view in views:
            # Not WITH DATA above: the server reads the rows with the rights of the owner, and not with ours.
            if view.relkind == "m" and view.is_populated:
                with restoring(f"view {view.shown}"):
                    _run(connection, f"REFRESH MATERIALIZED VIEW {view.name}")

    return restore


def _oid(connection: Connection, name: str) -> int | None:
    """Return the oid that the relation `name` has now, or None if it does not exist."""
    found: int | None = connection.execute(text("SELECT CAST(to_regclass(:name) AS oid)"), {"name": name}).scalar()
    return found


def _run(connection: Connection, *statements: str) -> None:
    """Execute statements that may contain a percent sign."""
    for statement in statements:
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
