"""A person decides on what the AI drafted, sentence by sentence."""

from __future__ import annotations

import pytest
from handoff_story import (
    ANA,
    ANSWERED,
    BEN,
    DRAFT,
    DRAFTED,
    DRAFTING,
    FIRST,
    MORE,
    SECOND,
    WATCHED,
    approve,
    facts_of,
    kinds,
    reject,
    release,
    say,
    take,
    the,
)
from specification import Given

from actors.conversation import commands as c
from actors.conversation.decide import ATTEMPTS, owed
from events import conversation as e
from events.conversation import Source

WRITING = [*ANSWERED, WATCHED, MORE, DRAFTING]
NOBODYS = e.ModeChanged(at=3, mode="supervised", epoch=2, reason="tenant_default")
UNOWNED = [*ANSWERED, NOBODYS, MORE, DRAFTING, DRAFT]
RECORDED = c.RecordAnswer(
    id="answer:turn-m2",
    at=6,
    turn="turn-m2",
    epoch=2,
    text=DRAFT.text,
    locale="en",
    sources=DRAFT.sources,
    confidence=0.8,
)


def test_supervised_an_answer_becomes_a_draft_and_the_visitor_still_waits():
    state = Given(WRITING).when(RECORDED).then(DRAFT)
    assert state.draft is not None
    assert (owed(state), state.draft.draft, state.unanswered) == (None, "draft-turn-m2", ("m2",))
    Given(DRAFTED).when(RECORDED).then_already_done(version=8)


def test_approved_as_it_is_the_draft_goes_out_with_all_that_it_rests_on():
    state = (
        Given(DRAFTED)
        .when(approve())
        .then(
            e.DraftApproved(at=9, draft="draft-turn-m2", epoch=2, text=DRAFT.text, **ANA),
            e.AnswerRecorded(
                at=9,
                turn="turn-m2",
                epoch=2,
                message="answer-turn-m2",
                text=DRAFT.text,
                in_reply_to=("m2",),
                locale="en",
                sources=(FIRST, SECOND),
                confidence=0.8,
                draft="draft-turn-m2",
                approved_by="ana",
            ),
        )
    )
    assert (state.draft, state.unanswered) == (None, ())
    assert state.memory.window[-1].text == DRAFT.text


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("Three days [1].", (FIRST,)),
        ("Five to the islands [2]; three else [1].", (FIRST, SECOND)),
        ("Both [1, 2].", (FIRST, SECOND)),
        ("Both [2;1].", (FIRST, SECOND)),
        ("Three to five days.", ()),
        ("Three days [7].", ()),
    ],
)
def test_mended_it_keeps_only_the_sources_that_it_still_points_to(
    text: str, sources: tuple[Source, ...]
):
    facts = facts_of(Given(DRAFTED), approve(text))
    assert the(e.AnswerRecorded, facts).sources == sources
    assert the(e.AnswerRecorded, facts).text == text


def test_the_edit_is_measured_in_characters():
    facts = facts_of(Given(DRAFTED), approve(DRAFT.text.replace("Three", "Tree") + "!!"))
    assert the(e.DraftApproved, facts).edit_distance == 3
    assert the(e.DraftApproved, facts_of(Given(DRAFTED), approve(DRAFT.text))).edit_distance == 0


def test_an_i_dont_know_that_a_person_has_rewritten_is_an_answer():
    unknown = e.DraftProposed(
        at=6, draft="d", turn="turn-m2", epoch=2, text="?", in_reply_to=("m2",), kind="unknown"
    )
    given = Given([*WRITING, unknown])
    assert the(e.AnswerRecorded, facts_of(given, approve(draft="d"))).kind == "unknown"
    assert the(e.AnswerRecorded, facts_of(given, approve("Yes.", draft="d"))).kind == "answer"


def test_an_approved_text_has_a_length():
    Given(DRAFTED).when(approve("x" * 4001)).then_refused("message_length")
    Given(DRAFTED).when(approve("   ")).then_refused("message_length")


