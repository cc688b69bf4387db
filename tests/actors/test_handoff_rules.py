"""A person is called, sentence by sentence: by the visitor, out of a turn, once for one reason."""

from __future__ import annotations

import pytest
from handoff_story import (
    ANA,
    ANSWER,
    ANSWERED,
    ASKED,
    CLOSED,
    DRAFTING,
    MORE,
    OPEN,
    REQUESTED,
    RESOLVED,
    TAKEN,
    WATCHED,
    facts_of,
    kinds,
    release,
    say,
    the,
)
from specification import Given

from actors.conversation import commands as c
from actors.conversation.decide import decide, fold, initial, needs_reception
from events import conversation as e

BUTTON = c.RequestHandoff(id="h1", at=4, reception=OPEN)
WORDS = c.RequestHandoff(
    id="handoff:turn-m1",
    at=4,
    reason="visitor_words",
    evidence="Where is my lamp?",
    message="m1",
    score=0.9,
    turn="turn-m1",
    epoch=1,
    reception=OPEN,
)
EVIDENCE = c.HandoffEvidence(reason="distress", evidence="Where is my lamp?", message="m1")
RELEASED = e.ModeChanged(at=8, mode="ai", epoch=3, reason="released", **ANA)


def record(turn: str = "turn-m1", epoch: int = 1, **more: object) -> c.RecordAnswer:
    return c.RecordAnswer(id=f"answer:{turn}", at=4, turn=turn, epoch=epoch, text="Three.", **more)  # type: ignore[arg-type]


def fail(turn: str = "turn-m1", epoch: int = 1, **more: object) -> c.FailTurn:
    return c.FailTurn(id=f"fail:{turn}", at=4, turn=turn, epoch=epoch, reason="timeout", **more)  # type: ignore[arg-type]


def test_the_button_calls_a_person_tells_the_visitor_and_lets_the_ai_go_on():
    state = (
        Given(ASKED)
        .when(BUTTON)
        .then(
            e.HandoffRequested(at=4, epoch=1, reason="visitor_asked"),
            e.NoticePosted(
                at=4,
                message="notice-h1",
                notice="handoff_queued",
                text="I have asked for a person to join this conversation. "
                "Meanwhile I am glad to go on helping.",
                locale="en",
                place=2,
            ),
        )
    )
    assert state.turn is not None
    assert state.handoff is not None
    assert (state.mode, state.handoff.reason, state.handed_off) == ("ai", "visitor_asked", ("m1",))


def test_who_asks_for_a_person_while_an_operator_has_them_stands_in_no_queue():
    told = the(e.NoticePosted, facts_of(Given([*ANSWERED, WATCHED]), BUTTON))
    assert told.place == 0, "the queue shows it to nobody else"
    passed_on = facts_of(Given([*ANSWERED, WATCHED]), release(to="queue", reception=OPEN))
    assert the(e.NoticePosted, passed_on).place == 2


def test_outside_of_the_hours_the_visitor_is_told_when_the_team_is_back_and_no_place():
    command = c.RequestHandoff(id="h1", at=4, locale="es", reception=CLOSED)
    told = the(e.NoticePosted, facts_of(Given(ANSWERED), command))
    assert (told.notice, told.locale, told.place) == ("handoff_away", "es", 0)
    assert "el lunes a las 09:00 (hora de Madrid)" in told.text


def test_the_button_pressed_again_while_a_person_is_awaited_changes_nothing():
    Given([*ANSWERED, REQUESTED]).when(BUTTON).then_already_done(version=5)


def test_the_button_changes_nothing_while_a_person_speaks():
    Given([*ANSWERED, TAKEN]).when(BUTTON).then_already_done(version=5)


def test_the_button_works_again_after_a_release_without_any_new_message():
    given = Given([*ANSWERED, REQUESTED, TAKEN, RELEASED])
    assert kinds(facts_of(given, BUTTON)) == ["HandoffRequested", "NoticePosted"]


def test_the_same_request_retried_after_all_is_over_changes_nothing():
    asked = facts_of(Given(ANSWERED), BUTTON)
    Given([*ANSWERED, *asked, TAKEN, RELEASED]).when(BUTTON).then_already_done(version=6)


def test_no_person_is_called_before_the_first_message():
    Given().when(BUTTON).then_refused("not_started")


def test_the_button_in_a_resolved_conversation_opens_it_again():
    facts = facts_of(Given([*ANSWERED, RESOLVED]), BUTTON)
    assert kinds(facts) == ["ConversationReopened", "HandoffRequested", "NoticePosted"]


