"""The demo company: the tenant `demo`, its key, and its help pages in English and Spanish."""

from __future__ import annotations

import asyncio
import time
from importlib.resources import files
from pathlib import Path

import msgspec

from events.jetstream import JetStreamLog
from events.log import EMPTY, NewCommit
from events.objects import NatsDocuments
from events.stream import tenancy_stream
from events.tenancy import TenantConfigured
from projections.database import open_pool
from projections.knowledge.ingest import submit, wait_indexed
from tandem.addresses import Addresses

TENANT = "demo"
INDEX_TIMEOUT_S = 120.0


async def seed_demo(house: Addresses) -> None:
    """Make the demo company, or leave it as it is. Returns when its pages are searchable.

    Raises LogUnavailable, NotIndexed.
    """
    log = await JetStreamLog.connect(house.nats_url, name="tandem-demo")
    try:
        await _configure(log)
        documents = NatsDocuments(log.connection)
        pages = await asyncio.to_thread(_pages)
        submitted = [
            await submit(
                log,
                documents,
                tenant=TENANT,
                name=f"{page.parent.name}/{page.name}",
                content=page.read_bytes(),
                at=_now(),
                locale=page.parent.name,
            )
            for page in pages
        ]
    finally:
        await log.close()
    pool = await open_pool(house.postgres_dsn, max_size=1)
    try:
        await wait_indexed(pool, submitted, timeout=INDEX_TIMEOUT_S)
    finally:
        await pool.close()


async def _configure(log: JetStreamLog) -> None:
    stream = tenancy_stream(TENANT)
    last = await log.last(stream)
    wanted = TenantConfigured(
        at=_now(),
        tenant=TENANT,
        name="Casa Lumen",
        keys=("pk_demo",),
        origins=("loopback",),
    )
    if last and last.facts == (msgspec.structs.replace(wanted, at=last.facts[0].at),):
        return
    commit_id = f"demo-{last.number + 1 if last else 1}"
    new = NewCommit(commit_id=commit_id, facts=(wanted,))
    await log.append(stream, new, expected=last.head if last else EMPTY)


def _pages() -> list[Path]:
    """`config/demo/<locale>/*.md`."""
    return sorted(Path(str(files("config").joinpath("demo"))).glob("*/*.md"))


def _now() -> int:
    return time.time_ns() // 1_000_000
