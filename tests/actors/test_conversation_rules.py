"""The decider, sentence by sentence."""

from __future__ import annotations

import pytest
from specification import Given

from actors.conversation import commands as c
from actors.conversation.decide import ATTEMPTS, MESSAGE_CHARS, OpenTurn, fold, initial, owed
from events import conversation as e
from events.conversation import Source

STARTED = e.ConversationStarted(at=1, tenant="demo", conversation="c1", locale="en")
HELLO = e.MessageReceived(at=1, message="m1", text="Where is my lamp?")
TURN = e.TurnBegun(at=1, turn="turn-m1", epoch=1, answers=("m1",))
SOURCE = Source(n=1, chunk="k1", document="d1", title="Shipping", quote="Three days.")
ANSWER = e.AnswerRecorded(
    at=2,
    turn="turn-m1",
    epoch=1,
    message="answer-turn-m1",
    text="Three days [1].",
    in_reply_to=("m1",),
    sources=(SOURCE,),
)
ASKED = [STARTED, HELLO, TURN]
TAKEN = e.ModeChanged(at=3, mode="human", epoch=2, reason="operator_choice", operator="ana")


def told(
    command: str, notice: e.Notice, text: str, *, at: int, operator: str = "ana"
) -> e.NoticePosted:
    return e.NoticePosted(
        at=at,
        message=f"notice-{command}",
        notice=notice,
        text=text,
        locale="en",
        operator=operator,
    )


def record(turn: str = "turn-m1", epoch: int = 1) -> c.RecordAnswer:
    return c.RecordAnswer(
        id=f"answer:{turn}", at=2, turn=turn, epoch=epoch, text="Three days [1].", sources=(SOURCE,)
    )


def say(message: str, text: str = "And to Spain?", at: int = 5) -> c.ReceiveMessage:
    return c.ReceiveMessage(id=message, at=at, text=text)


def test_the_first_message_starts_the_conversation_and_begins_a_turn():
    asked = c.ReceiveMessage(id="m1", at=1, text="Where is my lamp?", locale="en")
    greeted = e.MessageReceived(at=1, message="m1", text="Where is my lamp?", locale="en")
    state = Given().when(asked).then(STARTED, greeted, TURN)
    assert owed(state) == OpenTurn("turn-m1", 1, ("m1",), 1, 1)


def test_a_message_sent_again_changes_nothing_and_names_its_version():
    Given(ASKED).when(say("m1")).then_already_done(version=2)


@pytest.mark.parametrize("text", ["", "   \n", "x" * (MESSAGE_CHARS + 1)])
def test_a_message_that_is_empty_or_too_long_is_refused(text: str):
    Given(ASKED).when(say("m2", text)).then_refused("message_length")


@pytest.mark.parametrize("ident", ["", "a b", "x" * 65, "é"])
def test_a_message_with_an_unusable_id_is_refused(ident: str):
    Given(ASKED).when(say(ident)).then_refused("message_id")


def test_an_answer_to_the_open_turn_is_recorded_with_its_sources():
    state = Given(ASKED).when(record()).then(ANSWER)
    assert owed(state) is None
    assert state.unanswered == ()


def test_an_answer_recorded_again_changes_nothing():
    Given([*ASKED, ANSWER]).when(record()).then_already_done(version=4)


def test_a_new_message_while_an_answer_is_written_cancels_it_and_one_turn_addresses_both():
    state = (
        Given(ASKED)
        .when(say("m2"))
        .then(
            e.MessageReceived(at=5, message="m2", text="And to Spain?"),
            e.TurnCancelled(at=5, turn="turn-m1", reason="superseded"),
            e.TurnBegun(at=5, turn="turn-m2", epoch=1, answers=("m1", "m2")),
        )
    )
    assert state.turn is not None
    assert state.turn.answers == ("m1", "m2")


def test_the_answer_of_a_cancelled_turn_is_refused():
    superseded = [
        *ASKED,
        e.MessageReceived(at=5, message="m2", text="And to Spain?"),
        e.TurnCancelled(at=5, turn="turn-m1", reason="superseded"),
        e.TurnBegun(at=5, turn="turn-m2", epoch=1, answers=("m1", "m2")),
    ]
    Given(superseded).when(record("turn-m1")).then_refused("turn_over")


