"""What commands about the knowledge stand on: the read models, the library, the search of turns."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from config.settings import Settings
from tandem.addresses import read_running
from tandem.errors import UserError

if TYPE_CHECKING:
    import asyncpg

    from actors.documents.service import Library
    from events.conversation import AnswerRecorded, Fact
    from events.jetstream.log import JetStreamLog
    from events.objects.store import Documents
    from serve_apps.gateway.knowledge.ports import KnowledgePorts


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def read_models() -> AsyncGenerator[asyncpg.Pool]:
    """Of the house that runs here. What Postgres fails at becomes a UserError."""
    import asyncpg  # noqa: PLC0415 help must be quick

    from projections.engine.database import open_pool  # noqa: PLC0415 likewise

    pool = await open_pool(read_running(Settings()).postgres_dsn, min_size=0, max_size=2)
    try:
        yield pool
    except asyncpg.UndefinedTableError:
        raise UserError("the read models are not built yet: try again in a moment") from None
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UserError(f"the read models cannot be read: {error}") from None
    finally:
        await pool.close()


@asynccontextmanager
async def library(tenant: str) -> AsyncGenerator[tuple[Library, Documents, JetStreamLog]]:
    """The library of the house that runs here, its originals and the log. Raises UserError where
    there is no such tenant, or something is refused."""
    from actors.documents.service import DocumentRefused  # noqa: PLC0415 help must be quick
    from events.jetstream.log import JetStreamLog  # noqa: PLC0415 likewise
    from events.log.event_log import LogError  # noqa: PLC0415 likewise
    from events.log.stream import tenancy_stream  # noqa: PLC0415 likewise
    from tandem.wiring.library import open_library  # noqa: PLC0415 likewise
    from tandem.wiring.objects import documents_of  # noqa: PLC0415 likewise

    house = read_running(Settings())
    log = await JetStreamLog.connect(house.nats_url, name="tandem-knowledge")
    try:
        if await log.last(tenancy_stream(tenant)) is None:
            raise UserError(f"there is no tenant {tenant}")
        yield open_library(log, house.settings), documents_of(house.settings, log.connection), log
    except (DocumentRefused, LogError, ValueError) as error:
        raise UserError(str(error)) from None
    finally:
        await log.close()


@asynccontextmanager
async def searching(tenant: str) -> AsyncGenerator[KnowledgePorts]:
    """As a gateway asks: with the embedder of the house's own cluster. Raises UserError where
    there is no such tenant."""
    from tandem.cluster import joined, prepare  # noqa: PLC0415 help must be quick

    house = read_running(Settings())
    prepare(house)
    from events.jetstream.log import JetStreamLog  # noqa: PLC0415 after `prepare`
    from events.log.stream import tenancy_stream  # noqa: PLC0415 likewise
    from tandem.wiring.gateway import knowledge_ports  # noqa: PLC0415 likewise

    log = await JetStreamLog.connect(house.nats_url, name="tandem-search")
    try:
        if await log.last(tenancy_stream(tenant)) is None:
            raise UserError(f"there is no tenant {tenant}")
        async with read_models() as pool, joined(house):
            yield knowledge_ports(log, pool, house.settings)
    finally:
        await log.close()


async def answer_of(tenant: str, conversation: str, message: str) -> tuple[AnswerRecorded, str]:
    """The answer with this message id, as it stands in the log, and what it was searched for.
    Raises UserError."""
    from events.jetstream.log import JetStreamLog  # noqa: PLC0415 likewise
    from events.log.event_log import LogError  # noqa: PLC0415 likewise
    from events.log.stream import conversation_stream  # noqa: PLC0415 likewise

    log = await JetStreamLog.connect(read_running(Settings()).nats_url, name="tandem-answer")
    try:
        commits = await log.load(conversation_stream(tenant, conversation))
        found = searched_for([fact for commit in commits for fact in commit.facts], message)
        if found is not None:
            return found
    except (LogError, ValueError) as error:
        raise UserError(str(error)) from None
    finally:
        await log.close()
    raise UserError(f"conversation {conversation} of {tenant} has no answer {message}")


def searched_for(facts: Sequence[Fact], message: str) -> tuple[AnswerRecorded, str] | None:
    """The answer `message` of a conversation, and what it was searched for: what the visitor
    wrote, unless the answer notes something else. None where there is no such answer."""
    from events.conversation import AnswerRecorded, MessageReceived  # noqa: PLC0415 see above

    written: dict[str, str] = {}
    for fact in facts:
        if isinstance(fact, MessageReceived):
            written.setdefault(fact.message, fact.text)
        elif isinstance(fact, AnswerRecorded) and fact.message == message:
            question = "\n".join(written[one] for one in fact.in_reply_to if one in written)
            return fact, fact.cost.searched or question
    return None
