"""The knowledge index on a real Postgres: what is live is found, what was stays readable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

FAQ = "question,answer,url\nHow long does delivery take?,It takes two days.,https://x.example/d\n"


async def chunks_of(shelf: Shelf, tenant: str) -> list[Any]:
    return await shelf.pool.fetch(
        "SELECT * FROM read.chunks WHERE tenant = $1 ORDER BY opened_at, ordinal", tenant
    )


async def test_a_submitted_faq_is_found_with_its_sentence_and_address(shelf: Shelf) -> None:
    from projections.knowledge.ingest import wait_indexed

    submitted = await shelf.submit("faq", "faq.csv", FAQ)
    assert await wait_indexed(shelf.pool, [submitted], timeout=5) == {submitted.document: 1}
    (hit,) = await shelf.search("faq", "how long is the delivery?")
    assert (hit.title, hit.text) == ("How long does delivery take?", "It takes two days.")
    assert (hit.url, hit.locale, hit.document) == ("https://x.example/d", "en", submitted.document)
    assert [text for text, _ in hit.sentences] == ["It takes two days."]


async def test_every_quotable_sentence_is_a_part_of_its_chunk(shelf: Shelf) -> None:
    page = "# Care\n\nWipe it. Do not use bleach!\n\n- Never wet paper\n\n## Wood\n\nOil it twice."
    await shelf.submit("quotes", "care.md", page)
    hits = await shelf.search("quotes", "wipe bleach oil")
    assert sum(len(hit.sentences) for hit in hits) == 4
    for hit in hits:
        assert hit.text in page
        assert all(text in hit.text for text, _ in hit.sentences)
        assert sorted((s for _, s in hit.sentences), reverse=True) == [s for _, s in hit.sentences]


@pytest.mark.parametrize("asked", ["devolucion", "devolución", "devoluciones", "DEVOLUCION"])
async def test_spanish_words_are_found_with_and_without_their_accents(
    shelf: Shelf, asked: str
) -> None:
    """By the words alone: this embedder sees no likeness between them."""
    await shelf.submit("accents", "b.md", "# Envíos\n\nEl paquete llega en dos días.", locale="es")
    await shelf.submit("accents", "a.md", "# Lámparas\n\nCada lámpara lleva luz.", locale="es")
    await shelf.submit("accents", "c.md", "# Cambios\n\nLa devolución es gratis.", locale="es")
    hits = await shelf.search("accents", asked, locale="es")
    assert hits[0].text == "La devolución es gratis."


async def test_a_replaced_document_is_found_in_its_new_words_only(shelf: Shelf) -> None:
    first = await shelf.submit("replace", "faq.csv", FAQ)
    second = await shelf.submit("replace", "faq.csv", FAQ.replace("two days", "five weeks"))
    hits = await shelf.search("replace", "delivery")
    assert [hit.text for hit in hits] == ["It takes five weeks."]
    old, new = await chunks_of(shelf, "replace")
    assert (old["text"], old["opened_at"], old["closed_at"]) == (
        "It takes two days.", first.version, second.version
    )  # fmt: skip
    assert (new["opened_at"], new["closed_at"]) == (second.version, None)
    assert old["chunk"] != new["chunk"]


async def test_a_removed_document_is_not_found_but_its_citations_resolve(shelf: Shelf) -> None:
    from projections.knowledge.ingest import wait_indexed

    await shelf.submit("remove", "faq.csv", FAQ)
    (cited,) = await shelf.search("remove", "delivery")
    removed = await shelf.remove("remove", "faq.csv")
    await wait_indexed(shelf.pool, [removed], timeout=5)
    assert await shelf.search("remove", "delivery") == []
    (row,) = await chunks_of(shelf, "remove")
    assert (row["chunk"], row["text"], row["closed_at"]) == (
        cited.chunk,
        cited.text,
        removed.version,
    )


async def test_a_document_that_comes_back_has_its_old_ids(shelf: Shelf) -> None:
    await shelf.submit("back", "faq.csv", FAQ)
    (before,) = await shelf.search("back", "delivery")
    await shelf.remove("back", "faq.csv")
    await shelf.submit("back", "faq.csv", FAQ)
    (after,) = await shelf.search("back", "delivery")
    assert after.chunk == before.chunk
    assert len(await chunks_of(shelf, "back")) == 1


async def test_nothing_of_what_was_closed_is_left_in_what_is_searched(shelf: Shelf) -> None:
    await shelf.submit("swept", "faq.csv", FAQ)
    await shelf.remove("swept", "faq.csv")
    for table in ("chunk_vectors", "chunk_terms", "sentences"):
        count = await shelf.pool.fetchval(
            f"SELECT count(*) FROM read.{table} WHERE tenant = 'swept'"
        )
        assert count == 0, table


async def test_a_batch_that_is_delivered_again_changes_nothing(shelf: Shelf) -> None:
    from projections.runner import Batch, feed_live

    submitted = await shelf.submit("again", "faq.csv", FAQ)
    before = await chunks_of(shelf, "again")
    commits = tuple(await shelf.log.load(_stream("again", submitted.document)))
    version = commits[-1].version
    batch = Batch(after=version - 1, commits=commits, through=version)
    assert await feed_live(shelf.pool, shelf.index, batch) == shelf.applied
    assert await chunks_of(shelf, "again") == before


async def test_a_document_whose_original_is_lost_is_told_and_stops_nothing(shelf: Shelf) -> None:
    from projections.knowledge.ingest import NotIndexed, submit, wait_indexed

    kept, shelf.documents._kept = shelf.documents._kept, {}
    lost = await submit(
        shelf.log, shelf.documents, tenant="lost", name="a.md", content=b"Lamp A.", at=1
    )
    shelf.documents._kept = kept
    good = await shelf.submit("lost", "b.md", "Lamp B.")
    assert await wait_indexed(shelf.pool, [good], timeout=5) == {good.document: 1}
    with pytest.raises(NotIndexed, match="the original is lost"):
        await wait_indexed(shelf.pool, [lost], timeout=5)


async def test_waiting_ends_with_the_name_of_what_is_missing(shelf: Shelf) -> None:
    from projections.knowledge.ingest import NotIndexed, Submitted, wait_indexed

    never = Submitted(tenant="wait", document="never", version=1, changed=True)
    with pytest.raises(NotIndexed, match="never"):
        await wait_indexed(shelf.pool, [never], timeout=0.1)


async def test_a_failing_embedder_leaves_no_half_indexed_document(shelf: Shelf) -> None:
    async def broken(texts: Any) -> Any:
        raise ConnectionError("the embedder is gone")

    whole, shelf.index._embed = shelf.index._embed, broken
    with pytest.raises(ConnectionError):
        await shelf.submit("half", "faq.csv", FAQ)
    assert await chunks_of(shelf, "half") == []
    shelf.index._embed = whole
    await shelf.apply()
    assert len(await shelf.search("half", "delivery")) == 1


async def test_another_build_from_the_same_log_has_the_same_rows(shelf: Shelf) -> None:
    """Vectors too here: the same texts are embedded in the same batches."""
    from projections.builds import create_build, live_build
    from projections.comparison import compare
    from projections.runner import Batch, take_in

    await shelf.submit("rebuild", "faq.csv", FAQ)
    await shelf.submit("rebuild", "faq.csv", FAQ.replace("two", "three"))
    await shelf.submit("rebuild", "care.md", "# Care\n\nWipe it with a cloth. Then dry it.")
    await shelf.remove("rebuild", "care.md")
    applied, shelf.applied = shelf.applied, 0
    commits = tuple(await shelf.commits())
    shelf.applied = applied
    async with shelf.pool.acquire() as connection, connection.transaction():
        build = await create_build(connection, shelf.index)
        batch = Batch(after=0, commits=commits, through=applied)
        await take_in(connection, shelf.index, build, batch, live=False)
    async with shelf.pool.acquire() as connection, connection.transaction():
        live = await live_build(connection, shelf.index.name)
        assert live is not None
        tables = await compare(connection, shelf.index, live, build)
    assert [table.table for table in tables] == list(shelf.index.tables)
    assert all(table.equal for table in tables), tables


def _stream(tenant: str, document: str) -> Any:
    from events.stream import knowledge_stream

    return knowledge_stream(tenant, document)
