"""Row-level security: a tenant is a wall that Postgres keeps, not only our WHERE.

`tandem_writer` owns the tables of all builds and writes them; `tandem_reader` may only read,
and only rows of the tenant that its transaction names. Neither may log in or bypass row-level
security, and it is forced, so that it binds the owner of the tables too.
"""

from __future__ import annotations

import re

READER_ROLE = "tandem_reader"
WRITER_ROLE = "tandem_writer"
TENANT_SETTING = "tandem.tenant"

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


def identifier(name: str) -> str:
    """`name`, when it may stand unquoted in SQL. Raises ValueError when it may not."""
    if not _NAME.match(name):
        raise ValueError(f"{name!r} cannot name a table, a schema or a projection")
    return name


def row_security(table: str) -> str:
    """DDL that puts the wall on `table` (bare name, column `tenant`); running it again is fine.

    A reader with no tenant set sees nothing: the setting is then null or empty, and no tenant's
    name is empty.
    """
    name = identifier(table)
    return f"""
        ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
        DROP POLICY IF EXISTS tenant_reads ON {name};
        CREATE POLICY tenant_reads ON {name} FOR SELECT TO {READER_ROLE}
            USING (tenant = (SELECT current_setting('{TENANT_SETTING}', true)));
        DROP POLICY IF EXISTS projector_writes ON {name};
        CREATE POLICY projector_writes ON {name} FOR ALL TO {WRITER_ROLE}
            USING (true) WITH CHECK (true);
        GRANT SELECT ON {name} TO {READER_ROLE};
    """
