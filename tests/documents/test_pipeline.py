"""A document goes through, whatever comes in between."""

from __future__ import annotations

import pytest
from ingest_bench import Away, Bench

from actors.documents.embedding_spaces import CloseSpace, OpenSpace, SwitchSpace
from actors.documents.index_settings import change_index
from actors.documents.ports import (
    Cut,
    DependencyUnavailable,
    PageFetched,
    ParseJob,
    StageFailed,
    WorkerDied,
)
from events import knowledge as k
from events.knowledge import ChunkSettings
from events.objects.artifacts import decode_chunks, decode_parsed, decode_vectors, texts_of
from events.spaces import DEFAULT_SPACE
from tandem.wiring.cutting import cut

OTHER_SPACE = "all-MiniLM-L6-v2.d64.l2.t256"


async def test_a_document_is_parsed_cut_embedded_and_indexed(bench: Bench) -> None:
    one = await bench.submit(
        content="# Delivery\n\nParcels arrive in two days. Free over 50 euros."
    )
    submitted, parsed, chunked, embedded, indexed = await bench.work(one)
    kept = bench.documents
    chunks = decode_chunks(await kept.get(bench.tenant, chunked.chunks_hash))
    vectors = decode_vectors(await kept.get(bench.tenant, embedded.vectors_hash))
    decode_parsed(await kept.get(bench.tenant, parsed.parsed_hash))
    assert (vectors.space, vectors.count, vectors.dimensions) == (
        DEFAULT_SPACE,
        len(texts_of(chunks)),
        64,
    )
    assert vectors.chunks_hash == indexed.chunks_hash == chunked.chunks_hash
    assert {fact.version for fact in (parsed, chunked, embedded, indexed)} == {one.version}
    assert (submitted.at, indexed.at, indexed.chunks) == (1, 7, len(chunks.chunks))


async def test_to_work_again_changes_nothing(bench: Bench) -> None:
    one = await bench.submit()
    facts = await bench.work(one)
    assert await bench.work(one) == facts


@pytest.mark.parametrize("puts", range(3))
async def test_a_worker_that_dies_at_any_stage_is_followed_by_one_that_ends_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, puts: int
) -> None:
    class Died(BaseException):
        pass

    one, put, left = await bench.submit(), bench.documents.put, puts

    async def deadly(tenant: str, content: bytes) -> str:
        nonlocal left
        left -= 1
        if left < 0:
            raise Died
        return await put(tenant, content)

    with monkeypatch.context() as patch:
        patch.setattr(bench.documents, "put", deadly)
        with pytest.raises(Died):
            await bench.work(one)
    await bench.work(one)
    kinds = await bench.kinds(one)
    assert kinds == {"Submitted": 1, "Parsed": 1, "Chunked": 1, "Embedded": 1, "Indexed": 1}


async def test_two_who_work_at_once_double_nothing(bench: Bench) -> None:
    import asyncio

    one = await bench.submit()
    await asyncio.gather(*(bench.pipeline.work(bench.stream(one)) for _ in range(3)))
    assert set((await bench.kinds(one)).values()) == {1}


async def test_what_came_too_late_is_dropped(bench: Bench) -> None:
    """A newer text comes while the older is embedded: only the newer is indexed."""
    first = await bench.submit(content="# Old\n\nOld words.")

    async def another() -> None:
        bench.before_embedding = None
        await bench.submit(content="# New\n\nNew words.")

    bench.before_embedding = another
    facts = await bench.work(first)
    indexed = [fact for fact in facts if isinstance(fact, k.DocumentIndexed)]
    newest = [fact for fact in facts if isinstance(fact, k.DocumentSubmitted)][-1]
    assert [fact.version > first.version for fact in indexed] == [True]
    assert newest is facts[3]


async def test_what_was_removed_in_work_stays_removed(bench: Bench) -> None:
    one = await bench.submit()

    async def removal() -> None:
        bench.before_embedding = None
        await bench.library.remove(bench.tenant, one.document, at=2)

    bench.before_embedding = removal
    facts = await bench.work(one)
    assert isinstance(facts[-1], k.DocumentRemoved)


async def test_a_small_edit_embeds_only_what_is_new(bench: Bench) -> None:
    lines = [f"# Topic {n}\n\nThe answer to topic {n} is number {n}." for n in range(30)]
    one = await bench.submit(content="\n\n".join(lines))
    await bench.work(one)
    lines[7] = "# Topic 7\n\nThe answer has changed altogether."
    again = await bench.submit(content="\n\n".join(lines))
    facts = await bench.work(again)
    (_, whole), (_, part) = bench.embedded
    assert len(whole) > 60
    assert set(part) - set(whole) == set(part)
    assert len(part) == 2  # the passage and its sentence; the heading stands as it was
    embedded = [fact for fact in facts if isinstance(fact, k.DocumentEmbedded)]
    before, after = [
        decode_vectors(await bench.documents.get(bench.tenant, fact.vectors_hash))
        for fact in embedded
    ]
    assert before.count == after.count


async def open_space(bench: Bench) -> None:
    command = OpenSpace(tenant=bench.tenant, space=OTHER_SPACE, at=1)
    await change_index(bench.log, bench.tenant, command)


