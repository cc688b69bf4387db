"""Fill a space: Ray Data embeds, facts are appended as results come in, until nothing is missing.

Killed at any moment and run again it does what is left: what is done stands in the log.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar, cast

import asyncpg
import msgspec

from actors.documents.decide import Record
from actors.documents.spaces import OpenSpace
from actors.documents.stream import carry_out
from actors.documents.tenant import change_index
from events.knowledge import DocumentEmbedded
from events.log import EventLog
from events.stream import knowledge_stream
from tandem.reembedding.missing import Missing, missing, wait_for_state, wait_for_the_last
from tandem.reembedding.worker import EmbedDocuments, Order

_T = TypeVar("_T")
INDEX_TIMEOUT_S = 600.0
OPEN = ("open", "active")
_RAISED = re.compile(r"^\s*(?:\w+\.)*(\w+: .+)$", re.MULTILINE)
"""Where a traceback says what was raised; of several the first is the cause."""


class FillFailed(Exception):
    """Not all could be embedded; what was stays. One line for a person."""


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """What Ray books, and how much one worker is given at once."""

    documents: int = 16
    concurrency: int = 1
    num_gpus: float = 0.0
    num_cpus: float = 1.0


Tell = Callable[[int, int], object]
"""Called with the chunks that are done, and all."""


async def fill(
    log: EventLog, pool: asyncpg.Pool, order: Order, workers: Workers, *, tell: Tell
) -> int:
    """Open the space and embed every document that answers; returns how many were. Documents
    that come in meanwhile are embedded by the ingest, which sees that the space is open.

    Raises SpaceRefused, Behind, FillFailed, LogError.
    """
    tenant, space = order.tenant, order.space.name
    await change_index(log, tenant, OpenSpace(tenant=tenant, space=space, at=_now()))
    await wait_for_state(pool, tenant, space, OPEN, timeout=INDEX_TIMEOUT_S)
    done: set[tuple[str, int]] = set()
    left = await missing(pool, tenant, space)
    while left:
        chunks, total = 0, sum(one.chunks for one in left)
        by_name = {(one.document, one.version): one for one in left}
        tell(0, total)
        async for fact, document in _embedded(left, order, workers):
            await _append(log, tenant, document, fact)
            done.add((document, fact.version))
            chunks += by_name[document, fact.version].chunks
            tell(chunks, total)
        left = await wait_for_the_last(pool, tenant, space, done, timeout=INDEX_TIMEOUT_S)
    return len(done)


async def _embedded(
    left: list[Missing], order: Order, workers: Workers
) -> AsyncGenerator[tuple[DocumentEmbedded, str]]:
    """A fact for each document, as workers finish, and the document."""
    rows = await _asked(lambda: _started(left, order, workers))
    while (row := await _asked(lambda: next(rows, None))) is not None:
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
    """In a thread. Raises FillFailed for what Ray raises when a worker fails."""
    from ray.data.exceptions import SystemException  # noqa: PLC0415  # as in _started
    from ray.exceptions import RayError  # noqa: PLC0415

    try:
        return await asyncio.to_thread(of_ray)
    except (RayError, SystemException) as error:
        found = _RAISED.search(str(error))
        why = found[1] if found else " ".join(str(error).split()) or repr(error)
        raise FillFailed(f"a worker failed: {why[:300]} (run again, it does the rest)") from error


def _started(left: list[Missing], order: Order, workers: Workers) -> Iterator[dict[str, Any]]:
    """Rows of a Ray Data pipeline that runs while they are taken."""
    import ray.data  # noqa: PLC0415  # a second to import

    ray.data.DataContext.get_current().enable_progress_bars = False  # there is one of ours
    pieces = -(-len(left) // workers.documents)
    size = min(workers.concurrency, pieces)
    data: Any = cast(Any, ray.data).from_items(
        [msgspec.structs.asdict(one) for one in left], override_num_blocks=pieces
    )
    embedded = data.map_batches(
        EmbedDocuments,
        fn_constructor_args=(order,),
        batch_size=workers.documents,
        compute=ray.data.ActorPoolStrategy(size=size),
        num_gpus=workers.num_gpus or None,
        num_cpus=workers.num_cpus,
    )
    return iter(embedded.iter_rows())


async def _append(log: EventLog, tenant: str, document: str, fact: DocumentEmbedded) -> None:
    """Dropped by the decider when the document was replaced or removed meanwhile."""
    record = Record(version=fact.version, facts=(fact,))
    await carry_out(log, knowledge_stream(tenant, document), record)


def _now() -> int:
    return time.time_ns() // 1_000_000
