"""Fill a space: Ray Data embeds, facts are appended as results come in, until nothing is missing.

Killed at any moment and run again it does what is left: what is done stands in the log.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import warnings
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import asyncpg
import msgspec

from actors.documents.decide import Record
from actors.documents.embedding_spaces import OpenSpace
from actors.documents.index_settings import change_index
from actors.documents.stream import carry_out
from events.knowledge import DocumentEmbedded
from events.log.event_log import EventLog
from events.log.stream import knowledge_stream
from tandem.reembedding.missing import Missing, missing, wait_for_state, wait_for_the_last
from tandem.reembedding.worker import EmbedDocuments, Order

_T = TypeVar("_T")
INDEX_TIMEOUT_S = 600.0
OPEN = ("open", "active")
_RAISED = re.compile(r"^\s*(?:\w+\.)*(\w+: .+)$", re.MULTILINE)
"""Where a traceback says what was raised; of several the first is the cause."""


DEATHS = 3
"""Workers in a row that may die without having done a thing."""


class FillFailed(Exception):
    """Not all could be embedded; what was stays. One line for a person."""


class WorkerDied(FillFailed):
    """As by a power cut. What it had in hand is to be done again."""


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """What Ray books, and how much one worker is given at once."""

    chunks: int = 64
    """Whole documents, until they have so many chunks; a larger one goes alone."""
    concurrency: int = 1
    num_gpus: float = 0.0
    num_cpus: float = 1.0


Tell = Callable[[int, int], object]
"""Called with the chunks that are done, and all."""


async def fill(
    log: EventLog, pool: asyncpg.Pool, order: Order, workers: Workers, *, tell: Tell
) -> int:
    """Open the space and embed every document that answers; returns how many were. Documents
    that come in meanwhile are embedded by the ingest, which sees that the space is open; those that
    it fails to embed there answer all the same, and are found missing.

    Raises SpaceRefused, Behind, FillFailed, LogError.
    """
    tenant, space = order.tenant, order.space.name
    await change_index(log, tenant, OpenSpace(tenant=tenant, space=space, at=_now()))
    await wait_for_state(pool, tenant, space, OPEN, timeout=INDEX_TIMEOUT_S)
    done: set[tuple[str, int]] = set()
    chunks = deaths = 0
    left = await missing(pool, tenant, space)
    while left:
        before, total = len(done), chunks + sum(one.chunks for one in left)
        by_name = {(one.document, one.version): one for one in left}
        tell(chunks, total)
        try:
            async for fact, document in _embedded(left, order, workers):
                await _append(log, tenant, document, fact)
                done.add((document, fact.version))
                chunks += by_name[document, fact.version].chunks
                tell(chunks, total)
        except WorkerDied:
            deaths = 1 if len(done) > before else deaths + 1
            if deaths >= DEATHS:
                raise
        left = await wait_for_the_last(pool, tenant, space, done, timeout=INDEX_TIMEOUT_S)
    return len(done)


async def _embedded(
    left: list[Missing], order: Order, workers: Workers
) -> AsyncGenerator[tuple[DocumentEmbedded, str]]:
    """A fact for each document, as workers finish, and the document."""
    batches = await _asked(lambda: _started(left, order, workers))
    while (batch := await _asked(lambda: next(batches, None))) is not None:
        for row in [
            dict(zip(batch, one, strict=True)) for one in zip(*batch.values(), strict=True)
        ]:
            if row["failed"]:
                raise FillFailed(f"{row['failed']}: hand it over again, or remove it")
            fact = DocumentEmbedded(
                at=_now(),
                version=int(row["version"]),
                chunks_hash=str(row["chunks_hash"]),
                space=order.space.name,
                vectors_hash=str(row["vectors_hash"]),
            )
            yield fact, str(row["document"])


async def _asked(of_ray: Callable[[], _T]) -> _T:
    """In a thread. Raises FillFailed for what Ray raises when a worker fails, WorkerDied."""
    from ray.data.exceptions import SystemException  # noqa: PLC0415  # as in _started
    from ray.exceptions import RayActorError, RayError  # noqa: PLC0415

    try:
        return await asyncio.to_thread(of_ray)
    except (RayError, SystemException) as error:
        found = _RAISED.search(str(error))
        why = found[1] if found else " ".join(str(error).split()) or repr(error)
        died = isinstance(error, RayActorError) or isinstance(error.__cause__, RayActorError)
        kind = WorkerDied if died else FillFailed
        raise kind(f"a worker failed: {why[:300]} (run again, it does the rest)") from error


def _started(left: list[Missing], order: Order, workers: Workers) -> Iterator[dict[str, Any]]:
    """Batches of a Ray Data pipeline that runs while they are taken, each as soon as it is done:
    columns by name."""
    import pyarrow  # noqa: PLC0415  # comes with Ray Data
    import ray.data  # noqa: PLC0415  # a second to import

    _quiet()
    batches = pieces(left, workers.chunks)
    data: Any = cast(Any, ray.data).from_blocks(
        [pyarrow.Table.from_pylist([msgspec.structs.asdict(one) for one in b]) for b in batches]
    )
    with warnings.catch_warnings():
        # `max_restarts` has no other way in yet. Restarts are `fill`'s: where Ray Data is to make
        # them, Ray's core warns on stderr at every run that they may fail.
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        embedded = data.map_batches(
            EmbedDocuments,
            fn_constructor_args=(order,),
            batch_size=None,  # a whole block
            compute=ray.data.ActorPoolStrategy(size=min(workers.concurrency, len(batches))),
            num_gpus=workers.num_gpus or None,
            num_cpus=workers.num_cpus,
            max_restarts=0,
        )
    return iter(embedded.iter_batches(batch_size=None, prefetch_batches=0, batch_format="numpy"))


def pieces(left: Sequence[Missing], chunks: int) -> list[list[Missing]]:
    """`left` in its order, cut where a piece would have more than so many chunks."""
    found: list[list[Missing]] = []
    size = 0
    for one in left:
        if not found or size + one.chunks > chunks:
            found.append([])
            size = 0
        found[-1].append(one)
        size += one.chunks
    return found


def _quiet() -> None:
    """Ray Data's own bars and news are for its log file; there is a bar of ours."""
    import ray.data  # noqa: PLC0415  # as in _started

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL)  # what fails is raised, and told in one line


async def _append(log: EventLog, tenant: str, document: str, fact: DocumentEmbedded) -> None:
    """Dropped by the decider when the document was replaced or removed meanwhile."""
    record = Record(version=fact.version, facts=(fact,))
    await carry_out(log, knowledge_stream(tenant, document), record)


def _now() -> int:
    return time.time_ns() // 1_000_000
