"""The facts and commands that the tests of the handoff tell their stories with."""

from __future__ import annotations

from typing import Any

from specification import Given

from actors.conversation import commands as c
from events import conversation as e
from events.conversation import Fact, Source

STARTED = e.ConversationStarted(at=1, tenant="demo", conversation="c1", locale="en")
HELLO = e.MessageReceived(at=1, message="m1", text="Where is my lamp?")
TURN = e.TurnBegun(at=1, turn="turn-m1", epoch=1, answers=("m1",))
ASKED = [STARTED, HELLO, TURN]
FIRST = Source(n=1, chunk="k1", document="d1", title="Shipping", quote="Three days.")
SECOND = Source(n=2, chunk="k2", document="d1", title="Shipping", quote="Five to the islands.")
ANSWER = e.AnswerRecorded(
    at=2, turn="turn-m1", epoch=1, message="answer-turn-m1", text="Three.", in_reply_to=("m1",)
)
ANSWERED = [*ASKED, ANSWER]
REQUESTED = e.HandoffRequested(at=3, epoch=1, reason="visitor_asked")

ANA = {"operator": "ana", "operator_name": "Ana Ruiz"}
BEN = {"operator": "ben", "operator_name": "Ben Okri"}
TAKEN = e.ModeChanged(at=3, mode="human", epoch=2, reason="operator_choice", **ANA)
WATCHED = e.ModeChanged(at=3, mode="supervised", epoch=2, reason="operator_choice", **ANA)
"""Ana supervises from here on."""
RESOLVED = e.ConversationResolved(at=4, **ANA)

MORE = e.MessageReceived(at=5, message="m2", text="And to Spain?")
DRAFTING = e.TurnBegun(at=5, turn="turn-m2", epoch=2, answers=("m2",))
DRAFT = e.DraftProposed(
    at=6,
    draft="draft-turn-m2",
    turn="turn-m2",
    epoch=2,
    text="Three days [1], five to the islands [2].",
    in_reply_to=("m2",),
    locale="en",
    sources=(FIRST, SECOND),
    confidence=0.8,
)
DRAFTED = [*ANSWERED, WATCHED, MORE, DRAFTING, DRAFT]
"""Ana supervises, and the answer to m2 waits for her."""

OPEN = c.Reception(place=2)
CLOSED = c.Reception(open=False, opens_day=1, opens_at="09:00", timezone="Europe/Madrid")


def say(message: str, text: str = "And to Spain?", **others: Any) -> c.ReceiveMessage:
    return c.ReceiveMessage(id=message, at=9, text=text, **others)


def take(epoch: int = 1, who: dict[str, str] = ANA, ident: str = "take", **more: Any) -> c.TakeOver:
    return c.TakeOver(id=ident, at=9, epoch=epoch, **who, **more)


def supervise(epoch: int = 1, who: dict[str, str] = ANA, **more: Any) -> c.Supervise:
    return c.Supervise(id="watch", at=9, epoch=epoch, **who, **more)


def release(epoch: int = 2, who: dict[str, str] = ANA, **more: Any) -> c.Release:
    return c.Release(id="back", at=9, epoch=epoch, **who, **more)


def lapse(epoch: int = 2, operator: str = "ana", **more: Any) -> c.LapseLease:
    return c.LapseLease(
        id=f"lapse-{operator}-{epoch}", at=9, epoch=epoch, operator=operator, **more
    )


def reply(
    epoch: int = 2, who: dict[str, str] = ANA, text: str = "On its way."
) -> c.ReplyAsOperator:
    return c.ReplyAsOperator(id="r1", at=9, epoch=epoch, text=text, **who)


def approve(
    text: str = "", who: dict[str, str] = ANA, *, epoch: int = 2, draft: str = "draft-turn-m2"
) -> c.ApproveDraft:
    return c.ApproveDraft(id="yes", at=9, epoch=epoch, draft=draft, text=text, **who)


def reject(
    reason: str = "It is wrong.", who: dict[str, str] = ANA, *, epoch: int = 2
) -> c.RejectDraft:
    return c.RejectDraft(id="no", at=9, epoch=epoch, draft="draft-turn-m2", reason=reason, **who)


def resolve(epoch: int = 2, who: dict[str, str] = ANA) -> c.Resolve:
    return c.Resolve(id="done", at=9, epoch=epoch, **who)


def reopen(who: dict[str, str] = ANA) -> c.Reopen:
    return c.Reopen(id="again", at=9, **who)


def facts_of(given: Given, command: c.ConversationCommand) -> tuple[Fact, ...]:
    """The facts of a decision whose details another test looks at."""
    decision = given.when(command).decision
    assert isinstance(decision, tuple), decision
    return decision


def kinds(facts: tuple[Fact, ...]) -> list[str]:
    return [type(fact).__name__ for fact in facts]


def the(kind: type[Fact], facts: tuple[Fact, ...]) -> Any:
    """The one fact of this kind."""
    found = [fact for fact in facts if isinstance(fact, kind)]
    assert len(found) == 1, kinds(facts)
    return found[0]
