"""200 conversations talk at once: a console keeps up, is not drowned, and ends as the log does."""

from __future__ import annotations

import asyncio
import time

from console_house import hire
from gateway_house import until

CONVERSATIONS, MESSAGES = 200, 20


async def talk(house, number):
    """One conversation: messages and answers, one after another."""
    from actors.conversation.commands import ReceiveMessage

    stream = house.stream(f"talk-{number}")
    for count in range(MESSAGES):
        text = f"{number} says {count}"
        await house.conversations.ask(
            stream, ReceiveMessage(id=f"m{count}", at=number * 1000 + count, text=text)
        )
        if count % 3 == 0:
            await house.conversations.answer(stream, f"answer {count}")


async def test_a_console_keeps_up_with_200_conversations(gateway):
    from projections.read_models.queue import taken_in
    from serve_apps.gateway.operators.board.board import shown

    async with gateway() as house:
        ana = await hire(house)
        async with ana.console() as console, asyncio.timeout(100):
            await console.hello()
            versions: dict[str, int] = {}
            reading = asyncio.create_task(read(console, versions))
            began = time.perf_counter()
            await asyncio.gather(*(talk(house, number) for number in range(CONVERSATIONS)))
            took = time.perf_counter() - began
            wanted = {}
            for number in range(CONVERSATIONS):
                row = None
                for commit in await house.log.load(house.stream(f"talk-{number}")):
                    row = taken_in(row, commit)
                wanted[row.conversation] = shown(row)
            ends = {name: row.version for name, row in wanted.items()}
            await until(lambda: versions == ends, within_s=60)
            settled = time.perf_counter() - began - took
            reading.cancel()
            await asyncio.wait({reading})
    told = [frame for frame in console.frames if frame["type"] == "row"]
    commits = sum(len(house.log._versions[house.stream(name)]) for name in wanted)
    for name, row in wanted.items():
        told_row = console.rows[name]
        assert (told_row["messages"], told_row["last_text"]) == (row.messages, row.last_text)
        assert told_row.get("unanswered", 0) == row.unanswered
    # 64 rows a tenth of a second at most, however many commits there are.
    assert len(told) <= 64 * (10 * (took + settled) + 2)
    print(f"{commits} commits in {took:.1f} s, {len(told)} rows, settled {settled:.2f} s later")


async def read(console, versions):
    """Read on, and keep each row's version."""
    while True:
        frame = await console.next()
        if frame["type"] == "row":
            versions[frame["row"]["conversation"]] = frame["row"]["version"]
