"""Lifting old facts: pure, chained, and never in a circle."""

from __future__ import annotations

import pytest
from log_makers import message, new_commit

from events.log.envelope import decode_commit, encode_commit
from events.log.event_log import CorruptStream, Head, UnknownFact
from events.log.stream import StreamName
from events.log.upcast import LIFTS, lift

PREFIX = "tandem.conversation.MessageReceived"
STREAM = StreamName("acme", "conversation", "c1")


def zero_to_half(data):
    return f"{PREFIX}.v0a", {**data, "text": data["body"]}


def half_to_one(data):
    return f"{PREFIX}.v1", {**data, "text": data["text"].strip()}


def old_payload() -> bytes:
    payload = encode_commit(STREAM, new_commit(1), after=Head())
    return payload.replace(b"MessageReceived.v1", b"MessageReceived.v0").replace(
        b'"text":"hello"', b'"body":" hello "'
    )


def test_a_type_that_no_lift_names_stays_as_it_is():
    assert lift("tandem.x.Y.v3", {"a": 1}, LIFTS) == ("tandem.x.Y.v3", {"a": 1})


def test_lifts_are_chained_up_to_the_newest_version():
    lifts = {f"{PREFIX}.v0": zero_to_half, f"{PREFIX}.v0a": half_to_one}
    assert decode_commit(STREAM, 1, old_payload(), lifts=lifts).facts == (message(1),)


def test_the_hash_is_of_what_is_stored_and_not_of_what_it_was_lifted_to():
    lifts = {f"{PREFIX}.v0": zero_to_half, f"{PREFIX}.v0a": half_to_one}
    lifted = decode_commit(STREAM, 1, old_payload(), lifts=lifts)
    assert (
        lifted.hash
        != decode_commit(STREAM, 1, encode_commit(STREAM, new_commit(1), after=Head())).hash
    )


def test_a_chain_that_ends_before_a_known_version_is_an_unknown_fact():
    with pytest.raises(UnknownFact, match=r"MessageReceived\.v0"):
        decode_commit(STREAM, 1, old_payload(), lifts={f"{PREFIX}.v0": zero_to_half})


@pytest.mark.parametrize(
    "broken",
    [lambda data: (f"{PREFIX}.v1", {"text": data["not there"]}), lambda data: (f"{PREFIX}.v1", {})],
    ids=["it raises", "what it gives is no fact"],
)
def test_a_lift_that_fails_names_the_place(broken):
    with pytest.raises(CorruptStream, match="c1: version 5 cannot be read"):
        decode_commit(STREAM, 5, old_payload(), lifts={f"{PREFIX}.v0": broken})


def test_lifts_in_a_circle_are_found():
    lifts = {"a": lambda data: ("b", data), "b": lambda data: ("a", data)}
    with pytest.raises(ValueError, match="circle"):
        lift("a", {}, lifts)
