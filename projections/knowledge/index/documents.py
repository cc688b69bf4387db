"""The rows of documents and their versions, fact by fact."""

from __future__ import annotations

import msgspec

from events.knowledge import (
    DocumentChunked,
    DocumentEmbedded,
    DocumentFailed,
    DocumentIndexed,
    DocumentParsed,
    DocumentRequested,
    DocumentSubmitted,
)
from events.log.event_log import Commit
from projections.engine.projection import Connection
from projections.engine.rows import as_json, moment
from projections.knowledge.index.rows import MOST_LOCALE, MOST_NAME, Answering, bounded, kept

LOST_REASON = "its text is lost from the object store: hand the document over again"
_ON_ITS_WAY = "('requested', 'submitted', 'parsed', 'chunked')"
_ANSWERING = "tenant, document, version, chunks_hash, title, url, locale, media_type"


async def handed_over(
    connection: Connection, commit: Commit, fact: DocumentSubmitted | DocumentRequested
) -> None:
    """A new version. What was on its way is overtaken; what answers goes on answering."""
    tenant, document, version = commit.stream.tenant, commit.stream.id, commit.version
    await connection.execute(
        "UPDATE documents SET newest = false,"
        f" state = CASE WHEN state IN {_ON_ITS_WAY} THEN 'superseded' ELSE state END,"
        " closed_at = CASE WHEN opened_at IS NULL THEN coalesce(closed_at, $3) ELSE closed_at END"
        " WHERE tenant = $1 AND document = $2 AND newest",
        tenant,
        document,
        version,
    )
    submitted = fact if isinstance(fact, DocumentSubmitted) else None
    name = submitted.name if submitted else fact.url
    await connection.execute(
        "INSERT INTO documents (tenant, document, version, newest, state, name, title, media_type,"
        " content_hash, size, url, locale, origin, submitted_by, submitted_at, parsed_hash,"
        " parser, pages, characters, flags, chunks_hash, chunks, failed_stage, failed_code,"
        " reason, failed_where)"
        " VALUES ($1, $2, $3, true, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '', '', 0, 0,"
        " '[]', '', 0, '', '', '', '')",
        tenant,
        document,
        version,
        "submitted" if submitted else "requested",
        bounded(name or document, MOST_NAME),
        kept(submitted.title) if submitted else "",
        submitted.media_type if submitted else "",
        submitted.content_hash if submitted else "",
        submitted.size if submitted else 0,
        kept(fact.url),
        bounded(fact.locale, MOST_LOCALE),
        submitted.origin if submitted else "fetched",
        kept(fact.by),
        moment(fact.at),
    )


async def parsed(connection: Connection, tenant: str, document: str, fact: DocumentParsed) -> None:
    await connection.execute(
        "UPDATE documents SET state = 'parsed', parsed_hash = $4, parser = $5, pages = $6,"
        " characters = $7, flags = $8, title = coalesce(nullif(title, ''), $9)"
        " WHERE tenant = $1 AND document = $2 AND version = $3 AND newest AND closed_at IS NULL",
        tenant,
        document,
        fact.version,
        fact.parsed_hash,
        fact.parser,
        fact.pages,
        fact.characters,
        as_json(fact.flags),
        kept(fact.title),
    )


async def chunked(
    connection: Connection, tenant: str, document: str, fact: DocumentChunked
) -> None:
    await connection.execute(
        "UPDATE documents SET state = 'chunked', chunks_hash = $4, chunks = $5, settings = $6"
        " WHERE tenant = $1 AND document = $2 AND version = $3 AND newest AND closed_at IS NULL",
        tenant,
        document,
        fact.version,
        fact.chunks_hash,
        fact.chunks,
        as_json(fact.settings),
    )


async def embedded(
    connection: Connection, tenant: str, document: str, fact: DocumentEmbedded
) -> None:
    """Which vectors belong to the version in that space, from now on."""
    await connection.execute(
        "INSERT INTO embeddings (tenant, document, version, space, chunks_hash, vectors_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, document, version, space)"
        " DO UPDATE SET chunks_hash = EXCLUDED.chunks_hash, vectors_hash = EXCLUDED.vectors_hash",
        tenant,
        document,
        fact.version,
        fact.space,
        fact.chunks_hash,
        fact.vectors_hash,
    )


async def embeddings(connection: Connection, one: Answering) -> list[tuple[str, str]]:
    """Space and vectors' hash of each space that these chunks were embedded in."""
    rows = await connection.fetch(
        "SELECT space, vectors_hash FROM embeddings"
        " WHERE tenant = $1 AND document = $2 AND version = $3 AND chunks_hash = $4"
        " ORDER BY space",
        one.tenant,
        one.document,
        one.version,
        one.chunks_hash,
    )
    return [(row["space"], row["vectors_hash"]) for row in rows]


