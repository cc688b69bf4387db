"""A visitor who uses their message ids again, which the decider remembers 128 of, stops no lane."""

from __future__ import annotations

from actors.conversation import commands as c


async def test_ids_used_again_stop_no_lane_whatever_the_batches_are(postgres_dsn) -> None:
    from decided_talk import Desk
    from projecting import all_rows, fresh_pool, project, tables

    from events.log.memory import MemoryLog

    desk = Desk(MemoryLog(), "demo")
    for n in range(400):
        await desk.ask("c1", c.ReceiveMessage, ident=f"m{n % 130}", text="Hello?", supervised=True)
        turn = desk.states["c1"].turn
        assert turn is not None
        if n % 3 == 0:
            await desk.ask("c1", c.RecordAnswer, turn=turn.turn, epoch=turn.epoch, text="Yes.")
    seen = []
    for size in (50, 250, 251):
        async with fresh_pool(postgres_dsn) as pool:
            await project(pool, desk.commits, size)
            seen.append({table: await all_rows(pool, table) for table in tables()})
    assert seen[0] == seen[1] == seen[2]
