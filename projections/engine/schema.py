"""What a database needs before the first projection: extension, roles, bookkeeping."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import asyncpg

from projections.engine.builds import BOOKKEEPING
from projections.engine.database import COMMAND_TIMEOUT_S, CONNECT_TIMEOUT_S
from projections.engine.projection import Connection, ProjectionError
from projections.engine.security import READER_ROLE, WRITER_ROLE

OLDEST_POSTGRES = 150000
"""Views with `security_invoker` came with Postgres 15."""
SCHEMA_LOCK = 0x7A6D656D  # any number that others do not take


class DatabaseUnfit(ProjectionError):
    """This database cannot hold the read models; the message says why and what to do."""


async def ensure_schema(dsn: str) -> None:
    """Prepare the database at `dsn`. Idempotent, and safe when several start at once.

    Raises DatabaseUnfit, or what asyncpg raises when Postgres cannot be reached.
    """
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
    )
    try:
        if connection.get_server_version()[0] * 10000 < OLDEST_POSTGRES:
            raise DatabaseUnfit("Postgres 15 or newer is needed")
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", SCHEMA_LOCK)
            await _ensure_vector(connection)
            for role in (READER_ROLE, WRITER_ROLE):
                await _ensure_role(connection, role)
            await connection.execute(BOOKKEEPING)
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def ensure_database(dsn: str) -> bool:
    """Make the database that `dsn` names where the server has none of this name; True when it did.

    Raises DatabaseUnfit when this user may not, or what asyncpg raises when Postgres cannot be
    reached.
    """
    try:
        connection = await asyncpg.connect(
            dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
        )
    except asyncpg.InvalidCatalogNameError:
        await _create_database(dsn, unquote(urlsplit(dsn).path.lstrip("/")))
        return True
    await connection.close(timeout=CONNECT_TIMEOUT_S)
    return False


async def _create_database(dsn: str, name: str) -> None:
    """From `template1`, which every server has."""
    connection = await asyncpg.connect(
        dsn, database="template1", timeout=CONNECT_TIMEOUT_S, command_timeout=COMMAND_TIMEOUT_S
    )
    quoted = '"' + name.replace('"', '""') + '"'
    try:
        await connection.execute(f"CREATE DATABASE {quoted}")
    except asyncpg.DuplicateDatabaseError:
        pass  # another was first
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnfit(
            f"there is no database {name} and this user may not create one: let an"
            f" administrator run CREATE DATABASE {quoted} OWNER <this user>"
        ) from error
    finally:
        await connection.close(timeout=CONNECT_TIMEOUT_S)


async def _ensure_vector(connection: Connection) -> None:
    if await connection.fetchval("SELECT true FROM pg_extension WHERE extname = 'vector'"):
        return
    try:
        await connection.execute("CREATE EXTENSION vector")
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnfit(
            "the extension 'vector' (pgvector) is missing and this user may not create it:"
            " let an administrator run CREATE EXTENSION vector in this database"
        ) from error
    except (asyncpg.FeatureNotSupportedError, asyncpg.UndefinedFileError) as error:
        raise DatabaseUnfit(
            "this Postgres server has no pgvector: install it, then start again"
        ) from error


async def _ensure_role(connection: Connection, role: str) -> None:
    """Roles belong to the whole server, so another database's start may be making it too."""
    try:
        await connection.execute(
            f"""
            DO $$ BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                    CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS;
                END IF;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END $$;
            """
        )
        if not await _may_become(connection, role):
            await connection.execute(f"GRANT {role} TO CURRENT_USER")
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseUnfit(
            f"the role {role} is missing and this user may not create or take it: let an"
            f" administrator run CREATE ROLE {role} NOLOGIN; GRANT {role} TO <this user>"
        ) from error
    mighty = await connection.fetchval(
        "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = $1", role
    )
    if mighty:
        raise DatabaseUnfit(
            f"the role {role} may bypass row-level security, which keeps tenants apart:"
            f" ALTER ROLE {role} NOSUPERUSER NOBYPASSRLS"
        )


async def _may_become(connection: Connection, role: str) -> bool:
    """Tried rather than asked: since Postgres 16 a member need not be allowed to SET ROLE."""
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {role}")
            await connection.execute("RESET ROLE")
    except asyncpg.InsufficientPrivilegeError:
        return False
    return True