async def embedded_in(
    connection: Connection, tenant: str, space: str
) -> list[tuple[Answering, str]]:
    """What answers and was ever embedded in `space`, with the vectors' hash."""
    rows = await connection.fetch(
        f"SELECT d.*, e.vectors_hash FROM (SELECT {_ANSWERING} FROM documents WHERE tenant = $1"
        " AND opened_at IS NOT NULL AND closed_at IS NULL) d"
        " JOIN embeddings e USING (tenant, document, version, chunks_hash)"
        " WHERE e.space = $2 ORDER BY d.document",
        tenant,
        space,
    )
    return [
        (
            Answering(**{name: row[name] for name in Answering.__struct_fields__}),
            row["vectors_hash"],
        )
        for row in rows
    ]


async def pending(
    connection: Connection, tenant: str, document: str, fact: DocumentIndexed
) -> Answering | None:
    """The version that `fact` lets answer; None when it did already, or was ended before."""
    row = await connection.fetchrow(
        f"SELECT {_ANSWERING} FROM documents WHERE tenant = $1 AND document = $2 AND version = $3"
        " AND opened_at IS NULL AND closed_at IS NULL",
        tenant,
        document,
        fact.version,
    )
    if row is None:
        return None
    return msgspec.structs.replace(Answering(**dict(row)), chunks_hash=fact.chunks_hash)


async def answering(
    connection: Connection, tenant: str, document: str, fact: DocumentEmbedded
) -> Answering | None:
    """The version that `fact` has vectors for, when it answers with these chunks."""
    row = await connection.fetchrow(
        f"SELECT {_ANSWERING} FROM documents WHERE tenant = $1 AND document = $2 AND version = $3"
        " AND chunks_hash = $4 AND opened_at IS NOT NULL AND closed_at IS NULL",
        tenant,
        document,
        fact.version,
        fact.chunks_hash,
    )
    return None if row is None else Answering(**dict(row))


async def replaced(connection: Connection, tenant: str, document: str, version: int) -> None:
    """A newer version answers from the commit `version` on."""
    await connection.execute(
        "UPDATE documents SET state = 'replaced', closed_at = $3 WHERE tenant = $1"
        " AND document = $2 AND opened_at IS NOT NULL AND closed_at IS NULL",
        tenant,
        document,
        version,
    )


async def indexed(connection: Connection, commit: Commit, fact: DocumentIndexed, n: int) -> None:
    await connection.execute(
        "UPDATE documents SET state = 'indexed', opened_at = $4, indexed_at = $5,"
        " chunks_hash = $6, chunks = $7, failed_stage = '', failed_code = '', reason = '',"
        " failed_where = '' WHERE tenant = $1 AND document = $2 AND version = $3",
        commit.stream.tenant,
        commit.stream.id,
        fact.version,
        commit.version,
        moment(fact.at),
        fact.chunks_hash,
        n,
    )


async def failed(connection: Connection, tenant: str, document: str, fact: DocumentFailed) -> None:
    await connection.execute(
        "UPDATE documents SET state = 'failed', failed_stage = $4, failed_code = $5, reason = $6,"
        " failed_where = $7 WHERE tenant = $1 AND document = $2 AND version = $3"
        " AND opened_at IS NULL AND closed_at IS NULL",
        tenant,
        document,
        fact.version,
        fact.stage,
        fact.code,
        kept(fact.reason),
        kept(fact.where),
    )


async def lost(
    connection: Connection, tenant: str, document: str, fact: DocumentIndexed, why: str
) -> None:
    """Its chunks are not in the object store any more."""
    await connection.execute(
        "UPDATE documents SET state = 'failed', failed_stage = 'index',"
        " failed_code = 'original_lost', reason = $4, failed_where = $5"
        " WHERE tenant = $1 AND document = $2 AND version = $3",
        tenant,
        document,
        fact.version,
        LOST_REASON,
        kept(why),
    )


async def removed(connection: Connection, tenant: str, document: str, version: int) -> None:
    """Nothing of the document answers; what was on its way will not either."""
    await connection.execute(
        "UPDATE documents SET closed_at = $3, state = CASE"
        " WHEN opened_at IS NOT NULL OR newest THEN 'removed' ELSE state END"
        " WHERE tenant = $1 AND document = $2 AND closed_at IS NULL",
        tenant,
        document,
        version,
    )
