"""Documents are checked before they are kept, and kept once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from events.memory import MemoryLog
from events.objects import MemoryDocuments
from events.stream import is_token, knowledge_stream
from projections.knowledge.chunking import UnreadableDocument
from projections.knowledge.ingest import Submitted, document_id, read_document, remove, submit


async def put(log: MemoryLog, documents: MemoryDocuments, **given: Any) -> Submitted:
    given = {"tenant": "shop", "name": "help.md", "content": b"# Hi\n\nWe ship.", "at": 1} | given
    return await submit(log, documents, **given)


async def test_a_document_is_kept_before_the_fact_that_names_it() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    one = await put(log, documents)
    (commit,) = await log.load(knowledge_stream("shop", one.document))
    (fact,) = commit.facts
    assert await documents.get("shop", fact.content_hash) == b"# Hi\n\nWe ship."
    assert (one.version, one.changed) == (commit.version, True)


async def test_the_same_content_again_changes_nothing() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    first = await put(log, documents)
    again = await put(log, documents, at=99)
    assert (again.version, again.changed) == (first.version, False)
    assert len(await log.load(knowledge_stream("shop", first.document))) == 1


async def test_new_content_and_then_the_old_again_are_versions_of_their_own() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    versions = [
        (await put(log, documents, content=content)).version for content in (b"a", b"b", b"a")
    ]
    assert versions == sorted(set(versions))


async def test_a_new_address_for_the_same_content_is_a_new_version() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    await put(log, documents)
    assert (await put(log, documents, url="https://x.example/help")).changed


async def test_two_who_submit_at_once_both_succeed_and_nothing_is_doubled() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    both = await asyncio.gather(*(put(log, documents) for _ in range(5)))
    assert {one.version for one in both} == {both[0].version}
    await asyncio.gather(*(put(log, documents, content=b"text %d" % n) for n in range(4)))
    assert len(await log.load(knowledge_stream("shop", both[0].document))) == 5


async def test_removing_twice_is_removing_once_and_what_never_was_cannot_be_removed() -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    await put(log, documents)
    first = await remove(log, tenant="shop", name="help.md", at=2)
    again = await remove(log, tenant="shop", name="help.md", at=3)
    assert (first.changed, again.changed) == (True, False)
    with pytest.raises(UnreadableDocument, match="no document of this name"):
        await remove(log, tenant="shop", name="other.md", at=4)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.md", b"", "empty"),
        ("a.txt", b" \n\t ", "empty"),
        ("a.txt", b"caf\xe9 au lait", "not UTF-8 \\(byte 3\\)"),
        ("a.txt", b"x" * (10 * 1024 * 1024 + 1), "10.0 MB is too large"),
        ("a.pdf", b"%PDF-1.7", "cannot read '.pdf' files"),
        ("a", b"text", "cannot read '' files"),
        ("a.csv", b"question,answer\n", "no rows"),
        ("a.csv", b'question,answer\n"open,1\n', "cannot be read"),
    ],
)
async def test_what_cannot_be_read_is_refused_with_the_reason(
    name: str, content: bytes, reason: str
) -> None:
    log, documents = MemoryLog(), MemoryDocuments()
    with pytest.raises(UnreadableDocument, match=reason):
        await put(log, documents, name=name, content=content)
    assert await log.last(knowledge_stream("shop", document_id(name))) is None


async def test_a_byte_order_mark_is_no_obstacle() -> None:
    content = "\ufeffquestion,answer\nHow long?,Two days.\n".encode()
    assert (await put(MemoryLog(), MemoryDocuments(), name="a.csv", content=content)).changed


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument, match=r"gone\.md: No such file"):
        read_document(tmp_path / "gone.md")
    with pytest.raises(UnreadableDocument, match="directory"):
        read_document(tmp_path)


def test_document_ids_are_tokens_and_names_do_not_meet() -> None:
    names = [
        "shipping",
        "shipping.md",
        "shipping-md",
        "en/shipping.md",
        "envío.md",
        "x" * 200,
        "¿?",
    ]
    ids = [document_id(name) for name in names]
    assert all(is_token(ident) for ident in ids)
    assert len(set(ids)) == len(names)
    assert document_id("shipping") == "shipping"
