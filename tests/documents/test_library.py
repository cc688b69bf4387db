"""What is handed over: kept before it is said, refused at once only where no reader exists."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Any

import pytest

from actors.documents.index_settings import load_spaces
from actors.documents.service import DocumentRefused, Library, Submitted, document_id
from events.knowledge import ChunkSettings, DocumentFailed, MediaType
from events.log.event_log import EventLog, NewCommit
from events.log.memory import MemoryLog
from events.log.stream import is_token, knowledge_stream
from events.objects.store import MemoryObjectStore


def by_suffix(name: str, content: bytes) -> MediaType:
    if PurePath(name).suffix != ".md":
        raise DocumentRefused("unsupported_document", f"{name}: no reader")
    return "text/markdown"


class Desk:
    """A library with its log and originals, and a document to hand over."""

    def __init__(self, log: EventLog) -> None:
        self.log, self.documents = log, MemoryObjectStore()
        self.tenant = f"shop-{uuid.uuid4().hex[:8]}"
        self.library = Library(log, self.documents, by_suffix, max_bytes=1000)

    async def put(self, content: bytes = b"# Hi\n\nWe ship.", **given: Any) -> Submitted:
        named = {"name": "help.md", "at": 1} | given
        return await self.library.submit(self.tenant, content=content, **named)

    async def facts(self, document: str) -> list[Any]:
        commits = await self.log.load(knowledge_stream(self.tenant, document))
        return [fact for commit in commits for fact in commit.facts]

    async def fail(self, one: Submitted, code: Any) -> None:
        stream = knowledge_stream(self.tenant, one.document)
        last = await self.log.last(stream)
        assert last is not None
        failed = DocumentFailed(at=2, version=one.version, stage="parse", code=code, reason="x")
        new = NewCommit(commit_id=f"failed-{last.version}", facts=(failed,))
        await self.log.append(stream, new, expected=last.head)


@pytest.fixture(params=["memory", "jetstream"])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    if request.param == "memory":
        yield Desk(MemoryLog())
        return
    from events.jetstream.log import JetStreamLog

    log = await JetStreamLog.connect(request.getfixturevalue("nats_server"))
    await log.ensure_streams()
    yield Desk(log)
    await log.close()


async def test_a_document_is_kept_before_the_fact_that_names_it(desk: Desk) -> None:
    one = await desk.put()
    (fact,) = await desk.facts(one.document)
    assert await desk.documents.get(desk.tenant, fact.content_hash) == b"# Hi\n\nWe ship."
    assert (fact.name, fact.media_type, one.changed) == ("help.md", "text/markdown", True)


async def test_the_same_content_again_changes_nothing_and_new_content_is_a_version(
    desk: Desk,
) -> None:
    first = await desk.put(b"a")
    again = await desk.put(b"a", at=99, by="o1", origin="command")
    assert (again.version, again.changed) == (first.version, False)
    later = [(await desk.put(content)).version for content in (b"b", b"a")]
    assert [first.version, *later] == sorted({first.version, *later})
    assert (await desk.put(b"a", url="https://x.example/help")).changed


async def test_those_who_submit_at_once_all_succeed_and_nothing_is_doubled(desk: Desk) -> None:
    same = await asyncio.gather(*(desk.put() for _ in range(5)))
    assert {one.version for one in same} == {same[0].version}
    assert same[0].changed
    await asyncio.gather(*(desk.put(b"text %d" % n) for n in range(4)))
    assert len(await desk.facts(same[0].document)) == 5


async def test_a_removal_is_once_and_the_same_content_comes_back_after_it(desk: Desk) -> None:
    one = await desk.put()
    first = await desk.library.remove(desk.tenant, one.document, at=2)
    again = await desk.library.remove(desk.tenant, one.document, at=3)
    assert (first.changed, again.changed, again.version) == (True, False, first.version)
    back = await desk.put(at=4)
    assert back.changed
    assert back.version > first.version


@pytest.mark.parametrize("document", ["other", "_index", "a.b", ""])
async def test_what_was_never_there_is_neither_removed_nor_worked_at_again(
    desk: Desk, document: str
) -> None:
    for ask in (desk.library.remove, desk.library.reingest):
        with pytest.raises(DocumentRefused) as refused:
            await ask(desk.tenant, document, at=1)
        assert refused.value.code == "unknown_document"


async def test_working_again_is_a_version_of_the_same_content(desk: Desk) -> None:
    one = await desk.put()
    again = await desk.library.reingest(desk.tenant, one.document, at=5, by="o1")
    first, second = await desk.facts(one.document)
    assert again.changed
    assert (second.content_hash, second.again, second.by) == (first.content_hash, 1, "o1")


async def test_the_same_content_is_tried_again_after_a_failure_that_may_pass(desk: Desk) -> None:
    one = await desk.put()
    await desk.fail(one, "encrypted")
    assert not (await desk.put()).changed
    again = await desk.library.reingest(desk.tenant, one.document, at=3)
    await desk.fail(again, "crashed")
    assert (await desk.put()).changed


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": ""}, "document_name"),
        ({"name": "_index"}, "document_name"),
        ({"name": "x" * 2000 + ".md"}, "document_name"),
        ({"name": "a.exe"}, "unsupported_document"),
        ({"content": b"x" * 1001}, "too_large"),
    ],
)
async def test_what_no_worker_could_read_is_refused_at_once(
    given: dict[str, Any], code: str
) -> None:
    desk = Desk(MemoryLog())
    with pytest.raises(DocumentRefused) as refused:
        await desk.put(**given)
    assert refused.value.code == code
    assert desk.documents._kept == {}


async def test_a_page_is_asked_for_once_while_it_waits(desk: Desk) -> None:
    url = "https://shop.example/help"
    first = await desk.library.request(desk.tenant, url=url, at=1, depth=1)
    assert not (await desk.library.request(desk.tenant, url=url, at=2, depth=1)).changed
    assert (await desk.library.request(desk.tenant, url=url, at=2, depth=2)).changed
    assert first.document == document_id(url)
    for wrong in ("ftp://shop.example/", "help", "http://[bad", "https:///x"):
        with pytest.raises(DocumentRefused) as refused:
            await desk.library.request(desk.tenant, url=wrong, at=1)
        assert refused.value.code == "refused_address"


async def test_settings_hold_for_what_is_submitted_after_them(desk: Desk) -> None:
    before = await desk.put(b"a")
    wanted = ChunkSettings(max_tokens=128, overlap_tokens=16)
    assert await desk.library.set_chunking(desk.tenant, wanted, at=1)
    assert not await desk.library.set_chunking(desk.tenant, wanted, at=2)
    after = await desk.put(b"b")
    assert (
        await load_spaces(desk.log, desk.tenant, before=before.version)
    ).settings == ChunkSettings()
    assert (await load_spaces(desk.log, desk.tenant, before=after.version)).settings == wanted
    with pytest.raises(DocumentRefused):
        await desk.library.set_chunking(desk.tenant, ChunkSettings(max_tokens=8), at=3)


def test_document_ids_are_tokens_and_names_do_not_meet() -> None:
    names = [
        "shipping",
        "shipping.md",
        "shipping-md",
        "en/shipping.md",
        "envío.md",
        "x" * 200,
        "¿?",
        "_index.md",
    ]
    ids = [document_id(name) for name in names]
    assert all(is_token(ident) for ident in ids)
    assert len(set(ids)) == len(names)
    assert document_id("shipping") == "shipping"
