"""A second space is filled while the first answers; a kill in the middle costs nothing; one event
switches, and one goes back. Real log, object store, Postgres and Ray Data."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from knowledge_shelf import Shelf, bag_of_words
from reembed_run import SMALL, WORKERS, order

from events.spaces import DEFAULT_SPACE, parse_space

pytestmark = pytest.mark.timeout(600)
PATIENCE_S = 240.0
DOCUMENTS = 8
ROOT = Path(__file__).parents[2]
COLOURS = ["red", "green", "blue", "black", "white", "amber", "violet", "silver"]


@pytest.fixture(scope="module")
def ray_address() -> Iterator[str]:
    """A small Ray of this module's own, unless the run has one already."""
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    started = not ray.is_initialized()
    if started:
        # The workers import this test's own parts.
        ours = (str(Path(__file__).parent), str(ROOT), os.environ.get("PYTHONPATH", ""))
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, ours))
        ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield str(ray.get_runtime_context().gcs_address)
    if started:
        ray.shutdown()


@pytest.fixture(scope="module")
async def shop(
    start_nats: Callable[..., Any], database: str
) -> AsyncIterator[tuple[Shelf, str, str]]:
    """A shelf on real servers whose index is fed by a lane, the address of its log, a tenant with
    eight documents that can be found."""
    from events.jetstream.log import JetStreamLog
    from events.objects.store import NatsObjectStore
    from projections.engine.builds import ensure_live
    from projections.engine.database import open_pool
    from projections.engine.schema import ensure_schema
    from projections.engine.worker import open_worker
    from projections.knowledge.documents import wait_indexed
    from projections.read_models.messages import MessagesProjection

    url = start_nats().url
    log = await JetStreamLog.connect(url, name="test")
    await log.ensure_streams()
    await ensure_schema(database)
    pool = await open_pool(database, max_size=4)
    await ensure_live(pool, MessagesProjection())  # usual questions are looked for there
    shelf = Shelf(pool)
    shelf.log, shelf.documents = log, NatsObjectStore(log.connection)
    shelf.library = type(shelf.library)(log, shelf.documents, shelf.library._sniff)
    shelf.index = type(shelf.index)(shelf.documents, bag_of_words, DEFAULT_SPACE)
    tenant = f"shop-{uuid.uuid4().hex[:8]}"
    async with open_worker([shelf.index], url, database) as worker:
        running = asyncio.create_task(worker.run())
        submitted = [
            await shelf.submit(
                tenant, f"{colour}.md", f"# {colour}\n\nThe {colour} lamp costs {n}."
            )
            for n, colour in enumerate(COLOURS)
        ]
        await wait_indexed(pool, submitted, timeout=PATIENCE_S)
        yield shelf, url, tenant
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    await pool.close()
    await log.close()


async def _facts(shelf: Shelf, tenant: str, space: str = SMALL) -> dict[str, int]:
    """How often each document was embedded in the new space."""
    from events.log.stream import knowledge_stream

    found: dict[str, int] = {}
    for colour in COLOURS:
        commits = await shelf.log.load(knowledge_stream(tenant, _id(colour)))
        facts = [fact for commit in commits for fact in commit.facts]
        found[colour] = sum(getattr(fact, "space", "") == space for fact in facts)
    return found


def _id(colour: str) -> str:
    from actors.documents.service import document_id

    return document_id(f"{colour}.md")


async def _active(shelf: Shelf, tenant: str) -> str:
    return (await shelf.knowledge.standing(tenant)).space


async def _ask(shelf: Shelf, tenant: str, asked: asyncio.Queue[str]) -> None:
    """Asks in the space that is searched in, again and again, until cancelled."""
    while True:
        for colour in COLOURS:
            space = await _active(shelf, tenant)
            hits = await shelf.search(tenant, f"what costs the {colour} lamp", space=space)
            assert hits[0].document == _id(colour), f"{colour} in {space}"
            asked.put_nowait(space)
        await asyncio.sleep(0.02)


