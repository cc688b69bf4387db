"""A commit's payload: a CloudEvents 1.0 JSON batch, one event for each fact.

    [{"specversion": "1.0", "id": "<commit id>/<index>", "source": "/tandem/acme/conversation/c1",
      "type": "tandem.conversation.MessageReceived.v1", "time": "2026-01-02T03:04:05.678Z",
      "subject": "c1", "datacontenttype": "application/json", "correlationid": "m1",
      "causationid": "m1", "commitid": "<commit id>", "commitnumber": 7, "commitindex": 0,
      "previoushash": "<sha256 of commit 6's payload>", "data": {<the fact's own fields>}}, ...]

The lower-case names beyond CloudEvents' own are its extension attributes. `previoushash`
stands in a commit's first event only, empty ones are left out, and a fact's fields that hold
their default are left out. The sha256 of these bytes is the commit's hash.

The codecs stay in this module behind functions: an actor class that named one could not be
pickled.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec

from events.conversation import ConversationFact, Fact
from events.knowledge import KnowledgeFact
from events.log.event_log import GENESIS_HASH, Commit, CorruptStream, Head, NewCommit, UnknownFact
from events.log.stream import Kind, StreamName
from events.log.upcast import LIFTS, Lifts, lift
from events.tenancy import TenancyFact

COMMIT_ID_MAX = 128

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIONS: dict[Kind, object] = {
    "conversation": ConversationFact,
    "knowledge": KnowledgeFact,
    "tenancy": TenancyFact,
}


class _Written(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as it is written; the order of the fields is their order in the JSON."""

    specversion: str
    id: str
    source: str
    type: str
    time: datetime
    subject: str
    datacontenttype: str
    correlationid: str = ""
    causationid: str = ""
    commitid: str
    commitnumber: int
    commitindex: int
    previoushash: str = GENESIS_HASH
    data: msgspec.Raw


