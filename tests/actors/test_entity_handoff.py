"""A live conversation that changes hands: what was asked before is never published after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from entity_house import STREAM, House, Reported, ScriptedTurns, say, until

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn
from actors.hosting.entity import RECEPTION_S, Entity
from actors.ports import Unavailable
from events import conversation as e
from events.conversation import Fact
from events.log.event_log import Commit, Head, LogUnavailable, NewCommit
from events.log.memory import MemoryLog
from events.log.stream import StreamName
from events.tenancy import HandoffPolicy
from serve_apps.handoff_availability import PLACE_TIMEOUT_S

TAKE = c.TakeOver(id="take", at=3, operator="ana", operator_name="Ana", epoch=1)
SUPERVISE = c.Supervise(id="watch", at=3, operator="ana", operator_name="Ana", epoch=1)
BUTTON = c.RequestHandoff(id="h1", at=4)


@dataclass
class Desk:
    """A front desk that knows what the test says, or breaks, or keeps everyone waiting."""

    rules: HandoffPolicy = field(default_factory=HandoffPolicy)
    knows: c.Reception = field(default_factory=lambda: c.Reception(place=4))
    breaks: bool = False
    stalls: bool = False
    asked: list[tuple[str, str, int]] = field(default_factory=list)

    def policy(self, tenant: str) -> HandoffPolicy:
        return self.rules

    async def reception(self, tenant: str, conversation: str, at: int) -> c.Reception:
        self.asked.append((tenant, conversation, at))
        if self.breaks:
            raise ZeroDivisionError
        if self.stalls:
            await asyncio.Event().wait()
        return self.knows


async def everything(house: House) -> list[Fact]:
    return [fact for commit in await house.log.load(STREAM) for fact in commit.facts]


async def stands(house: House, kind: type[Fact]) -> None:
    async def found() -> bool:
        return bool(await house.facts(kind))

    await until(found)


async def runs(house: House, turn: str) -> None:
    async def begun() -> bool:
        return turn in house.turns.begun

    await until(begun)


async def idle(entity: Entity) -> None:
    async def quiet() -> bool:
        return entity.idle

    await until(quiet)


def published_after_a_change(facts: list[Fact]) -> list[Fact]:
    """Answers that stand behind a change of hands under an epoch that was over."""
    epoch, wrong = 1, list[Fact]()
    for fact in facts:
        if isinstance(fact, e.ModeChanged):
            epoch = fact.epoch
        if isinstance(fact, e.AnswerRecorded | e.DraftProposed) and fact.epoch != epoch:
            wrong.append(fact)
    return wrong


@pytest.mark.parametrize("seed", range(40))
async def test_a_turn_and_a_take_over_at_the_same_moment_never_both_have_their_say(seed: int):
    """However their steps fall together, and also when the host dies right between."""
    chance = Random(seed)
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    await runs(house, "turn-m1")

    async def after(steps: int, act: Callable[[], object]) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)
        act()

    async def take_over() -> c.Outcome:
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        host = entity
        if chance.random() < 0.5:
            entity.stop()
            host = house.entity()  # the shard died: another one has the conversation
        return await host.ask(TAKE)

    taken, _ = await asyncio.gather(
        take_over(), after(chance.randrange(12), lambda: house.turns.let_go("turn-m1"))
    )
    assert isinstance(taken, c.Accepted)
    await idle(entity)
    facts = await everything(house)
    assert published_after_a_change(facts) == []
    kinds = [type(fact) for fact in facts]
    answer_first = e.AnswerRecorded in kinds
    assert answer_first != (e.TurnCancelled in kinds), "the turn ended one way, and once"
    if answer_first:
        assert kinds.index(e.AnswerRecorded) < kinds.index(e.ModeChanged)


async def test_of_two_who_take_it_at_once_through_two_hosts_one_owns_it_and_the_other_is_told():
    house = House()
    one, other = house.entity(), house.entity()
    await one.ask(say("m1"))
    await other.state()
    ben = c.TakeOver(id="take-2", at=3, operator="ben", operator_name="Ben", epoch=1)
    outcomes = await asyncio.gather(one.ask(TAKE), other.ask(ben))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, c.Refused)]
    assert refused.code == "taken"
    [changed] = await house.facts(e.ModeChanged)
    assert isinstance(changed, e.ModeChanged)
    assert changed.operator_name in refused.detail
    one.stop()
    other.stop()


async def test_the_turn_of_a_host_that_lost_the_conversation_cannot_be_recorded():
    house = House()
    stale, owner = house.entity(), house.entity()
    await stale.ask(say("m1"))
    await runs(house, "turn-m1")
    await owner.ask(TAKE)  # the stale host does not know, and its turn goes on
    house.turns.let_go("turn-m1")
    await idle(stale)
    assert not await house.facts(e.AnswerRecorded)
    assert (await stale.state()).mode == "human", "it has read the log again"


async def test_given_back_the_ai_takes_up_what_is_open_under_the_new_epoch():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    await entity.ask(TAKE)
    await entity.ask(c.Release(id="back", at=5, operator="ana", epoch=2))
    house.turns.let_go("rest-back")
    await stands(house, e.AnswerRecorded)
    [answer] = await house.facts(e.AnswerRecorded)
    assert isinstance(answer, e.AnswerRecorded)
    assert (answer.epoch, answer.in_reply_to) == (3, ("m1",))


async def test_supervised_a_draft_waits_through_a_restart_and_only_the_mended_text_goes_out():
    house = House()
    first = house.entity()
    await first.ask(say("m1"))
    await first.ask(SUPERVISE)
    house.turns.let_go("rest-watch")
    await stands(house, e.DraftProposed)
    assert not await house.facts(e.AnswerRecorded)
    await idle(first)
    await first.passivate()
    heir = house.entity()
    approve = c.ApproveDraft(
        id="yes", at=6, operator="ana", epoch=2, draft="draft-rest-watch", text="Yes, it is."
    )
    approved = await heir.ask(approve)
    assert isinstance(approved, c.Accepted)
    again = await house.entity().ask(approve)
    assert again == c.Accepted(version=approved.version, duplicate=True)
    [answer] = await house.facts(e.AnswerRecorded)
    assert isinstance(answer, e.AnswerRecorded)
    assert (answer.text, answer.approved_by, answer.in_reply_to) == ("Yes, it is.", "ana", ("m1",))
    last = (await house.log.load(STREAM))[-1]
    assert [type(fact) for fact in last.facts] == [e.DraftApproved, e.AnswerRecorded]
    assert last.correlation_id == "m1", "the commit serves the visitor's message"


class LosesAcknowledgements(MemoryLog):
    """Stores the next commit and says that nobody answered."""

    lose = False

    async def append(self, stream: StreamName, new: NewCommit, *, expected: Head) -> Commit:
        commit = await super().append(stream, new, expected=expected)
        if self.lose:
            self.lose = False
            raise LogUnavailable("no acknowledgement")
        return commit


@pytest.mark.parametrize(
    "command",
    [
        TAKE,
        SUPERVISE,
        BUTTON,
        c.AddNote(id="n1", at=4, operator="ana", text="Calls daily."),
        c.Resolve(id="done", at=4, operator="ana", epoch=1),
    ],
    ids=lambda command: type(command).__name__,
)
async def test_after_a_lost_acknowledgement_the_same_command_changes_nothing(
    command: c.ConversationCommand,
):
    log = LosesAcknowledgements()
    desk = Desk()
    house = House(log=log, desk=desk)
    entity = house.entity()
    await entity.ask(say("m1"))
    log.lose = True
    with pytest.raises(Unavailable):
        await entity.ask(command)
    desk.knows = c.Reception(place=9)  # the queue has moved on
    assert await entity.ask(command) == c.Accepted(version=2, duplicate=True)
    assert len(await log.load(STREAM)) == 2
    entity.stop()


async def test_a_turn_may_call_a_person_instead_of_answering():
    def calls(turn: OpenTurn) -> Reported:
        return c.RequestHandoff(
            id=f"handoff:{turn.turn}",
            at=4,
            reason="visitor_words",
            message="m1",
            turn=turn.turn,
            epoch=turn.epoch,
        )

    house = House(turns=ScriptedTurns(reports=calls), desk=Desk())
    entity = house.entity()
    await entity.ask(say("m1"))
    house.turns.let_go("turn-m1")
    await stands(house, e.HandoffRequested)
    await idle(entity)
    [told] = await house.facts(e.NoticePosted)
    assert isinstance(told, e.NoticePosted)
    assert told.place == 4


async def test_the_front_desk_is_asked_only_for_who_may_come_to_wait():
    desk = Desk()
    house = House(desk=desk)
    entity = house.entity()
    await entity.ask(say("m1"))
    house.turns.let_go("turn-m1")
    await idle(entity)
    assert desk.asked == []
    await entity.ask(BUTTON)
    await entity.ask(c.RequestHandoff(id="h2", at=5))  # waits already
    assert desk.asked == [("demo", "c1", 4)]


@pytest.mark.parametrize("desk", [Desk(breaks=True), Desk(stalls=True)], ids=["breaks", "stalls"])
async def test_a_front_desk_that_does_not_answer_costs_the_place_and_never_the_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("actors.hosting.entity.RECEPTION_S", 0.01)
    assert PLACE_TIMEOUT_S < RECEPTION_S, "or the hours are lost with the place"
    assert RECEPTION_S < 1, "the mailbox may not be held up for long"
    desk.rules = HandoffPolicy(silent=True)
    house = House(desk=desk)
    entity = house.entity()
    await entity.ask(say("m1"))
    assert isinstance(await entity.ask(BUTTON), c.Accepted)
    [requested] = await house.facts(e.HandoffRequested)
    assert isinstance(requested, e.HandoffRequested)
    assert requested.silent, "the tenant's policy holds"
    entity.stop()


async def test_a_tenants_policy_decides_whether_a_conversation_begins_supervised():
    house = House(desk=Desk(rules=HandoffPolicy(supervised=True)))
    entity = house.entity()
    await entity.ask(say("m1"))
    house.turns.let_go("turn-m1")
    await stands(house, e.DraftProposed)
    await entity.ask(say("m2"))
    assert len(await house.facts(e.ModeChanged)) == 1, "a conversation that runs stays as it is"
    entity.stop()


async def test_where_a_tenant_supervises_all_the_visitors_button_does_not_free_the_ai():
    house = House(desk=Desk(rules=HandoffPolicy(supervised=True)))
    entity = house.entity()
    await entity.ask(say("m1"))
    await entity.ask(c.Resolve(id="done", at=4, operator="ana", epoch=2))
    await entity.ask(BUTTON)
    await entity.ask(say("m2"))
    house.turns.let_go("turn-m2")
    await stands(house, e.DraftProposed)
    assert not await house.facts(e.AnswerRecorded)
    entity.stop()


async def test_what_a_caller_says_of_supervision_and_of_the_queue_is_not_believed():
    house = House(desk=Desk())
    entity = house.entity()
    await entity.ask(c.ReceiveMessage(id="m1", at=1, text="Hello?", supervised=True))
    assert not await house.facts(e.ModeChanged)
    await entity.ask(c.RequestHandoff(id="h1", at=4, reception=c.Reception(place=1, silent=True)))
    [requested] = await house.facts(e.HandoffRequested)
    assert isinstance(requested, e.HandoffRequested)
    assert not requested.silent
    entity.stop()


async def test_while_a_person_speaks_no_turn_runs_and_none_is_resumed():
    house = House()
    entity = house.entity()
    await entity.ask(say("m1"))
    await runs(house, "turn-m1")
    await entity.ask(TAKE)
    await entity.ask(say("m2"))
    resumed = await entity.ask(c.ResumeTurn(id="resume-1", at=9))
    assert isinstance(resumed, c.Accepted)
    assert resumed.duplicate
    assert house.turns.begun == ["turn-m1"]
