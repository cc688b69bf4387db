"""The board ends where the log does, whatever is lost, late, twice or away; and it stays small."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing, asynccontextmanager

import pytest
from gateway_house import until

TENANT = "demo"


class World:
    """A log, its live feed and a read model of it, that misbehave as far as they may."""

    def __init__(self, seed=0, *, steady=True):
        from events.log.event_log import LogUnavailable
        from events.log.memory import MemoryLive, MemoryLog

        chance = self.chance = random.Random(seed)
        world, self.commits = self, []
        self.away = False
        """Set: Postgres is down."""
        self.losing = False
        """Set: every live commit is lost."""

        class Live(MemoryLive):
            def push(self, stream, commit):
                world.commits.append(commit)
                fate = 0.5 if steady else chance.random()
                if world.losing or fate < 0.15:
                    return  # lost
                super().push(stream, commit)
                if fate > 0.9:
                    super().push(stream, commit)  # twice

        class Log(MemoryLog):
            async def load(self, stream, **where):
                if not steady and chance.random() < 0.2:
                    raise LogUnavailable("away for a moment")
                await asyncio.sleep(0)
                commits = await super().load(stream, **where)
                if not steady and chance.random() < 0.2:
                    commits = commits[: len(commits) // 2]  # a follower that is behind
                return commits

        class Readings:
            lag, asked = 0, 0

            async def queue_rows(self, tenant):
                self.asked += 1
                if world.away or (not steady and chance.random() < 0.3):
                    raise ConnectionError("Postgres is down")
                lag = self.lag if steady else chance.randrange(30)
                return world.reading(tenant, max(0, len(world.commits) - lag))

        self.log, self.readings = Log(), Readings()
        self.live = Live(self.log, tenant_limit=4096 if steady else 8)
        self.heads = {}

    def reading(self, tenant, known):
        """What Postgres says when it has taken in the first `known` commits of the log."""
        from projections.read_models.operator_queries import QueueRead

        commits = self.commits[:known]
        rows = fold(c for c in commits if c.stream.tenant == tenant)
        return QueueRead(
            rows=tuple(rows.values()), checkpoint=commits[-1].version if commits else 0
        )

    async def commit(self, conversation, *facts, tenant=TENANT):
        from events.log.event_log import Head, NewCommit
        from events.log.stream import conversation_stream

        stream = conversation_stream(tenant, conversation)
        head = self.heads.get(stream, Head())
        new = NewCommit(commit_id=f"{conversation}-{head.number}", facts=facts)
        self.heads[stream] = (await self.log.append(stream, new, expected=head)).head

    def board(self, **limits):
        from serve_apps.gateway.operators.board.board import Board
        from serve_apps.gateway.shared.limits import GatewayLimits

        soon = {"board_reread_s": 0.02, "board_retry_s": 0.01, "board_every_s": 0.001}
        return Board(
            TENANT,
            log=self.log,
            live=self.live,
            readings=self.readings,
            limits=GatewayLimits(**(soon | {"board_resolved_s": 10**9} | limits)),
            now_ms=lambda: 10**12,
        )


def fold(commits):
    """The rows, as the read model has them."""
    from projections.read_models.queue import taken_in

    rows = {}
    for commit in commits:
        rows[commit.stream.id] = taken_in(rows.get(commit.stream.id), commit)
    return rows


@asynccontextmanager
async def running(board):
    task = asyncio.create_task(board.run())
    try:
        await asyncio.wait_for(board.ready(), 10)
        yield board
    finally:
        assert not task.done(), "the board has ended by itself"
        task.cancel()
        await asyncio.wait({task})


def rows_of(board):
    return dict(board._rows)


def message(number=1, text="hello"):
    from events.conversation import MessageReceived

    return MessageReceived(at=number, message=f"m{number}", text=text)


def asked(at=5):
    from events.conversation import HandoffRequested

    return HandoffRequested(at=at, epoch=1, reason="visitor_asked")


def resolved(at=9):
    from events.conversation import ConversationResolved

    return ConversationResolved(at=at, operator="ann")


def any_facts(chance):
    """What may follow in a conversation, for the fold cares for nothing but the facts."""
    from events import conversation as e

    at = chance.randrange(1, 1000)
    return chance.choice(
        [
            (message(at),),
            (asked(at),),
            (resolved(at),),
            (e.ConversationReopened(at=at), message(at)),
            (e.ModeChanged(at=at, mode="human", epoch=at, reason="x", operator="ann"),),
            (e.ModeChanged(at=at, mode="ai", epoch=at, reason="x"),),
            (e.OperatorReplied(at=at, message=f"o{at}", operator="ann", epoch=1, text="hi"),),
            (e.AnswerRated(at=at, score=3),),
        ]
    )


@pytest.mark.parametrize("seed", range(40))
async def test_the_board_equals_a_fold_of_the_log_in_the_end(seed):
    world = World(seed, steady=False)
    chance = world.chance
    for number in range(10):  # before the board began
        await world.commit(f"c{number % 4}", *any_facts(chance))
    async with running(world.board()) as board, asyncio.timeout(20):
        for number in range(150):
            tenant = TENANT if chance.random() < 0.9 else "other"
            await world.commit(f"c{chance.randrange(12)}", *any_facts(chance), tenant=tenant)
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            if number == 75:
                await asyncio.sleep(0.02)
        wanted = fold(c for c in world.commits if c.stream.tenant == TENANT)
        await until(lambda: rows_of(board) == wanted)
        before = world.readings.asked
        while world.readings.asked < before + 5:  # and stays so, however old what Postgres says
            assert rows_of(board) == wanted
            await asyncio.sleep(0.001)


async def test_with_nothing_from_postgres_the_log_fills_what_came_before():
    world = World()
    world.away = True
    await world.commit("c1", message(1))
    await world.commit("c1", message(2))
    async with running(world.board()) as board:
        assert rows_of(board) == {}
        await world.commit("c1", message(3))
        await until(lambda: "c1" in rows_of(board))
        assert rows_of(board) == fold(world.commits)
        assert board.row("c1").messages == 3
        await world.commit("c2", message(1))
        await until(lambda: "c2" in rows_of(board))


async def test_when_postgres_comes_back_what_it_knows_is_taken_in():
    world = World()
    await world.commit("quiet", message(1))
    world.away = True
    async with running(world.board()) as board:
        asked_before = world.readings.asked
        await until(lambda: world.readings.asked > asked_before + 2)
        assert rows_of(board) == {}
        world.away = False
        await until(lambda: "quiet" in rows_of(board))


async def test_postgres_that_lags_takes_nothing_back():
    world = World()
    await world.commit("c1", message(1))
    async with running(world.board()) as board:
        world.readings.lag = 1
        await world.commit("c1", resolved())
        await until(lambda: board.row("c1").status == "resolved")
        asked_before = world.readings.asked
        await until(lambda: world.readings.asked > asked_before + 2)
        assert board.row("c1").status == "resolved"


async def test_what_the_board_let_go_is_not_brought_back_by_an_older_reading():
    world = World()
    await world.commit("c1", message(1))
    await world.commit("c2", message(1))
    async with running(world.board(board_resolved_s=1)) as board:
        world.readings.lag = 1
        await world.commit("c1", resolved(at=10**12 - 5000))  # resolved five seconds ago
        await until(lambda: "c1" not in rows_of(board))
        asked_before = world.readings.asked
        await until(lambda: world.readings.asked > asked_before + 3)
        assert set(rows_of(board)) == {"c2"}
        await world.commit("c1", message(2))  # until it is news again
        await until(lambda: "c1" in rows_of(board))
        assert board.row("c1").messages == 2


async def test_an_open_row_that_postgres_no_longer_names_is_compared_with_the_log():
    world = World()
    await world.commit("c1", message(1))
    await world.commit("c2", message(1))
    async with running(world.board()) as board:
        assert set(rows_of(board)) == {"c1", "c2"}
        world.losing = True
        real = world.reading

        def without_c1(tenant, known):
            import msgspec

            reading = real(tenant, known)
            rows = tuple(row for row in reading.rows if row.conversation != "c1")
            return msgspec.structs.replace(reading, rows=rows)

        world.reading = without_c1  # it was resolved long ago, while nobody heard of it
        await world.commit("c1", resolved())
        await until(lambda: board.row("c1").status == "resolved")


async def test_a_live_feed_that_ends_is_opened_again_and_nothing_is_lost():
    from serve_apps.gateway.operators.board.board import READINGS_SOON

    world = World()
    opened = []
    watch_tenant = world.live.watch_tenant

    @asynccontextmanager
    async def ending(tenant):
        opened.append(tenant)
        async with watch_tenant(tenant) as pushed:
            if len(opened) > 1:
                yield pushed
                return

            async def two():
                yield await anext(pushed)
                yield await anext(pushed)

            yield two()

    world.live.watch_tenant = ending
    async with running(world.board(board_reread_s=3600)) as board:
        await until(lambda: world.readings.asked == READINGS_SOON)
        for number in range(1, 3):
            await world.commit("c1", message(number))
        await until(lambda: board.row("c1") is not None and board.row("c1").messages == 2)
        await world.commit("c1", message(3))  # while nobody listens
        await until(lambda: len(opened) == 2)
        await until(lambda: rows_of(board) == fold(world.commits))


async def test_a_commit_that_cannot_be_read_does_not_end_the_board():
    from events.log.event_log import CorruptStream

    world, read = World(), []

    def unreadable():
        read.append(True)
        raise CorruptStream("no JSON")

    async with running(world.board(board_reread_s=3600)) as board:
        await until(lambda: bool(world.live._tenant_watches.get(TENANT)))
        for queue in world.live._tenant_watches[TENANT]:
            queue.put_commit(unreadable)
        await world.commit("c1", message(1))
        await until(lambda: "c1" in rows_of(board))
    assert read


async def test_the_board_stays_small_and_keeps_who_waits_and_what_somebody_has():
    from events.conversation import ModeChanged

    world = World()
    taken = ModeChanged(at=2, mode="human", epoch=2, reason="x", operator="ann")
    async with running(world.board(board_rows=10, board_reread_s=3600)) as board:
        await world.commit("waits", message(1), asked(1))
        await world.commit("owned", message(1), taken)
        for number in range(100):
            await world.commit(f"c{number}", message(number + 10))
            await asyncio.sleep(0)
            assert len(rows_of(board)) <= 20
        await until(lambda: "c99" in rows_of(board))
        assert {"waits", "owned"} <= set(rows_of(board))
        shown = [row.conversation for row in board.rows(5)]
        assert shown == ["waits", "owned", "c99", "c98", "c97"]


async def test_rows_come_in_the_order_of_the_queue():
    world = World()
    await world.commit("old", message(1))
    await world.commit("new", message(7))
    await world.commit("waits-less", message(1), asked(5))
    await world.commit("waits-more", message(8), asked(3))
    await world.commit("done", message(1), resolved())
    async with running(world.board()) as board:
        order = [row.conversation for row in board.rows(100)]
        assert order == ["waits-more", "waits-less", "new", "old"]
        assert [row.conversation for row in board.rows(2)] == ["waits-more", "waits-less"]


async def test_a_reader_is_told_once_of_many_changes_and_never_more_than_it_reads():
    world = World()
    async with running(world.board(board_every_s=0.02, board_reread_s=3600)) as board:
        reader = board.reader()
        told = []
        async with aclosing(reader.changes()) as changes, asyncio.timeout(60):
            for round_ in range(20):
                for number in range(200):
                    await world.commit(f"c{number}", message(round_ + 1))
            wanted = fold(world.commits)
            await until(lambda: rows_of(board) == wanted)
            while len({name for names in told for name in names}) < 200:
                told.append(await anext(changes))
        assert sum(map(len, told)) == 200, "4,000 changes of 200 conversations are 200 rows"
        assert max(map(len, told)) <= 64
        reader.close()
        await world.commit("c0", message(99))
        await until(lambda: board.row("c0").messages == 21)
        assert not reader._changed


async def test_places_move_up_and_are_told_only_to_whom_they_concern():
    from events.conversation import ModeChanged

    world = World()
    for number in range(1, 4):
        await world.commit(f"c{number}", message(1), asked(number))
    async with (
        running(world.board()) as board,
        aclosing(board.places("c3")) as third,
        aclosing(board.places("c1")) as first,
        asyncio.timeout(60),
    ):
        assert [await anext(third), await anext(first)] == [3, 1]
        stays = asyncio.ensure_future(anext(first))
        taken = ModeChanged(at=9, mode="human", epoch=2, reason="x", operator="ann")
        await world.commit("c2", taken)
        assert await anext(third) == 2
        assert not stays.done()
        await world.commit("c1", taken)
        assert [await anext(third), await stays] == [1, 0]


async def test_who_is_supervised_and_asks_for_a_person_has_one_and_takes_no_place():
    from events.conversation import ModeChanged

    world = World()
    watched = ModeChanged(at=2, mode="supervised", epoch=2, reason="x", operator="ann")
    await world.commit("c1", message(1), watched)
    await world.commit("c1", asked(3))
    await world.commit("c2", message(1), asked(4))
    async with (
        running(world.board()) as board,
        aclosing(board.places("c2")) as second,
        asyncio.timeout(60),
    ):
        assert await anext(second) == 1


async def test_one_board_serves_a_tenant_and_ends_some_time_after_the_last_has_gone():
    from serve_apps.gateway.operators.board.boards import Boards

    world, made = World(), []

    def make(tenant):
        made.append(tenant)
        return world.board()

    boards = Boards(make, linger_s=0.01)
    async with boards.of(TENANT) as one, boards.of(TENANT) as two:
        assert one is two
    async with boards.of(TENANT) as again:
        assert again is one
        await asyncio.wait_for(again.ready(), 10)
    await until(lambda: len(boards) == 0)
    async with boards.of(TENANT) as new:
        assert new is not one
    assert made == [TENANT, TENANT]
    await boards.close()
    assert len(boards) == 0


async def test_a_board_that_breaks_is_begun_again():
    from serve_apps.gateway.operators.board import boards

    world = World()
    board = world.board()
    fold_live, broken = board._fold, []

    async def breaks_once(pushed):
        if not broken:
            broken.append(True)
            raise ZeroDivisionError("a fault of ours")
        await fold_live(pushed)

    board._fold = breaks_once
    kept = boards.Boards(lambda _: board, linger_s=0)
    async with kept.of(TENANT):
        await until(lambda: bool(broken))
        await world.commit("c1", message(1))
        await until(lambda: "c1" in rows_of(board))
    await kept.close()
