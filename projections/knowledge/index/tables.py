"""The tables of the knowledge index. `docs/decisions/0032` says why what was closed is kept.

What is searched today stands in `chunk_vectors`, `sentences` and `chunk_terms`, and nothing else
does. What was closed is moved to the table of the same columns with `past_` before its name, for
a search as of an earlier version. `chunks` keeps the text of both, for citations.
"""

from __future__ import annotations

LIVING = ("chunk_vectors", "sentences", "chunk_terms")
"""Each has a past table of the same columns."""
IN_A_SPACE = ("chunk_vectors", "sentences")
"""What leaves when the embedding space that it is in is closed. What is past already stays."""
TABLES = (
    "documents",
    "embeddings",
    "chunks",
    *LIVING,
    *(f"past_{table}" for table in LIVING),
    "term_counts",
    "language_counts",
    "spaces",
    "space_switches",
    "generations",
)

_DOCUMENTS = """
    CREATE TABLE documents (
        tenant text NOT NULL,
        document text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        newest boolean NOT NULL,
        state text NOT NULL CHECK (state IN ('requested', 'submitted', 'parsed', 'chunked',
            'indexed', 'failed', 'replaced', 'superseded', 'removed')),
        name text COLLATE "C" NOT NULL,
        title text NOT NULL,
        media_type text NOT NULL,
        content_hash text NOT NULL,
        size bigint NOT NULL,
        url text NOT NULL,
        locale text NOT NULL,
        origin text NOT NULL,
        submitted_by text NOT NULL,
        submitted_at timestamptz NOT NULL,
        parsed_hash text NOT NULL,
        parser text NOT NULL,
        pages int NOT NULL,
        characters bigint NOT NULL,
        flags jsonb NOT NULL,
        chunks_hash text NOT NULL,
        chunks int NOT NULL,
        settings jsonb,
        failed_stage text NOT NULL,
        failed_code text NOT NULL,
        reason text NOT NULL,
        failed_where text NOT NULL,
        opened_at bigint,
        indexed_at timestamptz,
        closed_at bigint,
        PRIMARY KEY (tenant, document, version)
    );
    CREATE INDEX ON documents (tenant, name, document) WHERE newest;
    CREATE INDEX ON documents (tenant, document) WHERE opened_at IS NOT NULL AND closed_at IS NULL;
    CREATE TABLE embeddings (
        tenant text NOT NULL,
        document text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        space text COLLATE "C" NOT NULL,
        chunks_hash text NOT NULL,
        vectors_hash text NOT NULL,
        PRIMARY KEY (tenant, document, version, space)
    );
    COMMENT ON COLUMN documents.version IS 'of the submission or request in the log';
    COMMENT ON COLUMN documents.newest IS 'no later submission or request of this document';
    COMMENT ON COLUMN documents.name IS 'as it was handed over: a file''s name, or an address';
    COMMENT ON COLUMN documents.parsed_hash IS 'names the parsed text in the object store';
    COMMENT ON COLUMN documents.chunks_hash IS 'names the chunks in the object store';
    COMMENT ON COLUMN documents.settings IS 'how it was cut; null until it was';
    COMMENT ON COLUMN documents.opened_at IS 'answers from this version of the log on';
    COMMENT ON COLUMN documents.closed_at IS
        'the version of the log that ended it, whether it ever answered or not';
    COMMENT ON COLUMN embeddings.vectors_hash IS
        'names the vectors of these chunks in this space, in the object store';
"""

_CHUNKS = """
    CREATE TABLE chunks (
        tenant text NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        document text COLLATE "C" NOT NULL,
        version bigint NOT NULL,
        ordinal int NOT NULL,
        title text NOT NULL,
        heading text NOT NULL,
        text text NOT NULL,
        url text NOT NULL,
        source text NOT NULL,
        locale text NOT NULL,
        place jsonb NOT NULL,
        start_at int NOT NULL,
        end_at int NOT NULL,
        tokens int NOT NULL,
        text_hash text NOT NULL,
        media_type text NOT NULL,
        language text COLLATE "C" NOT NULL,
        length int NOT NULL,
        opened_at bigint NOT NULL,
        closed_at bigint,
        PRIMARY KEY (tenant, chunk)
    );
    CREATE UNIQUE INDEX ON chunks (tenant, document, version, ordinal);
    CREATE INDEX ON chunks (tenant, closed_at) WHERE closed_at IS NOT NULL;
    CREATE INDEX ON chunks (tenant, text_hash) WHERE closed_at IS NULL;
    CREATE INDEX ON chunks (tenant, locale) WHERE closed_at IS NULL;
    CREATE INDEX ON chunks (tenant, source) WHERE closed_at IS NULL;
    CREATE INDEX ON chunks (tenant, media_type) WHERE closed_at IS NULL;
    COMMENT ON COLUMN chunks.version IS 'of the document';
    COMMENT ON COLUMN chunks.heading IS 'what of its headings or question is embedded with it';
    COMMENT ON COLUMN chunks.start_at IS 'characters into its block of the parsed document';
    COMMENT ON COLUMN chunks.text_hash IS 'sha256 of the text, hex';
    COMMENT ON COLUMN chunks.language IS 'the text-search configuration of its words';
    COMMENT ON COLUMN chunks.length IS 'words of its text-search vector, each time they occur';
    COMMENT ON COLUMN chunks.opened_at IS
        'valid at v: opened_at <= v and (closed_at is null or closed_at > v)';
"""