def test_where_the_ai_shall_be_silent_its_turn_ends_and_no_new_one_begins():
    command = c.RequestHandoff(id="h1", at=4, reception=c.Reception(silent=True))
    facts = facts_of(Given(ASKED), command)
    assert kinds(facts) == ["TurnCancelled", "HandoffRequested", "NoticePosted"]
    assert "glad" not in the(e.NoticePosted, facts).text
    waiting = Given([*ASKED, *facts])
    assert kinds(facts_of(waiting, say("m2"))) == ["MessageReceived"]


def test_while_a_person_is_awaited_the_ai_answers_what_the_visitor_writes():
    facts = facts_of(Given([*ANSWERED, REQUESTED]), say("m2"))
    assert kinds(facts) == ["MessageReceived", "TurnBegun"]


def test_a_turn_that_calls_a_person_ends_without_an_answer_and_its_message_waits():
    state = (
        Given(ASKED)
        .when(WORDS)
        .then(
            e.TurnCancelled(at=4, turn="turn-m1", reason="handed_off"),
            e.HandoffRequested(
                at=4,
                epoch=1,
                reason="visitor_words",
                evidence="Where is my lamp?",
                message="m1",
                score=0.9,
            ),
            e.NoticePosted(
                at=4,
                message="notice-handoff:turn-m1",
                notice="handoff_queued",
                text="I have asked for a person to join this conversation. "
                "Meanwhile I am glad to go on helping.",
                locale="en",
                place=2,
            ),
        )
    )
    assert (state.turn, state.unanswered, state.handed_off) == (None, ("m1",), ("m1",))


def test_a_turn_calls_once_however_often_it_reports():
    called = facts_of(Given(ASKED), WORDS)
    Given([*ASKED, *called]).when(WORDS).then_already_done(version=6)


def test_a_turn_that_is_over_or_of_another_epoch_calls_nobody():
    Given(ANSWERED).when(WORDS).then_already_done(version=4)
    Given([*ASKED, e.TurnCancelled(at=3, turn="turn-m1", reason="taken_over"), TAKEN]).when(
        WORDS
    ).then_refused("turn_over")
    late = c.RequestHandoff(id="h", at=4, turn="turn-m1", epoch=2)
    Given(ASKED).when(late).then_refused("stale_epoch")


def test_a_turn_that_calls_while_a_person_is_awaited_ends_and_leaves_its_message_to_them():
    state = (
        Given([*ASKED, REQUESTED])
        .when(WORDS)
        .then(e.TurnCancelled(at=4, turn="turn-m1", reason="handed_off"))
    )
    assert state.unanswered == ("m1",)
    assert state.handoff is not None
    ended = e.TurnCancelled(at=4, turn="turn-m1", reason="handed_off")
    Given([*ASKED, REQUESTED, ended]).when(WORDS).then_already_done(version=5)


def test_what_a_person_had_before_them_does_not_call_again_and_the_visitor_is_answered():
    """Never a loop: ana takes it, gives it back with the message open, and its turn calls again."""
    again = e.TurnBegun(at=8, turn="turn-back", epoch=3, answers=("m1",))
    called = facts_of(Given(ASKED), WORDS)
    given = Given([*ASKED, *called, TAKEN, RELEASED, again])
    command = c.RequestHandoff(
        id="handoff:turn-back",
        at=9,
        reason="visitor_words",
        message="m1",
        turn="turn-back",
        epoch=3,
    )
    facts = facts_of(given, command)
    answer = the(e.AnswerRecorded, facts)
    assert kinds(facts) == ["AnswerRecorded"]
    assert (answer.kind, answer.in_reply_to) == ("unknown", ("m1",))
    assert "ask for a person again" in answer.text
    Given([*given.facts, *facts]).when(command).then_already_done(version=10)


def test_new_words_after_a_release_call_again():
    said = e.MessageReceived(at=8, message="m2", text="I want a person again")
    begun = e.TurnBegun(at=8, turn="turn-m2", epoch=3, answers=("m2",))
    given = Given([*ANSWERED, REQUESTED, TAKEN, RELEASED, said, begun])
    command = c.RequestHandoff(
        id="handoff:turn-m2",
        at=9,
        reason="visitor_words",
        message="m2",
        turn="turn-m2",
        epoch=3,
    )
    assert kinds(facts_of(given, command)) == [
        "TurnCancelled",
        "HandoffRequested",
        "NoticePosted",
    ]


def test_an_answer_goes_out_and_calls_a_person_as_well():
    facts = facts_of(Given(ASKED), record(handoff=EVIDENCE, locale="es"))
    assert kinds(facts) == ["AnswerRecorded", "HandoffRequested", "NoticePosted"]
    requested = the(e.HandoffRequested, facts)
    assert (requested.reason, requested.message, requested.epoch) == ("distress", "m1", 1)
    assert the(e.NoticePosted, facts).locale == "es"
    assert Given([*ASKED, *facts]).state.handed_off == ("m1",)


