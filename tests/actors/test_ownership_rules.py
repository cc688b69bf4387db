"""Who owns a conversation, sentence by sentence: taken, supervised, given back, lost, resolved."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from handoff_story import (
    ANA,
    ANSWERED,
    ASKED,
    BEN,
    CLOSED,
    DRAFTED,
    DRAFTING,
    MORE,
    OPEN,
    REQUESTED,
    RESOLVED,
    STARTED,
    TAKEN,
    WATCHED,
    facts_of,
    kinds,
    lapse,
    release,
    reopen,
    reply,
    resolve,
    say,
    supervise,
    take,
    the,
)
from specification import Given

from actors.conversation import commands as c
from actors.conversation.decide import Waiting, needs_reception
from events import conversation as e

OWNED = [*ANSWERED, TAKEN]
SUPERVISED = [*ANSWERED, WATCHED]


def test_a_take_over_ends_the_turn_starts_an_epoch_and_tells_the_visitor_who_came():
    state = (
        Given([*ASKED, REQUESTED])
        .when(take())
        .then(
            e.TurnCancelled(at=9, turn="turn-m1", reason="taken_over"),
            e.ModeChanged(at=9, mode="human", epoch=2, reason="operator_choice", **ANA),
            e.NoticePosted(
                at=9,
                message="notice-take",
                notice="operator_joined",
                text="You are now talking with Ana Ruiz.",
                locale="en",
                **ANA,
            ),
        )
    )
    assert (state.mode, state.epoch, state.operator_name) == ("human", 2, "Ana Ruiz")
    assert (state.turn, state.handoff, state.unanswered) == (None, None, ("m1",))


def test_who_clicks_second_is_told_who_has_it():
    outcome = Given(OWNED).when(take(1, BEN))
    outcome.then_refused("taken")
    assert isinstance(outcome.decision, c.Refused)
    assert "Ana Ruiz" in outcome.decision.detail


def test_a_colleague_may_take_it_openly_and_only_from_whom_they_saw():
    Given(OWNED).when(take(1, BEN, openly=True)).then_refused("stale_epoch")
    facts = facts_of(Given(OWNED), take(2, BEN, openly=True))
    changed, told = the(e.ModeChanged, facts), the(e.NoticePosted, facts)
    assert (changed.operator, changed.previous, changed.epoch) == ("ben", "ana", 3)
    assert told.notice == "operator_changed"
    assert "Ben Okri" in told.text
    assert "Ana Ruiz" in told.text


def test_taking_over_what_one_has_already_changes_nothing():
    Given(OWNED).when(take(1, ident="take-2")).then_already_done(version=5)


def test_a_take_over_retried_after_it_changed_hands_again_changes_nothing():
    taken = facts_of(Given(ANSWERED), take())
    over = e.ModeChanged(at=9, mode="human", epoch=3, reason="operator_choice", **BEN)
    Given([*ANSWERED, *taken, over]).when(take()).then_already_done(version=6)


def test_a_take_over_under_an_old_epoch_is_refused():
    released = e.ModeChanged(at=9, mode="ai", epoch=3, reason="released", **ANA)
    Given([*OWNED, released]).when(take(1, BEN)).then_refused("stale_epoch")


def test_who_supervises_may_take_over_and_the_draft_is_void():
    facts = facts_of(Given(DRAFTED), take(2))
    assert kinds(facts) == ["DraftVoided", "ModeChanged", "NoticePosted"]
    assert the(e.DraftVoided, facts).reason == "mode_changed"
    assert the(e.ModeChanged, facts).previous == ""
    assert the(e.NoticePosted, facts).notice == "operator_joined"


def test_taken_openly_from_a_colleague_who_only_supervised_the_visitor_meets_a_first_person():
    facts = facts_of(Given(SUPERVISED), take(2, BEN, openly=True))
    assert the(e.ModeChanged, facts).previous == "ana"
    assert the(e.NoticePosted, facts).notice == "operator_joined"


def test_a_resolved_conversation_is_opened_by_who_takes_it():
    facts = facts_of(Given([*ANSWERED, RESOLVED]), take())
    assert kinds(facts) == ["ConversationReopened", "ModeChanged", "NoticePosted"]
    assert the(e.ConversationReopened, facts).operator == "ana"


def test_to_supervise_is_to_own_while_the_ai_drafts_what_is_not_answered():
    facts = facts_of(Given(ASKED), supervise())
    assert kinds(facts) == ["TurnCancelled", "ModeChanged", "NoticePosted", "TurnBegun"]
    state = Given([*ASKED, *facts]).state
    assert (state.mode, state.operator, state.epoch) == ("supervised", "ana", 2)
    assert the(e.TurnBegun, facts).epoch == 2
    assert the(e.NoticePosted, facts).notice == "supervised"
    Given(SUPERVISED).when(supervise(1)).then_already_done(version=5)
    Given(SUPERVISED).when(supervise(2, BEN)).then_refused("taken")


def test_after_a_person_spoke_the_notice_of_supervision_says_that_the_ai_is_back():
    assert "AI assistant" in the(e.NoticePosted, facts_of(Given(OWNED), supervise(2))).text


def test_a_tenant_may_let_every_conversation_begin_supervised_by_nobody():
    facts = facts_of(Given(), say("m1", supervised=True, visitor="v1"))
    assert kinds(facts) == [
        "ConversationStarted",
        "ModeChanged",
        "MessageReceived",
        "TurnBegun",
        "NoticePosted",
    ]
    assert the(e.ConversationStarted, facts).visitor == "v1"
    changed = the(e.ModeChanged, facts)
    assert (changed.mode, changed.reason, changed.operator) == ("supervised", "tenant_default", "")
    assert the(e.TurnBegun, facts).epoch == changed.epoch == 2
    state = Given(facts).state
    assert (state.visitor, state.operator, state.handed_off) == ("v1", "", ())
    assert the(e.ModeChanged, facts_of(Given(facts), supervise(2))).operator == "ana"


def test_a_conversation_that_runs_is_not_made_supervised_by_a_message():
    assert kinds(facts_of(Given(ANSWERED), say("m2", supervised=True))) == [
        "MessageReceived",
        "TurnBegun",
    ]


def test_given_back_the_visitor_is_told_and_the_ai_takes_up_what_is_open():
    state = (
        Given([*OWNED, MORE])
        .when(release())
        .then(
            e.ModeChanged(at=9, mode="ai", epoch=3, reason="released", **ANA),
            e.NoticePosted(
                at=9,
                message="notice-back",
                notice="assistant_back",
                text="Ana Ruiz has given the conversation back to me, the AI assistant. "
                "I am glad to go on helping.",
                locale="en",
                **ANA,
            ),
            e.TurnBegun(at=9, turn="rest-back", epoch=3, answers=("m2",)),
        )
    )
    assert (state.mode, state.operator, state.operator_name) == ("ai", "", "")
    assert state.handed_off == ("m1", "m2"), "ana had both before her"


def test_a_visitor_who_writes_under_the_id_that_they_were_shown_begins_a_turn_of_its_own():
    """Two turns of one id would be one row of the read models, and its end before its start."""
    given = facts_of(Given([*OWNED, MORE]), release())
    [told] = [fact for fact in given if isinstance(fact, e.NoticePosted)]
    shown = told.message.removeprefix("notice-")
    facts = facts_of(Given([*OWNED, MORE, *given]), say(shown))
    assert the(e.TurnCancelled, facts).turn != the(e.TurnBegun, facts).turn


def test_no_message_can_pass_for_the_notice_of_a_lease_that_will_lapse():
    foreseen = f"notice-{lapse().id}"
    Given(OWNED).when(say(foreseen)).then_refused("message_id")
    Given(OWNED).when(c.AddNote(id=foreseen, at=9, text="x", **ANA)).then_refused("message_id")


def test_given_back_with_nothing_open_no_turn_begins():
    assert kinds(facts_of(Given([*OWNED]), release())) == ["ModeChanged", "NoticePosted"]


def test_only_the_owner_gives_back_and_only_what_they_still_have():
    Given(ANSWERED).when(release(1)).then_refused("not_owner")
    Given(OWNED).when(release(2, BEN)).then_refused("not_owner")
    Given(OWNED).when(release(1)).then_refused("stale_epoch")
    Given().when(release(1)).then_refused("not_started")


def test_a_supervised_conversation_of_nobody_may_be_given_to_the_ai_by_anyone():
    facts = facts_of(Given(), say("m1", supervised=True))
    given = facts_of(Given(facts), release(2, BEN))
    assert kinds(given) == ["TurnCancelled", "ModeChanged", "NoticePosted", "TurnBegun"]


def test_a_release_retried_changes_nothing():
    given = facts_of(Given(OWNED), release())
    Given([*OWNED, *given]).when(release()).then_already_done(version=7)


def test_passed_on_to_the_queue_another_person_is_called_and_the_visitor_told_their_place():
    facts = facts_of(Given([*OWNED, MORE]), release(to="queue", reception=OPEN))
    assert kinds(facts) == ["ModeChanged", "HandoffRequested", "NoticePosted"]
    requested, told = the(e.HandoffRequested, facts), the(e.NoticePosted, facts)
    assert (requested.reason, requested.epoch) == ("operator_choice", 3)
    assert (told.notice, told.place) == ("handoff_queued", 2)
    assert told.text.startswith("Ana Ruiz is passing this conversation on to a colleague.")
    state = Given([*OWNED, MORE, *facts]).state
    assert isinstance(state.handoff, Waiting)
    assert (state.mode, state.unanswered, state.turn) == ("ai", ("m2",), None)


def test_passed_on_outside_of_the_hours_the_visitor_is_told_so():
    facts = facts_of(Given(OWNED), release(to="queue", reception=CLOSED))
    assert the(e.NoticePosted, facts).notice == "handoff_away"


def test_a_lease_that_lapses_tells_the_visitor_and_queues_again():
    facts = facts_of(Given([*OWNED, MORE]), lapse(reception=OPEN))
    assert kinds(facts) == ["ModeChanged", "HandoffRequested", "NoticePosted"]
    changed, told = the(e.ModeChanged, facts), the(e.NoticePosted, facts)
    assert (changed.reason, changed.operator, changed.previous) == ("lease_lapsed", "", "ana")
    assert the(e.HandoffRequested, facts).reason == "lease_lapsed"
    assert (told.notice, told.operator_name) == ("operator_left", "Ana Ruiz")
    assert told.text == (
        "Ana Ruiz is no longer here. I have asked for another person. "
        "Meanwhile I, the AI assistant, am glad to help."
    )


def test_a_lease_that_lapses_may_bring_the_ai_back_and_it_answers_what_is_open():
    facts = facts_of(Given([*OWNED, MORE]), lapse(to="ai"))
    assert kinds(facts) == ["ModeChanged", "NoticePosted", "TurnBegun"]
    assert the(e.NoticePosted, facts).text == (
        "Ana Ruiz is no longer here. I am the AI assistant, and I am back to help you."
    )
    assert Given([*OWNED, MORE, *facts]).state.handed_off == ("m1",), "nobody has read m2"


def test_a_lease_that_lapses_forgets_nobody_who_asked_for_a_person_meanwhile():
    """Ana supervised, the visitor pressed the button, and then she was gone."""
    asked = [*ANSWERED, WATCHED, e.HandoffRequested(at=4, epoch=2, reason="visitor_asked")]
    command = lapse(to="ai", reception=OPEN)
    assert needs_reception(Given(asked).state, command)
    facts = facts_of(Given(asked), command)
    assert kinds(facts) == ["ModeChanged", "HandoffRequested", "NoticePosted"]
    assert the(e.NoticePosted, facts).place == 2
    assert Given([*asked, *facts]).state.handoff is not None


LOOKED_OVER = "a person of our team looks over my answers before you see them."


@pytest.mark.parametrize("letting_go", [release(to="queue"), lapse(), lapse(to="ai")])
def test_where_a_tenant_lets_nothing_out_alone_nobody_letting_go_frees_the_ai(letting_go: Any):
    facts = facts_of(Given([*OWNED, MORE]), msgspec.structs.replace(letting_go, supervised=True))
    state = Given([*OWNED, MORE, *facts]).state
    assert (state.mode, state.epoch, state.operator) == ("supervised", 3, "")
    assert the(e.ModeChanged, facts).previous == "ana"
    assert the(e.NoticePosted, facts).text.endswith(LOOKED_OVER)
    assert bool(state.handoff) == (letting_go.to == "queue")


def test_only_a_person_who_gives_it_to_the_ai_outright_lets_it_speak_alone():
    facts = facts_of(Given(OWNED), release(supervised=True))
    assert the(e.ModeChanged, facts).mode == "ai"


def test_a_lease_lapses_only_for_the_owner_and_epoch_that_was_looked_at():
    Given(OWNED).when(lapse(1)).then_refused("stale_epoch")
    Given(OWNED).when(lapse(2, "ben")).then_refused("not_owner")
    Given(ANSWERED).when(lapse(1, "")).then_refused("not_owner")
    Given().when(lapse(1)).then_refused("not_started")
    given = facts_of(Given(OWNED), lapse())
    Given([*OWNED, *given]).when(lapse()).then_already_done(version=8)


def test_the_owner_replies_and_all_that_was_open_is_answered():
    state = (
        Given([*OWNED, MORE])
        .when(reply())
        .then(
            e.OperatorReplied(at=9, message="r1", epoch=2, text="On its way.", **ANA),
        )
    )
    assert state.unanswered == ()
    assert (state.memory.window[-1].role, state.memory.window[-1].by) == ("operator", "Ana Ruiz")


def test_a_reply_of_another_or_under_an_old_epoch_is_refused_and_a_second_time_changes_nothing():
    Given(ANSWERED).when(reply(1)).then_refused("not_owner")
    Given(OWNED).when(reply(2, BEN)).then_refused("not_owner")
    Given(OWNED).when(reply(1)).then_refused("stale_epoch")
    Given(OWNED).when(reply(2, text=" ")).then_refused("message_length")
    Given(OWNED).when(reply(2, text="x" * 4001)).then_refused("message_length")
    Given().when(reply(1)).then_refused("not_started")
    replied = facts_of(Given(OWNED), reply())
    Given([*OWNED, *replied]).when(reply()).then_already_done(version=6)


def test_in_a_supervised_conversation_a_reply_goes_before_what_the_ai_writes():
    drafted = facts_of(Given(DRAFTED), reply())
    assert kinds(drafted) == ["DraftVoided", "OperatorReplied"]
    assert the(e.DraftVoided, drafted).reason == "operator_replied"
    writing = facts_of(Given([*SUPERVISED, MORE, DRAFTING]), reply())
    assert kinds(writing) == ["TurnCancelled", "OperatorReplied"]


def test_a_note_is_anyones_at_any_time_once_and_not_for_the_ai():
    note = c.AddNote(id="n1", at=9, text="Calls every day.", **BEN)
    state = (
        Given(OWNED).when(note).then(e.NoteAdded(at=9, note="n1", text="Calls every day.", **BEN))
    )
    assert "Calls" not in str(state.memory)
    Given([*OWNED, e.NoteAdded(at=9, note="n1", text="x", **BEN)]).when(note).then_already_done(
        version=6
    )
    Given().when(note).then_refused("not_started")
    Given(OWNED).when(c.AddNote(id="n 2", at=9, text="x", **BEN)).then_refused("message_id")
    long = c.AddNote(id="n2", at=9, text="x" * 4001, **BEN)
    Given(OWNED).when(long).then_refused("message_length")


def test_resolved_the_conversation_goes_back_to_the_ai_and_the_visitor_is_told():
    facts = facts_of(Given([*OWNED, MORE]), resolve())
    assert kinds(facts) == ["ModeChanged", "ConversationResolved", "NoticePosted"]
    state = Given([*OWNED, MORE, *facts]).state
    assert (state.mode, state.resolved, state.unanswered, state.epoch) == ("ai", True, (), 3)


def test_what_the_ai_was_at_ends_with_the_conversation():
    assert kinds(facts_of(Given([*ASKED, REQUESTED]), resolve(1))) == [
        "TurnCancelled",
        "ConversationResolved",
        "NoticePosted",
    ]
    facts = facts_of(Given(DRAFTED), resolve())
    assert the(e.DraftVoided, facts).reason == "resolved"
    assert Given([*ASKED, REQUESTED, RESOLVED]).state.handoff is None


def test_the_owner_resolves_or_anyone_where_nobody_owns_it():
    Given(OWNED).when(resolve(2, BEN)).then_refused("not_owner")
    Given(OWNED).when(resolve(1)).then_refused("stale_epoch")
    Given().when(resolve(1)).then_refused("not_started")
    assert the(e.ConversationResolved, facts_of(Given(ANSWERED), resolve(1, BEN)))
    Given([*ANSWERED, RESOLVED]).when(resolve(1)).then_already_done(version=5)


def test_a_new_message_opens_a_resolved_conversation_and_the_ai_answers_only_that():
    resolved = [*ASKED, *facts_of(Given(ASKED), resolve(1))]
    facts = facts_of(Given(resolved), say("m2"))
    assert kinds(facts) == ["ConversationReopened", "MessageReceived", "TurnBegun"]
    assert the(e.TurnBegun, facts).answers == ("m2",)
    assert not Given([*resolved, *facts]).state.resolved


def test_where_a_tenant_lets_all_begin_supervised_a_reopened_conversation_is_so_again():
    facts = facts_of(Given([*ANSWERED, RESOLVED]), say("m2", supervised=True))
    assert kinds(facts) == [
        "ConversationReopened",
        "ModeChanged",
        "MessageReceived",
        "TurnBegun",
        "NoticePosted",
    ]


@pytest.mark.parametrize("opening", [reopen(), c.RequestHandoff(id="h1", at=9, reception=OPEN)])
def test_however_it_is_opened_again_it_begins_supervised_where_all_do(opening: Any):
    resolved = [*ANSWERED, RESOLVED]
    facts = facts_of(Given(resolved), msgspec.structs.replace(opening, supervised=True))
    assert kinds(facts)[:2] == ["ConversationReopened", "ModeChanged"]
    assert the(e.NoticePosted, facts).text.endswith(LOOKED_OVER)
    later = facts_of(Given([*resolved, *facts]), say("m2", supervised=False))
    assert Given([*resolved, *facts, *later]).state.mode == "supervised"
    running = msgspec.structs.replace(opening, supervised=True)
    again = Given(ANSWERED).when(running).decision
    assert not isinstance(again, tuple) or e.ModeChanged not in map(type, again)


def test_a_resolve_retried_after_the_visitor_wrote_again_changes_nothing():
    done = facts_of(Given(ANSWERED), resolve(1))
    again = facts_of(Given([*ANSWERED, *done]), say("m2"))
    Given([*ANSWERED, *done, *again]).when(resolve(1)).then_already_done(version=6)


def test_reopened_by_an_operator_it_stays_with_the_ai_and_the_visitor_is_told():
    facts = facts_of(Given([*ANSWERED, RESOLVED]), reopen())
    assert kinds(facts) == ["ConversationReopened", "NoticePosted"]
    Given(ANSWERED).when(reopen()).then_already_done(version=4)
    Given([*ANSWERED, RESOLVED, *facts, RESOLVED]).when(reopen()).then_already_done(version=7)
    Given().when(reopen()).then_refused("not_started")


@pytest.mark.parametrize("command", [take(1), supervise(1)])
def test_nobody_can_own_what_has_not_begun(command: c.ConversationCommand):
    Given().when(command).then_refused("not_started")


def test_of_a_conversation_in_human_hands_the_ai_writes_nothing():
    assert kinds(facts_of(Given(OWNED), say("m2"))) == ["MessageReceived"]
    assert Given([STARTED]).state.mode == "ai"