async def test_a_document_answers_by_the_space_searched_in_and_then_gets_the_others(
    bench: Bench,
) -> None:
    await open_space(bench)
    facts = await bench.work(await bench.submit())
    assert [type(fact) for fact in facts[3:]] == [
        k.DocumentEmbedded,
        k.DocumentIndexed,
        k.DocumentEmbedded,
    ]
    assert (facts[3].space, facts[5].space) == (DEFAULT_SPACE, OTHER_SPACE)
    for command in (
        SwitchSpace(tenant=bench.tenant, space=OTHER_SPACE, at=2),
        CloseSpace(tenant=bench.tenant, space=DEFAULT_SPACE, at=3),
    ):
        await change_index(bench.log, bench.tenant, command)
    facts = await bench.work(await bench.submit(name="other.md"))
    assert [fact.space for fact in facts if isinstance(fact, k.DocumentEmbedded)] == [OTHER_SPACE]


@pytest.mark.parametrize(
    "failure",
    [DependencyUnavailable("no such model here"), StageFailed("index", "embedder_failed", "bad")],
)
async def test_a_second_space_that_fails_fails_no_document_and_is_made_up_for(
    bench: Bench, failure: Exception
) -> None:
    await open_space(bench)

    async def fails(space: str) -> None:
        if space == OTHER_SPACE:
            raise failure

    bench.before_space = fails
    one = await bench.submit()
    facts = await bench.work(one)
    assert isinstance(facts[-1], k.DocumentIndexed)
    assert {fact.space for fact in facts if isinstance(fact, k.DocumentEmbedded)} == {DEFAULT_SPACE}
    bench.before_space = None
    assert (await bench.work(one))[-1].space == OTHER_SPACE


async def test_an_edit_uses_what_every_open_space_knows(bench: Bench) -> None:
    await open_space(bench)
    lines = [f"# Topic {n}\n\nThe answer to topic {n} is number {n}." for n in range(9)]
    await bench.work(await bench.submit(content="\n\n".join(lines)))
    lines[7] = "# Topic 7\n\nThe answer has changed altogether."
    await bench.work(await bench.submit(content="\n\n".join(lines)))
    assert [(space, len(texts)) for space, texts in bench.embedded[2:]] == [
        (DEFAULT_SPACE, 2),
        (OTHER_SPACE, 2),
    ]


async def test_settings_count_as_they_were_at_the_submission(bench: Bench) -> None:
    text = "# A\n\n" + " ".join(f"Sentence number {n} is here." for n in range(60))
    one = await bench.submit(content=text)
    narrow = ChunkSettings(max_tokens=64)
    await bench.library.set_chunking(bench.tenant, narrow, at=2)
    wide = (await bench.work(one))[2]
    again = await bench.library.reingest(bench.tenant, one.document, at=3)
    (chunked,) = [
        fact
        for fact in await bench.work(again)
        if isinstance(fact, k.DocumentChunked) and fact.version == again.version
    ]
    assert (wide.settings, chunked.settings) == (ChunkSettings(), narrow)
    assert chunked.chunks > wide.chunks


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.md", b"\xff\xfe\x00\xd8" * 9, None),
        ("a.txt", b" \n\t", "empty"),
        ("a.csv", b"question,answer\n", None),
        ("a.txt", b"%PDF-1.7 and so on", "mislabelled"),
    ],
)
async def test_a_bad_file_is_kept_and_fails_with_the_reason(
    bench: Bench, name: str, content: bytes, code: str | None
) -> None:
    one = await bench.library.submit(bench.tenant, name=name, content=content, at=1)
    submitted, *_, failed = await bench.work(one)
    assert await bench.documents.get(bench.tenant, submitted.content_hash) == content
    assert isinstance(failed, k.DocumentFailed)
    assert failed.reason
    assert code in (None, failed.code)


async def test_what_answered_goes_on_answering_after_a_failure(bench: Bench) -> None:
    from actors.documents.stream import load

    good = await bench.submit()
    await bench.work(good)
    bad = await bench.library.submit(bench.tenant, name="help.md", content=b" \n", at=2)
    await bench.work(bad)
    state = (await load(bench.log, bench.stream(good))).state
    assert state.answers is not None
    assert state.answers.version == good.version


async def test_a_process_that_dies_each_time_is_a_failure_and_once_is_none(bench: Bench) -> None:
    died = 0

    def deadly(cutting: ParseJob) -> Cut:
        nonlocal died
        died += 1
        if cutting.submission.name == "never.md" or died == 1:
            raise WorkerDied("killed")
        return cut(cutting)

    bench.cutter = deadly
    facts = await bench.work(await bench.submit())
    assert isinstance(facts[-1], k.DocumentIndexed)
    failed = (await bench.work(await bench.submit(name="never.md")))[-1]
    assert (failed.stage, failed.code) == ("parse", "crashed")


