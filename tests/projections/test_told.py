"""Who was told this? From a text back to the answers that stood on it; and what found nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

FAQ = "question,answer\nHow long does delivery take?,It takes two days.\nWho pays?,We do.\n"


async def same_vector(space: str, texts: Sequence[str]) -> Any:
    import numpy as np

    rows = np.zeros((len(texts), 4), dtype=np.float32)
    rows[:, 0] = 1
    return rows


@pytest.fixture(scope="module")
async def told(prepared: str) -> AsyncIterator[SimpleNamespace]:
    """Three visitors asked about delivery: two before the document was replaced, one after."""
    from projecting import project
    from projection_talk import Talk

    from benchmarks.shelf import Shelf
    from events import conversation as e
    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    pool = await open_pool(prepared)
    shelf = Shelf(pool, same_vector)
    await shelf.start()
    first = await shelf.submit("acme", "faq.csv", FAQ)
    old, pays = await chunk_ids(pool, first)
    second = await shelf.submit("acme", "faq.csv", FAQ.replace("two", "ten"))
    new, _ = await chunk_ids(pool, second)

    log = MemoryLog()
    talk = Talk(log, "acme")

    async def answered(conversation: str, *sources: e.Source, n: int = 0, **more: Any) -> None:
        await talk.ask(conversation, n, f"delivery, {conversation}?")
        answer = e.AnswerRecorded(
            at=talk.at + 1,
            turn=f"t{n}",
            epoch=1,
            message=f"a{n}",
            text=f"told {conversation}",
            in_reply_to=(f"m{n}",),
            sources=sources,
            **more,
        )
        await talk.commit(conversation, answer)

    def source(n: int, chunk: str, version: int, **more: Any) -> e.Source:
        return e.Source(
            n=n,
            chunk=chunk,
            document=more.pop("document", first.document),
            title="Delivery",
            quote="It takes two days.",
            version=version,
            place=e.Place(row=2),
        )

    before_versions = source(1, "a-chunk-of-the-first-index", 0)
    await answered("c0", before_versions)
    await answered("c1", source(1, old, first.version), source(2, pays, first.version))
    await answered(
        "c2",
        source(1, old, first.version),
        source(2, "message:m0", 0, document=""),
        approved_by="op-ana",
        locale="es",
    )
    await answered("c3", source(1, new, second.version))
    unknown: dict[str, Any] = {
        "kind": "unknown",
        "guard": {"reason": "low_retrieval", "cosine": 0.2},
    }
    await answered("c4", **unknown)
    await answered("c4", n=1, **unknown, cost=e.TurnCost(searched="delivery to Spain?"))
    other = Talk(log, "globex")
    await other.rounds("c1", 0, 0)
    commits: list[Any] = []
    async for commit in log.subscribe("conversation"):
        commits.append(commit)
        if commit.version == log.newest("conversation"):
            break
    await project(pool, commits)
    yield SimpleNamespace(pool=pool, old=old, new=new, pays=pays, first=first, second=second)
    await pool.close()


async def chunk_ids(pool: Any, submitted: Any) -> list[str]:
    from projections.knowledge.documents import chunks_page

    page = await chunks_page(pool, submitted.tenant, submitted.document, version=submitted.version)
    return [row.chunk for row in page.rows]


async def test_who_was_told_a_text_is_everyone_whose_answer_cited_it(told: Any) -> None:
    from projections.read_models.citations import told_page

    page = await told_page(told.pool, "acme", chunk=told.old)
    assert [row.conversation for row in page.rows] == ["c2", "c1"]
    row = page.rows[0]
    assert (row.question, row.answer) == ("delivery, c2?", "told c2")
    assert (row.quote, row.place.row, row.version) == ("It takes two days.", 2, told.first.version)
    assert (row.approved_by, row.locale, row.message) == ("op-ana", "es", "a0")


async def test_a_text_that_still_stands_in_the_new_version_is_current(told: Any) -> None:
    from projections.read_models.citations import told_page

    (replaced, _) = (await told_page(told.pool, "acme", chunk=told.old)).rows
    (kept,) = (await told_page(told.pool, "acme", chunk=told.pays)).rows
    (new,) = (await told_page(told.pool, "acme", chunk=told.new)).rows
    assert (replaced.current, kept.current, new.current) == (False, True, True)


async def test_a_document_names_the_answers_of_all_its_versions_or_of_one(told: Any) -> None:
    from projections.read_models.citations import told_page

    document = told.first.document
    everyone = await told_page(told.pool, "acme", document=document)
    assert [row.conversation for row in everyone.rows] == ["c3", "c2", "c1", "c1", "c0"]
    assert not everyone.rows[-1].current, "its chunk's id is of an index that is gone"
    second = await told_page(told.pool, "acme", document=document, version=told.second.version)
    assert [row.conversation for row in second.rows] == ["c3"]


async def test_pages_follow_one_another_without_a_gap(told: Any) -> None:
    from projections.read_models.citations import told_page
    from projections.read_models.operator_queries import BadPlace

    seen: list[tuple[str, str]] = []
    before = ""
    while True:
        page = await told_page(
            told.pool, "acme", document=told.first.document, limit=2, before=before
        )
        seen += [(row.conversation, row.chunk) for row in page.rows]
        before = page.next
        if not before:
            break
    assert len(seen) == len(set(seen)) == 5
    with pytest.raises(BadPlace):
        await told_page(told.pool, "acme", chunk="x", before="1.2.three")
    with pytest.raises(ValueError, match="name a chunk"):
        await told_page(told.pool, "acme")


async def test_what_a_person_said_is_no_document_and_no_tenant_sees_anothers(told: Any) -> None:
    from projections.read_models.citations import told_page

    assert (await told_page(told.pool, "acme", chunk="message:m0")).rows == ()
    assert (await told_page(told.pool, "globex", chunk=told.old)).rows == ()
    assert [r.answer for r in (await told_page(told.pool, "globex", chunk="k1")).rows] == [
        "answer 0"
    ]


async def test_questions_that_found_nothing_come_with_what_was_searched(told: Any) -> None:
    from projections.read_models.gaps import unanswered

    newest, oldest = await unanswered(told.pool, "acme", since=0)
    assert (newest.question, newest.searched) == ("delivery, c4?", "delivery to Spain?")
    assert (oldest.searched, oldest.reason, oldest.cosine) == (
        "delivery, c4?",
        "low_retrieval",
        0.2,
    )
    assert await unanswered(told.pool, "acme", since=newest.at) == [newest]
    assert await unanswered(told.pool, "globex", since=0) == []


async def test_counts_tell_what_answers_and_how_often_it_was_cited(told: Any) -> None:
    from projections.knowledge.counts import counts

    found = await counts(told.pool, "acme")
    assert (found.documents, found.chunks) == (1, 2)
    assert found.by_state == {"indexed": 1}
    assert found.by_media_type == {"text/csv": 1}
    (source,) = found.by_source
    assert (source.chunks, source.cited) == (2, 4)
    (space,) = found.spaces
    assert (space.state, space.documents, space.of, space.space) == ("active", 1, 1, found.space)
    nothing = await counts(told.pool, "initech")
    assert (nothing.documents, nothing.knowledge, nothing.spaces) == (0, 0, ())


def asked(*texts: str) -> list[Any]:
    from projections.read_models.gaps import Unanswered

    return [
        Unanswered(
            question=text,
            searched=text,
            conversation=f"c{at}",
            message="m",
            at=100 - at,
            locale="en",
            reason="",
            cosine=None,
        )
        for at, text in enumerate(texts)
    ]


def test_alike_questions_stand_together_and_each_once() -> None:
    import numpy as np

    from projections.read_models.gaps import grouped

    angles = np.radians([0, 10, 20, 90, 95, 200])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    groups = grouped(asked("a", "b", "c", "d", "e", "f"), vectors, 0.98)
    assert [(group.question, group.count) for group in groups] == [("b", 3), ("d", 2), ("f", 1)]
    assert [each.question for each in groups[0].examples] == ["a", "b", "c"]
    assert groups[0].last_at == 100


def test_nothing_asked_is_no_group_and_a_question_without_a_vector_is_its_own() -> None:
    import numpy as np

    from projections.read_models.gaps import grouped

    assert grouped([], np.zeros((0, 4), dtype=np.float32)) == []
    groups = grouped(asked("", "?"), np.zeros((2, 4), dtype=np.float32))
    assert [group.count for group in groups] == [1, 1]
