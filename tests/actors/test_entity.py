"""One live conversation: mailbox, owner, turn. On the in-memory log."""

from __future__ import annotations

import asyncio

import pytest
from entity_house import STREAM, House, ScriptedTurns, say, until

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State
from actors.ports import Unavailable
from events import conversation as e
from events.log.event_log import Commit, Head, LogUnavailable, NewCommit
from events.log.memory import MemoryLog
from events.log.stream import StreamName


async def test_a_message_is_durable_before_its_turn_has_ended_and_is_then_answered():
    house = House()
    entity = house.entity()
    outcome = await entity.ask(say("m1"))
    assert isinstance(outcome, c.Accepted)
    assert await house.facts(e.MessageReceived)
    assert not await house.facts(e.AnswerRecorded)
    house.turns.let_go("turn-m1")
    await until(lambda: _some(house, e.AnswerRecorded))
    assert entity.idle


async def test_a_new_message_cancels_the_running_turn_and_one_answer_addresses_both():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    await until(lambda: _true(house.turns.begun == ["turn-m1"]))
    await entity.ask(say("m2"))
    house.turns.let_go("turn-m1")
    house.turns.let_go("turn-m2")
    await until(lambda: _some(house, e.AnswerRecorded))
    answers = await house.facts(e.AnswerRecorded)
    assert [answer.in_reply_to for answer in answers] == [("m1", "m2")]
    assert house.turns.cancelled == ["turn-m1"]


async def test_two_owners_of_one_conversation_are_fenced_and_nothing_is_doubled():
    house = House()
    one, other = house.entity(), house.entity()
    await one.ask(say("m1"))
    await other.ask(say("m2"))
    outcomes = await asyncio.gather(
        one.ask(say("m3")), other.ask(say("m3")), one.ask(say("m4")), other.ask(say("m1"))
    )
    assert all(isinstance(outcome, c.Accepted) for outcome in outcomes)
    received = [fact.message for fact in await house.facts(e.MessageReceived)]
    assert sorted(received) == ["m1", "m2", "m3", "m4"]
    one.stop()
    other.stop()


class LosesAcknowledgements(MemoryLog):
    """Stores the next commit and says that nobody answered."""

    lose = False

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        commit = await super().append(stream, new, expected=expected)
        if self.lose:
            self.lose = False
            raise LogUnavailable("no acknowledgement")
        return commit


async def test_after_a_lost_acknowledgement_the_same_command_again_changes_nothing():
    log = LosesAcknowledgements()
    house = House(log=log)
    entity = house.entity()
    await entity.ask(say("m1"))
    log.lose = True
    with pytest.raises(Unavailable):
        await entity.ask(say("m2"))
    outcome = await entity.ask(say("m2"))
    assert outcome == c.Accepted(version=2, duplicate=True)
    assert len(await house.facts(e.MessageReceived)) == 2
    entity.stop()


async def test_a_turn_whose_host_died_is_resumed_by_the_next_owner():
    house = House()
    dead = house.entity()
    await dead.ask(say("m1"))
    dead.stop()
    heir = house.entity()
    await heir.ask(c.ResumeTurn(id="resume-1", at=9))
    house.turns.let_go("turn-m1")
    await until(lambda: _some(house, e.AnswerRecorded))
    assert [fact.attempt for fact in await house.facts(e.TurnResumed)] == [2]


async def test_a_turn_that_is_running_is_not_resumed():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    outcome = await entity.ask(c.ResumeTurn(id="resume-1", at=9))
    assert outcome == c.Accepted(version=1, duplicate=True)
    assert not await house.facts(e.TurnResumed)
    entity.stop()


async def test_a_turn_that_breaks_ends_visibly():
    house = House(turns=ScriptedTurns(breaks=True))
    await house.entity().ask(say("m1"))
    await until(lambda: _some(house, e.TurnFailed))
    [failed] = await house.facts(e.TurnFailed)
    assert (failed.reason, failed.detail) == ("internal", "ZeroDivisionError")


