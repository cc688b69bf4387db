"""A tenant is a wall: in our queries, and in Postgres when our queries forget it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import asyncpg
import pytest
from knowledge_shelf import OTHER_SPACE

from events.knowledge import SpaceOpened, SpaceSwitched
from events.spaces import DEFAULT_SPACE
from projections.knowledge.index.tables import TABLES

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

SECRET = "question,answer\nWhat is the code?,The code is {}.\n"


@pytest.fixture(scope="module", autouse=True)
async def two_tenants(shelf: Shelf) -> None:
    """Each with something in every table: what was closed, and a space switched to."""
    for tenant, code in (("acme", "alpha"), ("globex", "omega")):
        space = {"tenant": tenant, "space": OTHER_SPACE}
        gone = await shelf.submit(tenant, "gone.csv", SECRET.format("gone"))
        await shelf.remove(tenant, gone.document)
        await shelf.say(tenant, SpaceOpened(at=1, **space))
        await shelf.submit(tenant, "codes.csv", SECRET.format(code))
        await shelf.say(tenant, SpaceSwitched(at=2, previous=DEFAULT_SPACE, **space))


async def test_a_search_finds_its_own_tenants_text_only(shelf: Shelf) -> None:
    assert [hit.text for hit in await shelf.search("acme", "code omega")] == ["The code is alpha."]
    assert [hit.text for hit in await shelf.search("globex", "code")] == ["The code is omega."]
    assert await shelf.search("initech", "code") == []


async def test_the_same_file_of_two_tenants_has_different_chunks(shelf: Shelf) -> None:
    for tenant in ("one", "two"):
        await shelf.submit(tenant, "same.csv", SECRET.format("same"))
    (one,), (two,) = [await shelf.search(tenant, "code") for tenant in ("one", "two")]
    assert one.chunk != two.chunk


@pytest.mark.parametrize("table", TABLES)
async def test_postgres_hides_other_tenants_when_the_predicate_is_forgotten(
    shelf: Shelf, table: str
) -> None:
    from projections.engine.database import tenant_transaction

    async with tenant_transaction(shelf.pool, "acme") as connection:
        rows = await connection.fetch(f"SELECT tenant FROM read.{table}")
    assert rows
    assert {row["tenant"] for row in rows} == {"acme"}


async def test_the_search_itself_cannot_reach_another_tenant(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections.knowledge.search import search

    forgetful = re.sub(r"(\w\.)?tenant = \$1", "($1::text IS NOT NULL)", search.exact())
    assert "tenant = $1" not in forgetful
    monkeypatch.setattr(search, "exact", lambda filters: forgetful)
    assert [hit.text for hit in await shelf.search("acme", "code")] == ["The code is alpha."]


@pytest.mark.parametrize("table", TABLES)
async def test_the_wall_binds_the_owner_of_the_table_too(shelf: Shelf, table: str) -> None:
    from projections.engine.builds import live_build

    build = await live_build(shelf.pool, "knowledge")
    assert build is not None
    row = await shelf.pool.fetchrow(
        "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = $1::text::regclass",
        f"{build.schema}.{table}",
    )
    assert tuple(row) == (True, True)


@pytest.mark.parametrize("table", TABLES)
async def test_who_names_no_tenant_sees_nothing(shelf: Shelf, table: str) -> None:
    async with shelf.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL ROLE tandem_reader")
        assert await connection.fetch(f"SELECT tenant FROM read.{table}") == []


async def test_a_reader_cannot_write(shelf: Shelf) -> None:
    from projections.engine.database import tenant_transaction

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
        async with tenant_transaction(shelf.pool, "acme") as connection:
            await connection.execute("DELETE FROM read.chunks")
