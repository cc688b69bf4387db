"""What a past answer was searched for, so that the same can be searched as it stood then."""

from __future__ import annotations

from events.conversation import AnswerRecorded, MessageReceived, TurnCost
from tandem.knowledge_reading import searched_for


def _answer(message: str, *asked: str, searched: str = "") -> AnswerRecorded:
    return AnswerRecorded(
        at=2,
        turn="t1",
        epoch=1,
        message=message,
        text="Two days.",
        in_reply_to=asked,
        cost=TurnCost(searched=searched),
    )


ASKED = [
    MessageReceived(at=1, message="m1", text="How long does it take?"),
    MessageReceived(at=1, message="m2", text="To Spain?"),
]


def test_an_answer_was_searched_for_with_what_it_replies_to():
    answer = _answer("a1", "m1", "m2")
    assert searched_for([*ASKED, answer], "a1") == (answer, "How long does it take?\nTo Spain?")


def test_a_follow_up_was_searched_for_with_what_it_refers_to():
    answer = _answer("a1", "m2", searched="How long does it take? To Spain?")
    assert searched_for([*ASKED, answer], "a1") == (answer, "How long does it take? To Spain?")


def test_there_is_no_such_answer():
    assert searched_for([*ASKED, _answer("a1", "m1")], "m1") is None