async def test_a_space_is_filled_while_the_old_one_answers_and_a_kill_loses_nothing(
    shop: tuple[Shelf, str, str], ray_address: str, database: str
) -> None:
    from actors.documents.embedding_spaces import SwitchSpace
    from actors.documents.index_settings import change_index
    from projections.knowledge.index.hnsw import renew_indexes
    from projections.knowledge.search.search import KnowledgeSearch
    from tandem.reembedding.checks import Bounds, check, index_ready, usual_questions
    from tandem.reembedding.fill import fill
    from tandem.reembedding.missing import missing, wait_for_state

    shelf, url, tenant = shop
    asked: asyncio.Queue[str] = asyncio.Queue()
    asking = asyncio.create_task(_ask(shelf, tenant, asked))

    given = {"ray": ray_address, "tenant": tenant, "nats_url": url, "dsn": database, "after": 3}
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("reembed_run.py")),
        json.dumps(given),
        env=os.environ | {"PYTHONPATH": path},
        cwd=ROOT,
    )
    assert await asyncio.wait_for(child.wait(), PATIENCE_S) == -signal.SIGKILL
    before = await _facts(shelf, tenant)
    assert 3 <= sum(before.values()) < DOCUMENTS, "it died in the middle"
    async with asyncio.timeout(PATIENCE_S):  # its last fact may not be in the index yet
        while len(await missing(shelf.pool, tenant, SMALL)) > DOCUMENTS - sum(before.values()):  # noqa: ASYNC110 the condition lies in the database
            await asyncio.sleep(0.02)

    told: list[tuple[int, int]] = []
    done = await asyncio.wait_for(
        fill(
            shelf.log,
            shelf.pool,
            order(tenant, url),
            WORKERS,
            tell=lambda chunks, total: told.append((chunks, total)),
        ),
        PATIENCE_S,
    )
    assert done == DOCUMENTS - sum(before.values()), "only the rest was done"
    assert told[-1] == (done, done)
    assert await _facts(shelf, tenant) == dict.fromkeys(COLOURS, 1)
    assert await missing(shelf.pool, tenant, SMALL) == []
    assert {asked.get_nowait() for _ in range(asked.qsize())} == {DEFAULT_SPACE}, (
        "until the switch the old space answers"
    )

    async def embed(text: str, space: str) -> Any:
        return (await bag_of_words(space, [text]))[0]

    questions = await usual_questions(shelf.pool, tenant)
    assert sorted(one.text for one in questions) == sorted(COLOURS), "nobody asked yet: titles"
    spaces = {"space": SMALL, "now": DEFAULT_SPACE}
    found = await check(shelf.knowledge, shelf.knowledge, embed, tenant, questions, **spaces)
    assert (found.questions, found.first) == (DOCUMENTS, 1.0)
    assert found.recall is None, "every chunk is compared: there is no index to miss one"
    assert found.faults(Bounds()) == []

    house = KnowledgeSearch(shelf.pool, exact_up_to=DOCUMENTS - 1)  # as if eight were many
    waiting = asyncio.create_task(index_ready(house, tenant, SMALL, timeout=PATIENCE_S))
    await renew_indexes(database, above=DOCUMENTS - 1)
    await waiting
    through = await check(house, shelf.knowledge, embed, tenant, questions, **spaces)
    assert through.recall == 1.0, "of the index, which the house will search through"

    for space in (SMALL, DEFAULT_SPACE):
        command = SwitchSpace(tenant=tenant, space=space, at=9, quality=found.quality())
        assert await change_index(shelf.log, tenant, command)
        await wait_for_state(shelf.pool, tenant, space, ("active",), timeout=PATIENCE_S)
        assert await _active(shelf, tenant) == space
        async with asyncio.timeout(PATIENCE_S):
            while await asked.get() != space:
                assert not asking.done(), "a question was not answered"
    asking.cancel()
    (ended,) = await asyncio.gather(asking, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError), f"a question was not answered: {ended!r}"


