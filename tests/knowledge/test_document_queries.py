"""What is asked of the documents: lists, versions, chunks and their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

GUIDE = "\n\n".join(f"# Part {n}\n\nThis is part {n} of the guide." for n in range(5))


@pytest.fixture(scope="module", autouse=True)
async def shop(shelf: Shelf) -> None:
    for name in ("b.md", "a.md", "c.md"):
        about = {"title": f"The {name[0]}-page", "url": f"https://shop.example/{name[0]}"}
        await shelf.submit("shop", name, f"# {name}\n\nOf {name}.", **about)
    await shelf.submit("shop", "guide.md", GUIDE)
    await shelf.submit("shop", "guide.md", GUIDE.replace("part 0", "part zero"))
    await shelf.submit("shop", "bad.csv", "question,answer\n", title="")
    gone = await shelf.submit("shop", "gone.md", "# Gone\n\nIt was here.")
    await shelf.remove("shop", gone.document)
    await shelf.submit("rival", "a.md", "# Secret\n\nOf the rival.")


async def test_documents_are_listed_by_name_page_after_page(shelf: Shelf) -> None:
    from projections.knowledge.documents import documents_page

    names: list[str] = []
    before = ""
    while True:
        page = await documents_page(shelf.pool, "shop", limit=2, before=before)
        names += [row.name for row in page.rows]
        before = page.next
        if not before:
            break
    assert names == ["a.md", "b.md", "bad.csv", "c.md", "guide.md"]


async def test_documents_are_found_by_state_and_by_name_title_or_address(shelf: Shelf) -> None:
    from projections.knowledge.documents import documents_page
    from projections.read_models.operator_queries import BadPlace

    async def named(**asked: str) -> list[str]:
        return [row.name for row in (await documents_page(shelf.pool, "shop", **asked)).rows]

    assert await named(state="removed") == ["gone.md"]
    assert await named(state="failed") == ["bad.csv"]
    assert await named(search="THE B-PAGE") == ["b.md"]
    assert await named(search=" guide ") == ["guide.md"]
    assert await named(search="SHOP.example/c") == ["c.md"]
    assert await named(search="%") == []
    with pytest.raises(BadPlace):
        await named(before="nothing")


async def test_a_sitemaps_pages_are_those_it_asked_for_and_the_command_waits_for_them(
    shelf: Shelf, database: str
) -> None:
    from types import SimpleNamespace
    from unittest.mock import MagicMock

    from actors.documents.decide import Record
    from actors.documents.stream import carry_out
    from events.knowledge import ChunkSettings, DocumentIndexed
    from events.log.stream import knowledge_stream
    from events.objects.artifacts import Chunks, encode_chunks
    from projections.knowledge.sitemaps import pages_of
    from tandem.commands.ingest import _Ingest

    async def asked(url: str, **more: Any) -> Any:
        return await shelf.library.request("maps", url=url, at=shelf.tick(), **more)

    await asked("https://shop.example/before")
    sitemap = await asked("https://shop.example/sitemap.xml", what="sitemap")
    pages = [await asked(f"https://shop.example/{n}.csv") for n in range(3)]
    await asked("https://shop.example/of-another", by="ana")
    await shelf.apply()
    assert await pages_of(shelf.pool, sitemap) == [], "it may not be through yet"

    nothing = Chunks(parsed_hash="", settings=ChunkSettings(), tokenizer="", chunks=())
    kept = await shelf.documents.put("maps", encode_chunks(nothing))
    done = DocumentIndexed(at=1, version=sitemap.version, chunks_hash=kept, chunks=0)
    record = Record(version=sitemap.version, facts=(done,))
    await carry_out(shelf.log, knowledge_stream("maps", sitemap.document), record)
    await asked("https://shop.example/after")
    for n in range(3):
        rows = "question,answer\n" + n * "Who?,We.\n"  # the first has none, and fails
        await shelf.submit("maps", f"https://shop.example/{n}.csv", rows)
    found = await pages_of(shelf.pool, sitemap)
    assert [(page.document, page.version) for page in found] == [
        (page.document, page.version) for page in pages
    ]
    house: Any = SimpleNamespace(postgres_dsn=database)
    log: Any = MagicMock()  # its connection is for bars, at which nobody looks
    ingest = _Ingest(house, "maps", "")
    await ingest._wait(log, {"the map": sitemap}, sitemaps=True)
    assert ingest._outcome.sitemaps == {"the map": 3}
    assert ingest._outcome.searchable == {f"https://shop.example/{n}.csv": n for n in (1, 2)}
    assert list(ingest._outcome.failed) == ["https://shop.example/0.csv"]


async def test_a_failed_document_says_where_and_why(shelf: Shelf) -> None:
    from projections.knowledge.documents import documents_page

    (row,) = (await documents_page(shelf.pool, "shop", state="failed")).rows
    assert row.failure is not None
    assert (row.failure.stage, row.failure.code) == ("parse", "empty")
    assert row.failure.reason
    assert (row.title, row.answers, row.indexed_at) == ("bad", 0, None)


async def test_versions_are_told_newest_first_with_the_one_that_answers(shelf: Shelf) -> None:
    from projections.knowledge.documents import UnknownDocument, document_versions, documents_page

    (row,) = (await documents_page(shelf.pool, "shop", search="guide")).rows
    new, old = await document_versions(shelf.pool, "shop", row.document)
    assert new == row
    assert (new.state, old.state) == ("indexed", "replaced")
    assert new.answers == old.answers == new.version
    assert (new.chunks, new.pages, new.closed_at) == (5, 0, None)
    assert old.closed_at is not None
    assert old.submitted_at < new.submitted_at < (new.indexed_at or 0)
    with pytest.raises(UnknownDocument):
        await document_versions(shelf.pool, "shop", "nothing")
    with pytest.raises(UnknownDocument):
        await document_versions(shelf.pool, "rival", row.document)


async def test_chunks_are_read_in_text_order_of_any_version(shelf: Shelf) -> None:
    from projections.knowledge.documents import UnknownVersion, chunks_page, documents_page

    (row,) = (await documents_page(shelf.pool, "shop", search="guide")).rows
    first = await chunks_page(shelf.pool, "shop", row.document, limit=3)
    assert first.next is not None
    rest = await chunks_page(shelf.pool, "shop", row.document, limit=3, after=first.next)
    texts = [chunk.text for chunk in (*first.rows, *rest.rows)]
    assert texts == ["This is part zero of the guide."] + [
        f"This is part {n} of the guide." for n in range(1, 5)
    ]
    assert rest.next is None
    with pytest.raises(UnknownVersion):
        await chunks_page(shelf.pool, "shop", row.document, version=1_000_000)
    (gone,) = (await documents_page(shelf.pool, "shop", state="removed")).rows
    assert (await chunks_page(shelf.pool, "shop", gone.document)).rows == ()
    (was,) = (await chunks_page(shelf.pool, "shop", gone.document, version=gone.version)).rows
    assert (was.text, was.closed_at) == ("It was here.", gone.closed_at)


async def test_a_chunk_comes_with_its_neighbours_and_to_its_tenant_only(shelf: Shelf) -> None:
    from projections.knowledge.documents import chunk_by_id, chunks_page, documents_page

    (row,) = (await documents_page(shelf.pool, "shop", search="guide")).rows
    chunks = (await chunks_page(shelf.pool, "shop", row.document)).rows
    found = await chunk_by_id(shelf.pool, "shop", chunks[1].chunk)
    assert found is not None
    assert found.chunk == chunks[1]
    assert (found.before, found.after) == (chunks[0].text, chunks[2].text)
    assert found.document_title == "guide"
    first = await chunk_by_id(shelf.pool, "shop", chunks[0].chunk)
    assert first is not None
    assert first.before == ""
    assert await chunk_by_id(shelf.pool, "rival", chunks[0].chunk) is None


async def test_waiting_ends_with_the_name_of_what_is_missing_or_the_reason(shelf: Shelf) -> None:
    from actors.documents.service import Submitted
    from projections.knowledge.documents import NotIndexed, wait_indexed

    never = Submitted(tenant="shop", document="never", version=1, changed=True)
    with pytest.raises(NotIndexed, match="never"):
        await wait_indexed(shelf.pool, [never], timeout=0.1)
    bad = await shelf.submit("shop", "bad.csv", "question,answer\n")
    with pytest.raises(NotIndexed, match=r"bad\.csv: "):
        await wait_indexed(shelf.pool, [bad], timeout=60)
