"""Many conversations in one process: passivation, batches, refusals; and the watchdog."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State
from actors.hosting.batch import Asked, decode_batch, decode_replies, encode_batch, encode_replies
from actors.hosting.placement import rendezvous
from actors.hosting.shard import Entities, ShardParts
from actors.hosting.snapshots import MemorySnapshots
from actors.hosting.watchdog import resume_overdue
from actors.ports import Unavailable
from events.log.event_log import Commit, Head, LogUnavailable, NewCommit
from events.log.memory import MemoryLog
from events.log.stream import StreamName, conversation_stream


class SilentTurns:
    """Turns that never end by themselves."""

    async def run(self, stream: StreamName, state: State, turn: OpenTurn) -> c.RecordAnswer:
        await asyncio.Event().wait()
        raise AssertionError("never")

    async def summary(self, state: State) -> None:
        return None


def entities(log: MemoryLog, *, passivate_after_s: float = 0.0) -> Entities:
    async def close() -> None:
        return None

    return Entities(
        ShardParts(
            log=log,
            snapshots=MemorySnapshots(),
            turns=SilentTurns(),
            snapshot_every=50,
            passivate_after_s=passivate_after_s,
            close=close,
        )
    )


def asked(conversation: str, command: c.ConversationCommand) -> Asked:
    return Asked("demo", conversation, command)


def say(ident: str) -> c.ReceiveMessage:
    return c.ReceiveMessage(id=ident, at=1, text="Where is my lamp?")


TAKE = c.TakeOver(id="take", at=2, operator="ana", epoch=1)


async def test_what_is_idle_is_put_to_sleep_and_wakes_with_its_memory():
    live = entities(MemoryLog())
    await live.ask(asked("c1", say("m1")))
    await live.ask(asked("c1", TAKE))  # no turn runs any more
    assert await live.passivate_idle() == 1
    assert len(live) == 0
    again = await live.ask(asked("c1", say("m1")))
    assert again == c.Accepted(version=1, duplicate=True)
    await live.close()


async def test_a_conversation_with_a_running_turn_stays_awake():
    live = entities(MemoryLog())
    await live.ask(asked("c1", say("m1")))
    assert await live.passivate_idle() == 0
    assert len(live) == 1
    await live.close()


async def test_a_conversation_id_that_cannot_be_a_subject_is_refused():
    live = entities(MemoryLog())
    outcome = await live.ask(asked("c1.>", say("m1")))
    assert isinstance(outcome, c.Refused)
    assert outcome.code == "conversation_id"


class Away(MemoryLog):
    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        raise LogUnavailable("NATS is away")


async def test_while_the_log_is_away_a_command_is_refused_as_unavailable():
    outcome = await entities(Away()).ask(asked("c1", say("m1")))
    assert isinstance(outcome, c.Refused)
    assert outcome.code == "unavailable"


async def test_a_corrupt_conversation_is_refused_and_its_neighbours_are_not():
    log = MemoryLog()
    log.put(conversation_stream("demo", "c1"), b"[]")
    live = entities(log)
    broken, sound = await asyncio.gather(
        live.ask(asked("c1", say("m1"))), live.ask(asked("c2", say("m1")))
    )
    assert isinstance(broken, c.Refused)
    assert broken.code == "corrupt"
    assert isinstance(sound, c.Accepted)
    await live.close()


def test_a_batch_and_its_replies_survive_the_way():
    batch = [asked("c1", say("m1")), asked("c2", TAKE)]
    assert decode_batch(encode_batch(batch)) == batch
    replies: list[c.Outcome] = [c.Accepted(version=3), c.Refused(code="x", detail="y")]
    assert decode_replies(encode_replies(replies)) == replies


def test_another_number_of_shards_moves_only_the_share_that_must_move():
    names = [f"conversation-{n}" for n in range(2000)]
    before = {name: rendezvous(name, 4) for name in names}
    after = {name: rendezvous(name, 5) for name in names}
    moved = [name for name in names if before[name] != after[name]]
    assert all(after[name] == 4 for name in moved), "a move leads to the new shard only"
    assert 0.15 < len(moved) / len(names) < 0.25
    assert all(350 < list(before.values()).count(shard) < 650 for shard in range(4))


@dataclass
class Asking:
    down: set[str] = field(default_factory=set)
    resumed: list[str] = field(default_factory=list)

    async def ask(self, stream: StreamName, command: c.ConversationCommand) -> c.Outcome:
        assert isinstance(command, c.ResumeTurn)
        if stream.id in self.down:
            raise Unavailable("its shard is starting")
        self.resumed.append(stream.id)
        return c.Accepted(version=1)


async def test_the_watchdog_asks_every_overdue_turn_and_one_that_fails_stops_no_other():
    conversations = Asking(down={"c2"})

    async def overdue() -> list[StreamName]:
        return [conversation_stream("demo", f"c{n}") for n in (1, 2, 3)]

    assert await resume_overdue(overdue, conversations) == 3
    assert conversations.resumed == ["c1", "c3"]