_VECTORS = """
    CREATE TABLE {past}chunk_vectors (
        tenant text NOT NULL,
        space text COLLATE "C" NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        language text COLLATE "C" NOT NULL,
        length int NOT NULL,
        embedding halfvec NOT NULL,
        PRIMARY KEY (tenant, space, chunk)
    );
    CREATE TABLE {past}sentences (
        tenant text NOT NULL,
        space text COLLATE "C" NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        n int NOT NULL,
        text text NOT NULL,
        embedding halfvec NOT NULL,
        PRIMARY KEY (tenant, space, chunk, n)
    );
    CREATE TABLE {past}chunk_terms (
        tenant text NOT NULL,
        language text COLLATE "C" NOT NULL,
        lexeme text COLLATE "C" NOT NULL,
        chunk text COLLATE "C" NOT NULL,
        occurrences int NOT NULL,
        PRIMARY KEY (tenant, language, lexeme, chunk) INCLUDE (occurrences)
    );
    COMMENT ON COLUMN {past}chunk_vectors.embedding IS
        'mean of the unit vectors of the heading and of heading and text together';
    COMMENT ON COLUMN {past}sentences.n IS
        '0 is the heading, sentences of the text count from 1';
"""

_COUNTS = """
    CREATE INDEX ON chunk_terms (tenant, chunk);
    CREATE TABLE term_counts (
        tenant text NOT NULL,
        language text COLLATE "C" NOT NULL,
        lexeme text COLLATE "C" NOT NULL,
        chunks bigint NOT NULL,
        PRIMARY KEY (tenant, language, lexeme)
    );
    CREATE TABLE language_counts (
        tenant text NOT NULL,
        language text COLLATE "C" NOT NULL,
        chunks bigint NOT NULL,
        length bigint NOT NULL,
        PRIMARY KEY (tenant, language)
    );
    COMMENT ON COLUMN term_counts.chunks IS 'how many living chunks hold it';
    COMMENT ON COLUMN language_counts.length IS 'sum of the lengths of its living chunks';
"""

_SPACES = """
    CREATE TABLE spaces (
        tenant text NOT NULL,
        space text COLLATE "C" NOT NULL,
        state text NOT NULL CHECK (state IN ('open', 'active', 'closed')),
        opened_at bigint NOT NULL,
        active_at bigint,
        closed_at bigint,
        PRIMARY KEY (tenant, space)
    );
    CREATE TABLE space_switches (
        tenant text NOT NULL,
        version bigint NOT NULL,
        space text NOT NULL,
        previous text NOT NULL,
        recall double precision NOT NULL,
        quality jsonb NOT NULL,
        by text NOT NULL,
        at timestamptz NOT NULL,
        PRIMARY KEY (tenant, version)
    );
    CREATE TABLE generations (
        tenant text NOT NULL PRIMARY KEY,
        version bigint NOT NULL,
        space text NOT NULL,
        chunks bigint NOT NULL
    );
    COMMENT ON COLUMN spaces.state IS 'active: searched in; open: filled beside it';
    COMMENT ON COLUMN spaces.opened_at IS 'version in the log; 0: since ever, the default space';
    COMMENT ON COLUMN generations.version IS 'newest commit that changed what can be found';
    COMMENT ON COLUMN generations.space IS 'the one that is searched in';
    COMMENT ON COLUMN generations.chunks IS 'how many are living';
"""

DDL = "".join(
    (
        _DOCUMENTS,
        _CHUNKS,
        _VECTORS.format(past=""),
        _VECTORS.format(past="past_"),
        _COUNTS,
        _SPACES,
    )
)