async def test_a_takeover_cancels_the_turn_and_nothing_of_it_is_published():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    await until(lambda: _true(house.turns.begun == ["turn-m1"]))
    await entity.ask(c.TakeOver(id="take", at=3, operator="ana", epoch=1))
    house.turns.let_go("turn-m1")
    await until(lambda: _true(house.turns.cancelled == ["turn-m1"]))
    assert not await house.facts(e.AnswerRecorded)


async def test_passivated_and_rehydrated_from_its_snapshot_it_is_the_same_conversation():
    house = House()
    entity = house.entity()
    for n in range(7):
        await entity.ask(say(f"m{n}"))
    before = await entity.state()
    entity.stop()
    await entity.passivate()
    snapshot = await house.snapshots.load(STREAM)
    assert snapshot is not None
    assert snapshot.head.number == 7
    heir = house.entity()
    assert await heir.state() == before
    outcome = await heir.ask(say("m6"))
    assert outcome == c.Accepted(version=7, duplicate=True)
    heir.stop()


async def test_a_snapshot_that_does_not_fit_the_log_is_not_used():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    state = await entity.state()
    entity.stop()
    await house.snapshots.save(STREAM, Head(1, 1, "of another history"), state)
    await entity.ask(say("m2"))
    entity.stop()
    folded = await house.entity().state()
    assert [item.message for item in folded.memory.window] == ["m1", "m2"]


async def _some(house: House, kind: type[e.Fact]) -> bool:
    return bool(await house.facts(kind))


async def _true(value: bool) -> bool:
    return value


class CancelledInside(ScriptedTurns):
    """A part that the turn waits for is cancelled, as Ray Serve does with a lost request."""

    async def run(
        self, stream: StreamName, state: State, turn: OpenTurn
    ) -> c.RecordAnswer | c.FailTurn:
        raise asyncio.CancelledError


async def test_a_turn_whose_part_was_cancelled_ends_visibly_and_not_never():
    house = House(turns=CancelledInside())
    entity = house.entity()
    await entity.ask(say("m1"))
    await until(lambda: _some(house, e.TurnFailed))
    assert entity.idle


async def test_a_snapshot_ahead_of_a_restored_log_does_not_block_the_conversation():
    house = House()
    entity = house.entity()
    for n in range(3):
        await entity.ask(say(f"m{n}"))
    entity.stop()
    await entity.passivate()
    house.log = MemoryLog()  # restored from a backup in which nothing was said yet
    outcome = await house.entity().ask(say("m9"))
    assert outcome == c.Accepted(version=1)


class BreaksInAppend(MemoryLog):
    """Stores the next commit and then breaks in a way that nobody expects."""

    broken = False

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        commit = await super().append(stream, new, expected=expected)
        if self.broken:
            self.broken = False
            raise ZeroDivisionError
        return commit


async def test_after_an_append_of_unknown_fate_the_state_is_read_again():
    log = BreaksInAppend()
    house = House(log=log)
    entity = house.entity()
    await entity.ask(say("m1"))
    log.broken = True
    with pytest.raises(ZeroDivisionError):
        await entity.ask(say("m2"))
    assert await entity.ask(say("m2")) == c.Accepted(version=2, duplicate=True)
    entity.stop()


async def test_the_watchdog_is_believed_when_memory_knows_of_no_turn():
    house = House()
    stale, other = house.entity(), house.entity()
    take = c.TakeOver(id="take", at=2, operator="ana", epoch=1)
    back = c.Release(id="back", at=3, operator="ana", epoch=2)
    await stale.ask(say("m1"))
    await stale.ask(take)
    await other.ask(back)  # another owner begins a turn, and dies
    other.stop()
    await stale.ask(c.ResumeTurn(id="resume-1", at=9))
    assert [fact.turn for fact in await house.facts(e.TurnResumed)] == ["rest-back"]
    stale.stop()