class _Read(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed of an event that is read; the rest is for others."""

    type: str
    commitid: str
    commitnumber: int
    commitindex: int
    correlationid: str = ""
    causationid: str = ""
    previoushash: str = GENESIS_HASH
    data: msgspec.Raw


def _fact_classes(kind: Kind) -> tuple[type[Fact], ...]:
    union = _UNIONS[kind]
    return get_args(union) or (union,)  # type: ignore[return-value]  # a union of one is its class


def _tag(fact: type[Fact]) -> str:
    return str(fact.__struct_config__.tag)


_CLASSES = {f"tandem.{kind}.{_tag(fact)}": fact for kind in _UNIONS for fact in _fact_classes(kind)}
_TYPES = {
    (kind, fact): f"tandem.{kind}.{_tag(fact)}" for kind in _UNIONS for fact in _fact_classes(kind)
}
_DECODERS = {name: msgspec.json.Decoder(fact) for name, fact in _CLASSES.items()}
_TAGS = {fact: b'{"fact":' + msgspec.json.encode(_tag(fact)) + b"," for fact in _CLASSES.values()}
_ENCODER = msgspec.json.Encoder()
_BATCH = msgspec.json.Decoder(list[_Read])
_UNTYPED = msgspec.json.Decoder(dict[str, object])


def event_types(kind: Kind) -> dict[str, type[Fact]]:
    """The event types that a stream of `kind` may hold, and the fact of each."""
    return {f"tandem.{kind}.{_tag(fact)}": fact for fact in _fact_classes(kind)}


def encode_commit(stream: StreamName, new: NewCommit, *, after: Head) -> bytes:
    """The payload of `new` as the commit that follows `after`.

    Raises ValueError when the commit is empty, its id is not 1 to 128 characters, or a fact
    does not belong into a stream of this kind.
    """
    if not new.facts:
        raise ValueError(f"{stream.subject}: a commit holds one fact at least")
    if not 1 <= len(new.commit_id) <= COMMIT_ID_MAX:
        raise ValueError(f"{stream.subject}: a commit id has 1 to {COMMIT_ID_MAX} characters")
    return _ENCODER.encode(
        [_written(stream, new, after, index, fact) for index, fact in enumerate(new.facts)]
    )


def _written(stream: StreamName, new: NewCommit, after: Head, index: int, fact: Fact) -> _Written:
    event_type = _TYPES.get((stream.kind, type(fact)))
    if event_type is None:
        name = type(fact).__name__
        raise ValueError(f"{stream.subject}: {name} is no fact of a {stream.kind} stream")
    return _Written(
        specversion="1.0",
        id=f"{new.commit_id}/{index}",
        source=f"/tandem/{stream.tenant}/{stream.kind}/{stream.id}",
        type=event_type,
        time=_EPOCH + timedelta(milliseconds=fact.at),
        subject=stream.id,
        datacontenttype="application/json",
        correlationid=new.correlation_id,
        causationid=new.causation_id,
        commitid=new.commit_id,
        commitnumber=after.number + 1,
        commitindex=index,
        previoushash=after.hash if index == 0 else GENESIS_HASH,
        # The event's type names the fact, so the tag that msgspec writes first is cut off.
        data=msgspec.Raw(b"{" + _ENCODER.encode(fact)[len(_TAGS[type(fact)]) :]),
    )


def payload_hash(payload: bytes) -> str:
    """A commit's hash: the sha256 of its payload, in hex."""
    return hashlib.sha256(payload).hexdigest()


def stored_commit(
    stream: StreamName, new: NewCommit, *, after: Head, version: int, payload: bytes
) -> Commit:
    """What `decode_commit` would give for `payload`, without reading it again."""
    return Commit(
        stream=stream,
        version=version,
        number=after.number + 1,
        commit_id=new.commit_id,
        hash=payload_hash(payload),
        previous_hash=after.hash,
        facts=new.facts,
        correlation_id=new.correlation_id,
        causation_id=new.causation_id,
    )


def decode_commit(
    stream: StreamName, version: int, payload: bytes, *, lifts: Lifts = LIFTS
) -> Commit:
    """The commit that `payload` holds, old facts lifted by `lifts`.

    Raises UnknownFact for an event type that no class and no lift knows, CorruptStream for
    bytes that are no commit; both name the subject and the version.
    """
    try:
        events = _BATCH.decode(payload)
    except msgspec.MsgspecError as error:
        raise _unreadable(stream, version, str(error)) from error
    if not events:
        raise _unreadable(stream, version, "the batch is empty")
    first = events[0]
    for index, event in enumerate(events):
        if (event.commitid, event.commitnumber) != (first.commitid, first.commitnumber):
            raise _unreadable(stream, version, f"event {index} is of another commit")
        if event.commitindex != index:
            raise _unreadable(stream, version, f"event {event.commitindex} stands at {index}")
    return Commit(
        stream=stream,
        version=version,
        number=first.commitnumber,
        commit_id=first.commitid,
        hash=payload_hash(payload),
        previous_hash=first.previoushash,
        facts=tuple(_fact(stream, version, event, lifts) for event in events),
        correlation_id=first.correlationid,
        causation_id=first.causationid,
    )


def _fact(stream: StreamName, version: int, event: _Read, lifts: Lifts) -> Fact:
    try:
        if event.type in lifts:
            name, data = lift(event.type, _UNTYPED.decode(event.data), lifts)
            if name in _CLASSES:
                return msgspec.convert(data, _CLASSES[name])
        elif event.type in _DECODERS:
            return _DECODERS[event.type].decode(event.data)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(stream, version, f"{event.type}: {error!r}") from error
    raise UnknownFact(
        f"{stream.subject}: version {version} holds {event.type}, which this program does not know"
    )


def _unreadable(stream: StreamName, version: int, why: str) -> CorruptStream:
    return CorruptStream(f"{stream.subject}: version {version} cannot be read: {why}")
