"""Which pages a sitemap has asked for: its own document holds no text, they become searchable."""

from __future__ import annotations

import asyncpg
import msgspec

from projections.engine.database import tenant_transaction
from projections.knowledge.documents import Awaited

_PAGES = """
    SELECT p.document, p.version, p.url FROM read.documents s
    JOIN read.documents p ON p.tenant = $1 AND p.version > s.version AND p.version < s.opened_at
    WHERE s.tenant = $1 AND s.document = $2 AND s.newest AND s.version >= $3
        AND p.origin = 'fetched' AND p.content_hash = ''
        AND p.submitted_by = s.submitted_by AND p.locale = s.locale
    ORDER BY p.version
"""
"""Requests between the sitemap's own and the commit that says that all were made."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page that was asked for; `version` is its request's."""

    tenant: str
    document: str
    version: int
    url: str


async def pages_of(pool: asyncpg.Pool, sitemap: Awaited) -> list[Page]:
    """The pages of a sitemap in its order; none before the sitemap itself is indexed.

    A page that the same person asked for in that very time is among them; one that was waiting
    to be fetched already is not, nor are pages that theirs link to.
    """
    async with tenant_transaction(pool, sitemap.tenant) as connection:
        rows = await connection.fetch(_PAGES, sitemap.tenant, sitemap.document, sitemap.version)
    return [Page(tenant=sitemap.tenant, **dict(row)) for row in rows]