def test_beside_an_answer_nobody_is_called_a_second_time():
    pending = Given([*ASKED, REQUESTED])
    assert kinds(facts_of(pending, record(handoff=EVIDENCE))) == ["AnswerRecorded"]
    begun = e.TurnBegun(at=5, turn="turn-m2", epoch=1, answers=("m2",))
    waiting = Given([*ANSWERED, REQUESTED, MORE, begun])
    new = c.HandoffEvidence(reason="distress", message="m2")
    assert kinds(facts_of(waiting, record("turn-m2", handoff=new))) == ["AnswerRecorded"]
    again = e.TurnBegun(at=8, turn="turn-back", epoch=3, answers=("m1",))
    seen = Given([*ASKED, REQUESTED, TAKEN, RELEASED, again])
    known = record("turn-back", 3, handoff=EVIDENCE)
    assert kinds(facts_of(seen, known)) == ["AnswerRecorded"]
    in_no_message = c.HandoffEvidence(reason="unanswered_turns", evidence="2 in a row")
    row = record("turn-back", 3, kind="unknown", handoff=in_no_message)
    assert kinds(facts_of(seen, row)) == ["AnswerRecorded"]


def test_evidence_in_no_message_calls_when_the_turn_answers_anything_new():
    row = c.HandoffEvidence(reason="unanswered_turns", evidence="2 turns in a row, 2 are enough")
    facts = facts_of(Given(ASKED), record(kind="unknown", handoff=row))
    assert the(e.HandoffRequested, facts).evidence == "2 turns in a row, 2 are enough"


def test_a_failed_turn_may_call_a_person():
    facts = facts_of(Given(ASKED), fail(handoff=EVIDENCE))
    assert kinds(facts) == ["TurnFailed", "HandoffRequested", "NoticePosted"]


def test_turns_without_an_answer_are_counted_until_an_answer_or_a_change_of_hands():
    unknown = facts_of(Given(ASKED), record(kind="unknown"))
    assert Given([*ASKED, *unknown]).state.unanswered_in_a_row == 1
    second = [*ASKED, *unknown, MORE, e.TurnBegun(at=5, turn="t2", epoch=1, answers=("m2",))]
    failed = facts_of(Given(second), fail("t2"))
    row = [*second, *failed]
    assert Given(row).state.unanswered_in_a_row == 2
    chat = e.AnswerRecorded(
        at=6, turn="t3", epoch=1, message="a3", text="Hi!", in_reply_to=(), kind="smalltalk"
    )
    assert Given([*row, chat]).state.unanswered_in_a_row == 2
    assert Given([*row, ANSWER]).state.unanswered_in_a_row == 0
    assert Given([*row, REQUESTED]).state.unanswered_in_a_row == 0
    assert Given([*row, TAKEN]).state.unanswered_in_a_row == 0


def test_in_a_supervised_conversation_the_call_goes_with_the_draft():
    given = Given([*ANSWERED, WATCHED, MORE, DRAFTING])
    facts = facts_of(given, record("turn-m2", 2, handoff=EVIDENCE))
    assert kinds(facts) == ["DraftProposed"], "m1 was before ana already"
    new = c.HandoffEvidence(reason="distress", message="m2")
    facts = facts_of(given, record("turn-m2", 2, handoff=new))
    assert kinds(facts) == ["DraftProposed", "HandoffRequested", "NoticePosted"]


def test_evidence_is_kept_short():
    long = c.HandoffEvidence(reason="distress", evidence="x" * 9000, message="m1")
    facts = facts_of(Given(ASKED), record(handoff=long))
    assert len(the(e.HandoffRequested, facts).evidence) == 500


def test_only_a_command_that_may_call_a_person_needs_the_front_desk():
    asked = Given(ASKED).state
    assert needs_reception(asked, BUTTON)
    assert needs_reception(asked, record(handoff=EVIDENCE))
    assert needs_reception(asked, release(to="queue"))
    assert not needs_reception(asked, record())
    assert not needs_reception(asked, release(to="ai"))
    assert not needs_reception(asked, say("m2"))
    assert not needs_reception(Given([*ASKED, REQUESTED]).state, BUTTON)
    assert not needs_reception(initial("demo", "c1"), BUTTON)


@pytest.mark.parametrize(
    ("words", "browser", "language"),
    [("¿Dónde está mi lámpara?", "en", "es"), ("ok", "es-MX", "es"), ("Where is it?", "es", "en")],
)
def test_the_notice_is_in_the_language_that_the_visitor_writes(words, browser, language):
    state = initial("demo", "c1")
    said = decide(state, c.ReceiveMessage(id="m1", at=1, text=words, locale=browser))
    assert isinstance(said, tuple)
    told = decide(fold(state, 1, said), BUTTON)
    assert isinstance(told, tuple)
    assert the(e.NoticePosted, told).locale == language