def test_a_takeover_ends_the_open_turn_and_starts_a_new_epoch():
    command = c.TakeOver(id="take", at=3, operator="ana", epoch=1)
    state = (
        Given(ASKED)
        .when(command)
        .then(
            e.TurnCancelled(at=3, turn="turn-m1", reason="taken_over"),
            TAKEN,
            told("take", "operator_joined", "You are now talking with a person of our team.", at=3),
        )
    )
    assert (state.mode, state.epoch, state.operator, owed(state)) == ("human", 2, "ana", None)


def test_no_answer_is_published_under_an_old_epoch():
    taken = [*ASKED, e.TurnCancelled(at=3, turn="turn-m1", reason="taken_over"), TAKEN]
    Given(taken).when(record()).then_refused("turn_over")
    Given(ASKED).when(record(epoch=2)).then_refused("stale_epoch")


def test_while_a_person_has_the_conversation_no_turn_begins():
    taken = [*ASKED, ANSWER, TAKEN]
    Given(taken).when(say("m2")).then(e.MessageReceived(at=5, message="m2", text="And to Spain?"))


def test_a_second_operator_is_told_who_has_taken_it():
    other = c.TakeOver(id="take2", at=4, operator="ben", epoch=1)
    Given([*ASKED, ANSWER, TAKEN]).when(other).then_refused("taken")


def test_only_the_operator_who_owns_the_conversation_may_reply():
    reply = c.ReplyAsOperator(id="r1", at=4, operator="ana", epoch=2, text="On its way.")
    Given([*ASKED, ANSWER]).when(reply).then_refused("not_owner")
    Given([*ASKED, ANSWER, TAKEN]).when(reply).then(
        e.OperatorReplied(at=4, message="r1", operator="ana", epoch=2, text="On its way.")
    )


def test_a_turn_that_was_cut_off_is_resumed_and_after_some_attempts_given_up():
    Given(ASKED).when(c.ResumeTurn(id="w", at=9)).then(
        e.TurnResumed(at=9, turn="turn-m1", attempt=2)
    )
    worn = [*ASKED, e.TurnResumed(at=9, turn="turn-m1", attempt=ATTEMPTS)]
    Given(worn).when(c.ResumeTurn(id="w", at=9)).then(
        e.TurnFailed(
            at=9,
            turn="turn-m1",
            epoch=1,
            in_reply_to=("m1",),
            reason="gave_up",
            detail="3 attempts were cut off",
        )
    )


def test_with_no_turn_open_resuming_changes_nothing():
    Given([*ASKED, ANSWER]).when(c.ResumeTurn(id="w", at=9)).then_already_done(version=4)


def test_a_failed_turn_is_visible_and_its_message_is_no_longer_owed():
    failed = c.FailTurn(id="f", at=9, turn="turn-m1", epoch=1, reason="timeout")
    state = (
        Given(ASKED)
        .when(failed)
        .then(
            e.TurnFailed(
                at=9, turn="turn-m1", epoch=1, in_reply_to=("m1",), reason="timeout", detail=""
            )
        )
    )
    assert (owed(state), state.unanswered) == (None, ())


def test_asking_for_a_person_twice_is_one_request():
    asked = c.RequestHandoff(id="h", at=4)
    requested = e.HandoffRequested(at=4, epoch=1, reason="visitor_asked")
    text = (
        "I have asked for a person to join this conversation. Meanwhile I am glad to go on helping."
    )
    Given(ASKED).when(asked).then(requested, told("h", "handoff_queued", text, at=4, operator=""))
    Given([*ASKED, requested]).when(asked).then_already_done(version=4)
    Given().when(asked).then_refused("not_started")


def test_a_score_is_one_to_five_and_the_same_score_is_one_rating():
    Given(ASKED).when(c.RateAnswer(id="r", at=4, score=6)).then_refused("score")
    rated = e.AnswerRated(at=4, score=5)
    Given(ASKED).when(c.RateAnswer(id="r", at=4, score=5)).then(rated)
    Given([*ASKED, rated]).when(c.RateAnswer(id="r2", at=5, score=5)).then_already_done(version=4)


def test_a_fact_of_another_kind_cannot_be_folded():
    with pytest.raises(TypeError, match="no fact of a conversation"):
        fold(initial("demo", "c1"), 1, [e.Fact(at=1)])
