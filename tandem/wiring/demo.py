"""The demo company: the tenant `demo`, its key, its help pages in English and Spanish, and one
operator, whose sign-in is kept in `home/demo-operator`."""

from __future__ import annotations

import asyncio
import secrets
import time
import tomllib
from importlib.resources import files
from pathlib import Path

import msgspec

from events.jetstream.log import JetStreamLog
from events.log.event_log import EMPTY, EventLog, NewCommit
from events.log.stream import tenancy_stream
from events.tenancy import CannedReplyKept, TenantConfigured
from projections.engine.database import open_pool
from projections.knowledge.documents import wait_indexed
from serve_apps.gateway.operators.accounts.accounts import (
    add_operator,
    change,
    change_operator,
    load_roster,
)
from serve_apps.gateway.operators.accounts.roster import Roster, keeping_canned
from tandem.addresses import Addresses
from tandem.embedded.nats import write_secret
from tandem.home import DEMO_OPERATOR
from tandem.wiring.library import open_library

TENANT = "demo"
EMAIL = "ana@casa-lumen.example"
INDEX_TIMEOUT_S = 240.0


async def seed_demo(house: Addresses) -> None:
    """Make the demo company, or leave it as it is. Returns when its pages are searchable.

    Raises LogUnavailable, NotIndexed.
    """
    log = await JetStreamLog.connect(house.nats_url, name="tandem-demo")
    try:
        await _configure(log)
        await seed_operator(log, house.settings.home_dir)
        library = open_library(log, house.settings)
        pages = await asyncio.to_thread(_pages)
        submitted = [
            await library.submit(
                TENANT,
                name=f"{page.parent.name}/{page.name}",
                content=page.read_bytes(),
                at=_now(),
                locale=page.parent.name,
                origin="demo",
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


async def _configure(log: EventLog) -> None:
    stream = tenancy_stream(TENANT)
    commits = await log.load(stream)
    settings = [
        fact for commit in commits for fact in commit.facts if type(fact) is TenantConfigured
    ]
    wanted = TenantConfigured(
        at=_now(),
        tenant=TENANT,
        name="Casa Lumen",
        keys=("pk_demo",),
        origins=("loopback",),
    )
    if settings and settings[-1] == msgspec.structs.replace(wanted, at=settings[-1].at):
        return
    head = commits[-1].head if commits else EMPTY
    new = NewCommit(commit_id=f"demo-{head.number + 1}", facts=(wanted,))
    await log.append(stream, new, expected=head)


async def seed_operator(log: EventLog, home: Path) -> None:
    """Make the demo's operator and canned replies once, and keep the sign-in in `home`. When that
    file was lost, a new password is set. Who was removed is not brought back.

    Raises LogUnavailable, OSError.
    """
    kept = home / DEMO_OPERATOR
    roster, _ = await load_roster(log, TENANT)
    known = roster.by_email(EMAIL)
    if known is None and EMAIL in roster.left.values():
        kept.unlink(missing_ok=True)
        return
    if known is not None and kept.exists():
        return
    password = secrets.token_urlsafe(12)
    if known is None:
        await add_operator(
            log, TENANT, email=EMAIL, name="Ana", role="admin", password=password, at=_now()
        )
        await change(log, TENANT, _demo_canned)
    else:
        await change_operator(log, TENANT, EMAIL, password=password, at=_now())
    write_secret(kept, f"{EMAIL}\n{password}\n")


def _demo_canned(roster: Roster) -> list[CannedReplyKept]:
    text = files("config").joinpath("demo", "canned.toml").read_text(encoding="utf-8")
    return [
        fact
        for replies in tomllib.loads(text).values()
        for name, reply in replies.items()
        for fact in keeping_canned(roster, name, reply, operator="", at=_now())
    ]


def _pages() -> list[Path]:
    """`config/demo/<locale>/*.md`."""
    return sorted(Path(str(files("config").joinpath("demo"))).glob("*/*.md"))


def _now() -> int:
    return time.time_ns() // 1_000_000