async def test_an_embedder_that_is_not_there_is_waited_for_and_not_for_ever(bench: Bench) -> None:
    bench.before_embedding = Away(times=2)
    facts = await bench.work(await bench.submit())
    assert isinstance(facts[-1], k.DocumentIndexed)
    bench.before_embedding = Away(times=10**6)
    failed = (await bench.work(await bench.submit(name="other.md")))[-1]
    assert (failed.stage, failed.code) == ("index", "embedder_failed")


async def test_an_original_that_is_lost_is_said_to_be(bench: Bench) -> None:
    one = await bench.submit()
    bench.documents._kept.clear()
    failed = (await bench.work(one))[-1]
    assert (failed.stage, failed.code) == ("parse", "original_lost")
    again = await bench.submit()
    assert again.changed
    assert isinstance((await bench.work(again))[-1], k.DocumentIndexed)


async def test_chunks_that_are_lost_are_cut_again(bench: Bench) -> None:
    one = await bench.submit()
    bench.before_embedding = Away(times=10**6)
    chunked = (await bench.work(one))[2]
    bench.before_embedding = None
    again = await bench.library.reingest(bench.tenant, one.document, at=2)

    async def loses() -> None:
        bench.before_embedding = None
        raise RuntimeError("the worker is taken away here")

    bench.before_embedding = loses
    with pytest.raises(RuntimeError):
        await bench.work(again)
    del bench.documents._kept[f"{bench.tenant}/{chunked.chunks_hash}"]
    assert isinstance((await bench.work(again))[-1], k.DocumentIndexed)


async def test_a_page_is_fetched_and_its_links_asked_for_once(bench: Bench) -> None:
    site = "https://shop.example"
    bench.pages = {
        f"{site}/": PageFetched(
            url=f"{site}/home",
            content=b"# Home\n\nWelcome to the shop.",
            media_type="text/markdown",
            links=(f"{site}/", f"{site}/help"),
        ),
        f"{site}/help": PageFetched(
            url=f"{site}/help", content=b"# Help\n\nAsk us.", media_type="text/markdown"
        ),
    }
    home = await bench.library.request(bench.tenant, url=f"{site}/", depth=1, at=1, by="o1")
    facts = await bench.work(home)
    assert (facts[1].origin, facts[1].url, facts[1].by) == ("fetched", f"{site}/home", "o1")
    assert isinstance(facts[-1], k.DocumentIndexed)
    page = await bench.library.request(bench.tenant, url=f"{site}/help", at=1, by="o1")
    assert not page.changed
    assert isinstance((await bench.work(page))[-1], k.DocumentIndexed)


async def test_a_sitemap_asks_for_its_pages_and_is_done(bench: Bench) -> None:
    bench.pages = {
        "https://shop.example/sitemap.xml": [f"https://shop.example/{n}" for n in range(3)]
    }
    one = await bench.library.request(
        bench.tenant, url="https://shop.example/sitemap.xml", what="sitemap", at=1
    )
    requested, indexed = await bench.work(one)
    assert (requested.what, indexed.chunks) == ("sitemap", 0)
    for n in range(3):
        page = await bench.library.request(bench.tenant, url=f"https://shop.example/{n}", at=1)
        assert not page.changed
        assert (await bench.work(page))[-1].code == "not_found"


async def test_a_link_too_long_for_a_name_keeps_no_other_page_out(bench: Bench) -> None:
    site = "https://shop.example"
    long = f"{site}/find?q={'x' * 1200}"
    bench.pages = {f"{site}/sitemap.xml": [long, f"{site}/help"]}
    one = await bench.library.request(bench.tenant, url=f"{site}/sitemap.xml", what="sitemap", at=1)
    assert isinstance((await bench.work(one))[-1], k.DocumentIndexed)
    assert not (await bench.library.request(bench.tenant, url=f"{site}/help", at=1)).changed


async def test_a_page_that_waits_is_followed_as_far_as_the_nearer_link_says(bench: Bench) -> None:
    site = "https://shop.example"

    def page(*links: str) -> PageFetched:
        return PageFetched(
            url=site, content=b"# Page\n\nText.", media_type="text/markdown", links=links
        )

    bench.pages = {
        f"{site}/": page(f"{site}/a", f"{site}/b"),
        f"{site}/b": page(f"{site}/a"),
    }
    await bench.work(await bench.library.request(bench.tenant, url=f"{site}/", depth=2, at=1))
    await bench.work(await bench.library.request(bench.tenant, url=f"{site}/b", depth=1, at=1))
    waits = await bench.library.request(bench.tenant, url=f"{site}/a", depth=1, at=1)
    assert not waits.changed, "the link from /b would have made it depth 0"


async def test_progress_is_told_stage_by_stage(bench: Bench) -> None:
    one = await bench.submit(content="\n\n".join(f"# T{n}\n\nText {n}." for n in range(400)))
    await bench.work(one)
    assert {live for live, _ in bench.frames} == {f"tandem.{bench.tenant}.live._documents"}
    stages = list(dict.fromkeys(frame.stage for _, frame in bench.frames))
    assert stages == ["parse", "chunk", "embed", "index"]
    last = [frame for _, frame in bench.frames if frame.stage == "embed"][-1]
    assert last.done == last.total > 400
    assert len(bench.frames) < 20
