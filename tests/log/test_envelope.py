"""The envelope: every fact survives it, and anyone can read it without us."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_makers import NOW, message, new_commit, turn

from events.conversation import Fact, Source, TurnCost
from events.log.envelope import decode_commit, encode_commit, event_types, stored_commit
from events.log.event_log import CorruptStream, Head
from events.log.stream import StreamName
from events.tenancy import HandoffPolicy, OpenHours

KINDS = ("conversation", "knowledge", "tenancy")
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
IDS = st.text(min_size=1, max_size=128)

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))


def instances(cls: type[msgspec.Struct]) -> st.SearchStrategy:
    """Any value of a struct, each field drawn from its annotation."""
    hints = get_type_hints(cls, include_extras=True)
    fields = {name: hint for name, hint in hints.items() if name[0] != "_"}
    at = {"at": st.integers(0, NOW * 10)} if "at" in fields else {}
    return st.builds(cls, **{name: values(hint) for name, hint in fields.items()} | at)


def values(hint: Any) -> st.SearchStrategy:
    """Any value of an annotation, within the bounds that its `msgspec.Meta` sets."""
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        return st.lists(values(get_args(hint)[0]), max_size=4).map(tuple)
    if get_origin(hint) is not Annotated:
        return st.from_type(hint)
    kind, bounds = get_args(hint)
    if bounds.pattern:
        return st.from_regex(bounds.pattern, fullmatch=True)
    return (st.floats if kind is float else st.integers)(bounds.ge, bounds.le)


for part in (Source, TurnCost, OpenHours, HandoffPolicy):
    st.register_type_strategy(part, instances(part))


def facts_of(kind: str) -> st.SearchStrategy[Fact]:
    return st.one_of(*(instances(cls) for cls in event_types(kind).values()))


@pytest.mark.parametrize(
    ("kind", "cls"), [(kind, cls) for kind in KINDS for cls in event_types(kind).values()]
)
def test_every_fact_comes_back_as_it_was(kind, cls):
    @given(instances(cls))
    def comes_back(fact):
        stream = StreamName("acme", kind, "s1")
        payload = encode_commit(stream, new_commit(1, fact), after=Head())
        (read,) = decode_commit(stream, 7, payload).facts
        assert read == fact
        assert type(read) is cls

    comes_back()


@given(data=st.data(), kind=st.sampled_from(KINDS), number=st.integers(0, 2**40))
def test_a_read_commit_equals_what_the_writer_was_given(data, kind, number):
    stream = StreamName("acme", kind, "s1")
    facts = tuple(data.draw(st.lists(facts_of(kind), min_size=1, max_size=5)))
    new = msgspec.structs.replace(
        new_commit(1, *facts),
        commit_id=data.draw(IDS),
        correlation_id=data.draw(st.text()),
        causation_id=data.draw(st.text()),
    )
    after = Head(version=number * 3, number=number, hash=data.draw(HASHES))
    payload = encode_commit(stream, new, after=after)
    given_back = stored_commit(stream, new, after=after, version=9, payload=payload)
    assert decode_commit(stream, 9, payload) == given_back
    assert given_back.hash == hashlib.sha256(payload).hexdigest()
    assert encode_commit(stream, new, after=after) == payload


def test_a_payload_is_a_cloudevents_batch_that_needs_no_program_of_ours():
    stream = StreamName("acme", "conversation", "c1")
    after = Head(version=40, number=6, hash="a" * 64)
    batch = json.loads(encode_commit(stream, new_commit(7, message(7), turn(7)), after=after))
    first, second = batch
    for event in batch:
        assert event["specversion"] == "1.0"
        assert event["source"] == "/tandem/acme/conversation/c1"
        assert event["subject"] == "c1"
        assert event["datacontenttype"] == "application/json"
        assert datetime.fromisoformat(event["time"]).timestamp() * 1000 == NOW + 7
        assert (event["correlationid"], event["causationid"]) == ("m7", "command-7")
        assert (event["commitid"], event["commitnumber"]) == ("commit-7", 7)
        assert all(re.fullmatch("[a-z0-9]+", name) for name in event)
    assert (first["id"], first["commitindex"]) == ("commit-7/0", 0)
    assert (second["id"], second["commitindex"]) == ("commit-7/1", 1)
    assert first["previoushash"] == "a" * 64
    assert "previoushash" not in second
    assert first["type"] == "tandem.conversation.MessageReceived.v1"
    assert first["data"] == {"at": NOW + 7, "message": "m7", "text": "hello"}
    assert second["data"] == {"at": NOW + 7, "turn": "t7", "epoch": 1, "answers": ["m7"]}


def test_an_event_of_another_commit_in_the_batch_is_found():
    stream = StreamName("acme", "conversation", "c1")
    payload = encode_commit(stream, new_commit(1, message(1), turn(1)), after=Head())
    mixed = payload.replace(
        b'"commitid":"commit-1","commitnumber":1', b'"commitid":"x","commitnumber":1', 1
    )
    with pytest.raises(CorruptStream, match="event 1 is of another commit"):
        decode_commit(stream, 1, mixed)


def test_a_commit_without_facts_is_a_mistake_of_the_caller():
    new = msgspec.structs.replace(new_commit(1), facts=())
    with pytest.raises(ValueError, match="one fact at least"):
        encode_commit(StreamName("acme", "conversation", "c1"), new, after=Head())


def test_what_a_newer_program_added_to_a_known_fact_is_read_over():
    stream = StreamName("acme", "conversation", "c1")
    payload = encode_commit(stream, new_commit(1), after=Head())
    richer = payload.replace(b'"text":', b'"mood":"good","text":').replace(
        b'"type":', b'"x":1,"type":'
    )
    assert decode_commit(stream, 1, richer).facts == (message(1),)