def test_rejected_it_is_gone_and_the_messages_are_still_unanswered():
    state = (
        Given(DRAFTED)
        .when(reject())
        .then(
            e.DraftRejected(at=9, draft="draft-turn-m2", epoch=2, reason="It is wrong.", **ANA),
        )
    )
    assert (state.draft, state.unanswered) == (None, ("m2",))
    Given(DRAFTED).when(reject("")).then_refused("message_length")


def test_after_a_rejection_the_next_turn_answers_all_that_is_open():
    rejected = facts_of(Given(DRAFTED), reject())
    facts = facts_of(Given([*DRAFTED, *rejected]), say("m3"))
    assert the(e.TurnBegun, facts).answers == ("m2", "m3")


def test_the_owner_alone_decides_or_anyone_where_nobody_owns_it():
    Given(DRAFTED).when(approve(who=BEN)).then_refused("not_owner")
    Given(DRAFTED).when(reject(who=BEN)).then_refused("not_owner")
    Given(DRAFTED).when(approve(epoch=1)).then_refused("stale_epoch")
    approved = facts_of(Given(UNOWNED), approve(who=BEN))
    assert the(e.AnswerRecorded, approved).approved_by == "ben"


def test_deciding_the_same_again_changes_nothing_also_after_it_changed_hands():
    approved = facts_of(Given(DRAFTED), approve())
    Given([*DRAFTED, *approved]).when(approve()).then_already_done(version=10)
    later = e.ModeChanged(at=9, mode="ai", epoch=3, reason="released", **ANA)
    Given([*DRAFTED, *approved, later]).when(approve()).then_already_done(version=11)
    rejected = facts_of(Given(DRAFTED), reject())
    Given([*DRAFTED, *rejected]).when(reject()).then_already_done(version=9)


def test_deciding_otherwise_is_too_late_and_says_who_decided():
    approved = Given([*UNOWNED, *facts_of(Given(UNOWNED), approve())])
    for late in (approve(who=BEN), reject(), reject(who=BEN)):
        outcome = approved.when(late)
        outcome.then_refused("draft_over")
        assert isinstance(outcome.decision, c.Refused)
        assert "Ana Ruiz" in outcome.decision.detail


def test_a_visitor_who_writes_again_voids_the_draft_and_one_turn_answers_all():
    facts = facts_of(Given(DRAFTED), say("m3"))
    assert kinds(facts) == ["MessageReceived", "DraftVoided", "TurnBegun"]
    assert the(e.DraftVoided, facts).reason == "visitor_wrote"
    assert the(e.TurnBegun, facts).answers == ("m2", "m3")
    Given([*DRAFTED, *facts]).when(approve()).then_refused("draft_over")


@pytest.mark.parametrize("command", [take(2), release(2), take(2, BEN, openly=True)])
def test_a_change_of_hands_voids_the_draft(command: c.ConversationCommand):
    facts = facts_of(Given(DRAFTED), command)
    assert the(e.DraftVoided, facts).reason == "mode_changed"
    late = Given([*DRAFTED, *facts]).when(approve())
    late.then_refused("draft_over")


def test_a_draft_that_nobody_knows_cannot_be_approved():
    Given(WRITING).when(approve()).then_refused("draft_over")
    Given(ANSWERED).when(approve(epoch=1)).then_refused("draft_over")
    Given().when(approve()).then_refused("not_started")


def test_a_turn_that_fails_under_supervision_is_not_shown_and_its_message_still_waits():
    fail = c.FailTurn(id="f", at=9, turn="turn-m2", epoch=2, reason="timeout")
    failed = the(e.TurnFailed, facts_of(Given(WRITING), fail))
    assert failed.supervised
    assert Given([*WRITING, failed]).state.unanswered == ("m2",)
    worn = [*WRITING, e.TurnResumed(at=9, turn="turn-m2", attempt=ATTEMPTS)]
    gave_up = the(e.TurnFailed, facts_of(Given(worn), c.ResumeTurn(id="w", at=9)))
    assert gave_up.supervised
