"""The knowledge index on a real Postgres: what is live is found, what was stays readable."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from knowledge_shelf import OTHER_SPACE, bag_of_words

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

FAQ = "question,answer,url\nHow long does delivery take?,It takes two days.,https://x.example/d\n"
CARE = "# Care\n\nWipe it with a cloth. Then dry it.\n\n## Wood\n\nOil it twice a year."
SEARCHED = ("chunk_vectors", "sentences", "chunk_terms", "term_counts", "language_counts")


async def chunks_of(shelf: Shelf, tenant: str) -> list[Any]:
    rows = await shelf.rows("chunks", tenant)
    return sorted(rows, key=lambda row: (row["opened_at"], row["ordinal"]))


async def test_a_submitted_faq_is_found_with_its_sentence_place_and_version(shelf: Shelf) -> None:
    from projections.knowledge.documents import wait_indexed

    submitted = await shelf.submit("faq", "faq.csv", FAQ)
    assert await wait_indexed(shelf.pool, [submitted], timeout=60) == {submitted.document: 1}
    (hit,) = await shelf.search("faq", "how long is the delivery?")
    assert (hit.title, hit.text) == ("How long does delivery take?", "It takes two days.")
    assert (hit.url, hit.locale, hit.document) == ("https://x.example/d", "en", submitted.document)
    assert [text for text, _ in hit.sentences] == ["It takes two days."]
    (chunk,) = await chunks_of(shelf, "faq")
    assert chunk["version"] == submitted.version
    assert json.loads(chunk["place"])["row"] == 2
    assert chunk["opened_at"] == shelf.applied


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
    await shelf.submit("replace", "faq.csv", FAQ)
    opened = shelf.applied
    await shelf.submit("replace", "faq.csv", FAQ.replace("two days", "five weeks"))
    hits = await shelf.search("replace", "delivery")
    assert [hit.text for hit in hits] == ["It takes five weeks."]
    old, new = await chunks_of(shelf, "replace")
    assert (old["text"], old["opened_at"]) == ("It takes two days.", opened)
    assert (new["opened_at"], new["closed_at"]) == (shelf.applied, None)
    assert old["closed_at"] == new["opened_at"]
    assert old["chunk"] != new["chunk"]


async def test_what_answers_goes_on_answering_until_its_successor_is_indexed(shelf: Shelf) -> None:
    await shelf.submit("meanwhile", "faq.csv", FAQ)
    await shelf.library.submit(
        "meanwhile", name="faq.csv", content=FAQ.replace("two", "ten").encode(), at=shelf.tick()
    )
    await shelf.apply()
    assert [hit.text for hit in await shelf.search("meanwhile", "delivery")] == [
        "It takes two days."
    ]
    rows = sorted(await shelf.rows("documents", "meanwhile"), key=lambda row: row["version"])
    assert [(row["state"], row["newest"]) for row in rows] == [
        ("indexed", False),
        ("submitted", True),
    ]
    failed = await shelf.submit("meanwhile", "faq.csv", b"question,answer\n")
    rows = sorted(await shelf.rows("documents", "meanwhile"), key=lambda row: row["version"])
    assert [row["state"] for row in rows] == ["indexed", "superseded", "failed"]
    assert rows[1]["closed_at"] == failed.version
    assert len(await shelf.search("meanwhile", "delivery")) == 1


async def test_a_removed_document_is_not_found_but_its_citations_resolve(shelf: Shelf) -> None:
    from projections.knowledge.documents import chunk_by_id, wait_indexed

    submitted = await shelf.submit("remove", "faq.csv", FAQ)
    (cited,) = await shelf.search("remove", "delivery")
    removed = await shelf.remove("remove", submitted.document)
    await wait_indexed(shelf.pool, [removed], timeout=60)
    assert await shelf.search("remove", "delivery") == []
    found = await chunk_by_id(shelf.pool, "remove", cited.chunk)
    assert found is not None
    assert (found.chunk.text, found.chunk.closed_at) == (cited.text, removed.version)


async def test_what_was_closed_moves_from_what_is_searched_to_the_past(shelf: Shelf) -> None:
    submitted = await shelf.submit("swept", "care.md", CARE)
    living = {table: await shelf.rows(table, "swept") for table in SEARCHED}
    assert all(living.values())
    await shelf.remove("swept", submitted.document)
    for table in SEARCHED:
        assert await shelf.rows(table, "swept") == [], table
    for table in ("chunk_vectors", "sentences", "chunk_terms"):
        assert await shelf.rows(f"past_{table}", "swept") == living[table]


async def test_a_document_that_comes_back_has_chunks_of_its_own_time(shelf: Shelf) -> None:
    """An id is valid for one stretch of the log, so that a citation says which."""
    submitted = await shelf.submit("back", "faq.csv", FAQ)
    await shelf.remove("back", submitted.document)
    await shelf.submit("back", "faq.csv", FAQ)
    old, new = await chunks_of(shelf, "back")
    assert old["text"] == new["text"]
    assert old["chunk"] != new["chunk"]
    assert old["closed_at"] < new["opened_at"]


async def test_what_is_counted_of_the_words_is_what_stands_in_the_words(shelf: Shelf) -> None:
    await shelf.submit("counted", "faq.csv", FAQ)
    await shelf.submit("counted", "es.md", "# Envíos\n\nLlega en dos días.", locale="es")
    await shelf.submit("counted", "care.md", CARE)
    await shelf.submit("counted", "care.md", CARE.replace("cloth", "sponge"))
    await shelf.remove("counted", (await shelf.submit("counted", "x.md", "# X\n\nGone.")).document)
    terms: dict[tuple[str, str], int] = {}
    lengths: dict[str, tuple[int, int]] = {}
    for row in await shelf.rows("chunk_terms", "counted"):
        key = row["language"], row["lexeme"]
        terms[key] = terms.get(key, 0) + 1
    for row in await shelf.rows("chunk_vectors", "counted"):
        chunks, length = lengths.get(row["language"], (0, 0))
        lengths[row["language"]] = chunks + 1, length + row["length"]
    assert terms == {
        (row["language"], row["lexeme"]): row["chunks"]
        for row in await shelf.rows("term_counts", "counted")
    }
    assert lengths == {
        row["language"]: (row["chunks"], row["length"])
        for row in await shelf.rows("language_counts", "counted")
    }
    (generation,) = await shelf.rows("generations", "counted")
    assert (generation["chunks"], generation["space"]) == (4, DEFAULT_SPACE)
    assert generation["version"] == shelf.applied


async def test_a_batch_that_is_delivered_again_changes_nothing(shelf: Shelf) -> None:
    from events.log.stream import knowledge_stream
    from projections.engine.runner import Batch, feed_live

    submitted = await shelf.submit("again", "faq.csv", FAQ)
    before = await chunks_of(shelf, "again")
    commits = tuple(await shelf.log.load(knowledge_stream("again", submitted.document)))
    version = commits[-1].version
    batch = Batch(after=version - 1, commits=commits, through=version)
    assert await feed_live(shelf.pool, shelf.index, batch) == shelf.applied
    assert await chunks_of(shelf, "again") == before


async def test_lost_vectors_are_computed_again_in_their_own_space(shelf: Shelf) -> None:
    from projections.knowledge.index.projection import KnowledgeIndex

    asked: list[str] = []

    async def embed(space: str, texts: Any) -> Any:
        asked.append(space)
        return await bag_of_words(space, texts)

    untouched, shelf.index = shelf.index, KnowledgeIndex(shelf.documents, embed, DEFAULT_SPACE)
    submitted = await shelf.library.submit(
        "lost-vectors", name="care.md", content=CARE.encode(), at=shelf.tick()
    )
    await shelf.work("lost-vectors", submitted.document)
    commits = await shelf.commits(after=shelf.applied)
    (told,) = [f for c in commits for f in c.facts if type(f).__name__ == "DocumentEmbedded"]
    shelf.lose("lost-vectors", told.vectors_hash)
    assert not shelf.index.inexact
    await shelf.apply()
    assert asked == [DEFAULT_SPACE]
    assert "chunk_vectors.embedding" in shelf.index.inexact
    assert (await shelf.search("lost-vectors", "oil wood"))[0].text == "Oil it twice a year."
    shelf.index = untouched


async def test_a_document_whose_chunks_are_lost_is_told_and_stops_nothing(shelf: Shelf) -> None:
    from projections.knowledge.documents import NotIndexed, wait_indexed

    await shelf.submit("lost", "a.md", "# A\n\nLamp A, as it was.")
    lost = await shelf.library.submit(
        "lost", name="a.md", content=b"# A\n\nLamp A.", at=shelf.tick()
    )
    await shelf.work("lost", lost.document)
    commits = await shelf.commits(after=shelf.applied)
    (cut,) = [f for c in commits for f in c.facts if type(f).__name__ == "DocumentChunked"]
    shelf.lose("lost", cut.chunks_hash)
    good = await shelf.submit("lost", "b.md", "# B\n\nLamp B.")
    assert await wait_indexed(shelf.pool, [good], timeout=60) == {good.document: 1}
    with pytest.raises(NotIndexed, match="lost"):
        await wait_indexed(shelf.pool, [lost], timeout=60)
    assert [hit.text for hit in await shelf.search("lost", "lamp")] == ["Lamp B."]


async def test_a_failing_embedder_leaves_no_half_indexed_document(shelf: Shelf) -> None:
    async def broken(space: str, texts: Any) -> Any:
        raise ConnectionError("the embedder is gone")

    submitted = await shelf.library.submit(
        "half", name="faq.csv", content=FAQ.encode(), at=shelf.tick()
    )
    await shelf.work("half", submitted.document)
    commits = await shelf.commits(after=shelf.applied)
    (told,) = [f for c in commits for f in c.facts if type(f).__name__ == "DocumentEmbedded"]
    shelf.lose("half", told.vectors_hash)
    whole, shelf.index._embed = shelf.index._embed, broken
    with pytest.raises(ConnectionError):
        await shelf.apply()
    assert await chunks_of(shelf, "half") == []
    shelf.index._embed = whole
    await shelf.apply()
    assert len(await shelf.search("half", "delivery")) == 1


async def test_a_space_is_filled_beside_the_one_that_serves_switched_to_and_closed(
    shelf: Shelf,
) -> None:
    from events.knowledge import SpaceClosed, SpaceOpened, SpaceSwitched

    tenant, other = "spaces", {"tenant": "spaces", "space": OTHER_SPACE}
    old = await shelf.submit(tenant, "care.md", CARE)
    await shelf.say(tenant, SpaceOpened(at=1, **other))
    new = await shelf.submit(tenant, "faq.csv", FAQ)
    assert await vectors_by_space(shelf, tenant) == {DEFAULT_SPACE: 3, OTHER_SPACE: 1}
    await shelf.embed_again(tenant, old.document, OTHER_SPACE)
    await shelf.apply()
    assert await vectors_by_space(shelf, tenant) == {DEFAULT_SPACE: 3, OTHER_SPACE: 3}
    (before,) = await shelf.rows("generations", tenant)
    switch = await shelf.say(
        tenant, SpaceSwitched(at=2, previous=DEFAULT_SPACE, recall=0.99, **other)
    )
    (after,) = await shelf.rows("generations", tenant)
    assert (before["space"], after["space"]) == (DEFAULT_SPACE, OTHER_SPACE)
    assert (after["version"], after["chunks"]) == (switch.version, 3)
    hits = await shelf.search(tenant, "oil wood", space=OTHER_SPACE)
    assert hits[0].text == "Oil it twice a year."
    await shelf.remove(tenant, new.document)
    await shelf.say(tenant, SpaceClosed(at=3, tenant=tenant, space=DEFAULT_SPACE))
    assert await vectors_by_space(shelf, tenant) == {OTHER_SPACE: 2}
    past = [row["space"] for row in await shelf.rows("past_chunk_vectors", tenant)]
    assert sorted(past) == sorted([DEFAULT_SPACE, OTHER_SPACE]), "what is past stays"
    await shelf.say(tenant, SpaceOpened(at=4, tenant=tenant, space=DEFAULT_SPACE))
    assert await vectors_by_space(shelf, tenant) == {DEFAULT_SPACE: 2, OTHER_SPACE: 2}


async def vectors_by_space(shelf: Shelf, tenant: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in await shelf.rows("chunk_vectors", tenant):
        found[row["space"]] = found.get(row["space"], 0) + 1
    return found