@pytest.mark.parametrize("mended", [True, False])
async def test_nobody_switches_while_a_document_has_no_vectors_in_the_new_space(
    monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    from tandem.errors import UserError
    from tandem.reembedding import run
    from tandem.reembedding.checks import Bounds

    left, done = ["came in meanwhile"], list[str]()

    async def fill(_: Any) -> None:
        done.append("filled")
        if mended:
            left.clear()

    async def missing(*_: Any, **__: Any) -> list[str]:
        return left

    async def change(*_: Any, **__: Any) -> None:
        done.append("switched")

    monkeypatch.setattr(run._Run, "_fill", fill)
    monkeypatch.setattr(run, "missing", missing)
    monkeypatch.setattr(run, "change_index", change)
    monkeypatch.setattr(run, "wait_for_state", missing)
    space = parse_space(SMALL)
    wish = run.Wish(tenant="shop", space=space, workers=WORKERS, bounds=Bounds())
    found: Any = SimpleNamespace(faults=lambda _: [], recall=None, quality=dict)
    one = run._Run(None, None, None, None, wish)  # type: ignore[arg-type]  # nothing of it is asked
    if mended:
        await one._switch(DEFAULT_SPACE, found)
        assert done == ["filled", "switched"]
    else:
        with pytest.raises(UserError, match="1 document that came in meanwhile"):
            await one._switch(DEFAULT_SPACE, found)
        assert "switched" not in done


def test_chunks_that_are_lost_are_told_by_their_document_and_not_raised() -> None:
    from reembed_run import words

    from events.objects.store import MemoryObjectStore
    from events.spaces import DEFAULT
    from tandem.reembedding.worker import EmbedDocuments, Order

    worker = EmbedDocuments(
        Order(tenant="shop", space=DEFAULT, load=words, open_documents=MemoryObjectStore)
    )
    done = worker({"document": ["red-md"], "version": [1], "chunks_hash": ["0" * 64]})
    assert done["failed"][0].startswith("red-md: its chunks are lost or damaged")
    assert list(done["vectors_hash"]) == [""]


def test_a_worse_space_is_not_switched_to() -> None:
    from tandem.reembedding.checks import Bounds, Checks

    good = Checks(questions=9, recall=0.99, overlap=0.8, first=0.9)
    assert good.faults(Bounds()) == []
    assert good.quality() == {"questions": 9.0, "overlap_at_5": 0.8, "first_at_5": 0.9}
    lossy = Checks(questions=9, recall=0.94, overlap=0.8, first=0.9)
    assert lossy.faults(Bounds()) == ["recall@5 is 0.940, below 0.95"]
    strange = Checks(questions=9, overlap=0.4, first=0.9)
    assert strange.faults(Bounds()) == ["overlap@5 is 0.400, below 0.5"]
    better = Checks(questions=9, overlap=0.4, first=0.4, mrr=0.72, mrr_before=0.7)
    assert better.faults(Bounds()) == [], "where answers are known, they count and nothing else"
    worse = Checks(questions=9, overlap=0.9, first=0.9, mrr=0.69, mrr_before=0.7)
    assert worse.faults(Bounds()) == ["MRR falls from 0.700 to 0.690"]


def test_the_report_says_what_was_compared_with_what() -> None:
    from tandem.reembedding.checks import Bounds, Checks, Question
    from tandem.reembedding.report import asked_for, lines

    questions = [Question("a", origin="asked"), *[Question(t, origin="title") for t in "bc"]]
    said = "1 question that visitors asked last and 2 titles of texts"
    assert asked_for(questions) == said
    exact = Checks(questions=3, overlap=0.8, first=1.0)
    *_, last = lines(exact, Bounds(), chunks=8, exact_up_to=20)
    assert " ".join(last.split()) == (
        "recall@5 - nothing is missed: all 8 chunks are compared (an index from 21 on)"
    )
    known = Checks(questions=3, overlap=0.8, first=1.0, recall=0.96, mrr=0.7, mrr_before=0.7)
    overlap, _, mrr, recall = lines(known, Bounds(), chunks=80, exact_up_to=20)
    assert "at least" not in overlap, "where answers are known, likeness decides nothing"
    assert mrr.endswith("now 0.700, at least 0.693")
    assert recall.split()[:2] == ["recall@5", "0.960"]
    assert recall.endswith("at least 0.950")


def test_a_worker_gets_whole_documents_up_to_so_many_chunks() -> None:
    from tandem.reembedding.fill import pieces
    from tandem.reembedding.missing import Missing

    left = [
        Missing(document=f"d{n}", version=1, chunks_hash="", chunks=n) for n in (90, 40, 20, 5, 1)
    ]
    cut = [[one.chunks for one in piece] for piece in pieces(left, 64)]
    assert cut == [[90], [40, 20], [5, 1]], "a larger one goes alone"


async def test_a_worker_that_dies_is_replaced_and_one_that_always_dies_is_told(
    shop: tuple[Shelf, str, str],
    ray_address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from reembed_run import DiesOnce, dies

    from tandem.reembedding import fill as filling
    from tandem.reembedding.fill import WorkerDied, fill

    shelf, url, tenant = shop
    space = parse_space("all-MiniLM-L6-v2.d32.l2.t256")
    dying = msgspec.structs.replace(order(tenant, url), space=space, load=dies)
    with monkeypatch.context() as patience:
        patience.setattr(filling, "DEATHS", 1)
        with pytest.raises(WorkerDied, match="run again"):
            await fill(shelf.log, shelf.pool, dying, WORKERS, tell=lambda done, total: None)
    once = msgspec.structs.replace(dying, load=DiesOnce(str(tmp_path / "died")))
    told: list[tuple[int, int]] = []
    done = await fill(shelf.log, shelf.pool, once, WORKERS, tell=lambda *n: told.append(n))
    assert (tmp_path / "died").exists()
    assert done == DOCUMENTS
    assert told[-1] == (DOCUMENTS, DOCUMENTS)
    assert await _facts(shelf, tenant, space.name) == dict.fromkeys(COLOURS, 1)


def test_questions_come_from_a_csv_or_the_file_is_refused(tmp_path: Path) -> None:
    from tandem.errors import UserError
    from tandem.reembedding.checks import Question, read_questions

    file = tmp_path / "questions.csv"
    file.write_text("question,answer\nHow long?,Two days\n")
    assert read_questions(file) == [Question("How long?", "Two days")]
    for wrong in ("question,answer\n", "text\nhello\n"):
        file.write_text(wrong)
        with pytest.raises(UserError, match=r"questions\.csv"):
            read_questions(file)
