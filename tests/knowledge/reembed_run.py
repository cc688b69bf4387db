"""What a re-embedding test runs in its own process, in Ray's, and in one that is killed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.settings import Settings
from events.spaces import DEFAULT, parse_space
from serve_apps.embedding.batches import Encoder
from tandem.reembedding.fill import Workers
from tandem.reembedding.worker import Order
from tandem.wiring.objects import LateDocuments

if TYPE_CHECKING:
    from serve_apps.embedding.batches import Vectors

SMALL = "all-MiniLM-L6-v2.d64.l2.t256"
WORKERS = Workers(chunks=2, concurrency=1)


class Words(Encoder):
    """`bag_of_words` of the default space, as an encoder."""

    device, dtype, max_tokens, dimensions = "cpu", "float32", 256, DEFAULT.dimensions

    def encode(self, texts: Sequence[str]) -> Vectors:
        from knowledge_shelf import bag_of_words

        return asyncio.run(bag_of_words(DEFAULT.name, texts))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]


def words(key: Any) -> Encoder:
    return Words()


def dies(key: Any) -> Encoder:
    """The process that should load a model is killed, as by the kernel for want of memory."""
    os.kill(os.getpid(), signal.SIGKILL)
    return Words()


class DiesOnce:
    """The first worker dies after its first texts, later ones live."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __call__(self, key: Any) -> Encoder:
        return Words() if Path(self.mark).exists() else _Dying(self.mark)


class _Dying(Words):
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def encode(self, texts: Sequence[str]) -> Vectors:
        if Path(self.mark).exists():
            os.kill(os.getpid(), signal.SIGKILL)
        Path(self.mark).touch()
        return super().encode(texts)


def order(tenant: str, nats_url: str) -> Order:
    return Order(
        tenant=tenant,
        space=parse_space(SMALL),
        load=words,
        open_documents=partial(LateDocuments, Settings(), nats_url),
    )


async def killed_in_the_middle(tenant: str, nats_url: str, dsn: str, after: int) -> None:
    """Dies at once, as by a power cut, when `after` chunks are done."""
    from events.jetstream.log import JetStreamLog
    from projections.engine.database import open_pool
    from tandem.reembedding.fill import fill

    def tell(done: int, total: int) -> None:
        if done >= after:
            os.kill(os.getpid(), signal.SIGKILL)

    log = await JetStreamLog.connect(nats_url, name="killed")
    pool = await open_pool(dsn, min_size=1, max_size=1)
    await fill(log, pool, order(tenant, nats_url), WORKERS, tell=tell)


if __name__ == "__main__":
    import ray

    sys.path.append(str(Path(__file__).parents[2]))
    given = json.loads(sys.argv[1])
    ray.init(address=given.pop("ray"), log_to_driver=False)
    asyncio.run(killed_in_the_middle(**given))
