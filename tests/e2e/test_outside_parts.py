"""With addresses set, `tandem up` uses an outside NATS and Postgres and starts none of its own;
and a house in which every conversation has a Ray actor of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from benchmarks.house import House, until
from tandem.clients.visitor import Visitor

SHARED = 2
pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


async def test_an_outside_nats_and_postgres_take_the_place_of_the_embedded_ones(
    start_nats: Callable[..., Any], database: str, tmp_path: Path
) -> None:
    nats = start_nats()
    outside = {
        "TANDEM_NATS_URL": nats.url,
        "TANDEM_POSTGRES_DSN": database,
        "TANDEM_PLACEMENT": "dedicated",
        "TANDEM_PASSIVATE_AFTER_S": "3",
    }
    with House(tmp_path / "home", **outside) as house:
        own = {process.name() for process in house.descendants()}
        assert not own & {"nats-server", "postgres"}
        async with Visitor(house.socket_url) as visitor:
            reply = await visitor.ask("How long does shipping take?")
            assert reply["sources"]
            assert house.count("shard") == SHARED + 1
            await until(lambda: house.count("shard") == SHARED, what="the idle actor has left")
            again = await visitor.ask("thanks")
            assert again["answer"] == "smalltalk", "it is made anew when it is asked"
        connection = await asyncpg.connect(database, timeout=60)
        try:
            count = "select count(*) from read.chunks"
            assert await connection.fetchval(count) > 0
        finally:
            await connection.close()
    assert nats.process.poll() is None, "what was not started here must not be stopped here"
    assert house.left_behind == []
