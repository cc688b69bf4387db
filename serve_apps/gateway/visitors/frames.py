"""The frames of protocol version 1, and their two codecs (docs/protocol.md).

A frame has a `type`. What a client sends is one closed union, `ClientFrame`; what the
server sends is one struct a `type`, and one a `kind` for the events of a conversation.
Fields that have no value are left out. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from events.conversation import Mode, Notice
from events.conversation import Place as DocumentPlace
from serve_apps.gateway.shared.codec import Codec, JsonCodec, MsgpackCodec

JSON_SUBPROTOCOL = "tandem.v1.json"
MSGPACK_SUBPROTOCOL = "tandem.v1.msgpack"


# What a client sends.

Place = Annotated[int, Meta(ge=0, le=2**53)]
Locale = Annotated[str, Meta(pattern=r"^([A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,4})?$", max_length=35)]
ClientClock = (
    Annotated[int, Meta(ge=-(2**53), le=2**53)] | Annotated[float, Meta(ge=-1e18, le=1e18)]
)


class ClientStruct(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the client's frames. Fields we do not know are ignored: a newer client may talk."""


class Hello(ClientStruct, frozen=True, kw_only=True, tag="hello"):
    """`after` is the version of the last event seen and `after_index` its index in the
    commit; without the index the whole commit was seen. `fresh` with a `token` begins a new
    conversation of the same visitor."""

    key: Annotated[str, Meta(max_length=128)]
    token: Annotated[str, Meta(max_length=2048)] | None = None
    conversation: Annotated[str, Meta(max_length=64)] | None = None
    after: Place | None = None
    after_index: Place | None = None
    locale: Locale | None = None
    fresh: bool = False


class MessageFrame(ClientStruct, frozen=True, kw_only=True, tag="message"):
    id: str
    text: str


class TypingFrame(ClientStruct, frozen=True, kw_only=True, tag="typing"):
    on: bool


class HandoffFrame(ClientStruct, frozen=True, kw_only=True, tag="handoff"):
    pass


class RateFrame(ClientStruct, frozen=True, kw_only=True, tag="rate"):
    score: Annotated[int, Meta(ge=1, le=5)]


class SeenFrame(ClientStruct, frozen=True, kw_only=True, tag="seen"):
    """The page has shown all events up to `version`."""

    version: Place


class PingFrame(ClientStruct, frozen=True, kw_only=True, tag="ping"):
    """`at` is the client's own clock and comes back unchanged."""

    at: ClientClock


ClientFrame = Hello | MessageFrame | TypingFrame | HandoffFrame | RateFrame | SeenFrame | PingFrame


# What the server sends.


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Base of all that the server sends."""


class WelcomeLimits(msgspec.Struct, frozen=True, kw_only=True):
    message_chars: int
    frame_bytes: int
    unacknowledged: int


class Welcome(ServerFrame, frozen=True, kw_only=True, tag="welcome"):
    """`version` is where the conversation stands; events up to it follow at once."""

    conversation: str
    token: str
    version: int
    mode: Mode
    limits: WelcomeLimits
    company: str


class AcceptedFrame(ServerFrame, frozen=True, kw_only=True, tag="accepted"):
    id: str
    version: int


class RejectedFrame(ServerFrame, frozen=True, kw_only=True, tag="rejected"):
    """Not done. With code `unavailable` it may be done yet: send the same id again."""

    id: str
    code: str
    detail: str


class ErrorFrame(ServerFrame, frozen=True, kw_only=True, tag="error"):
    code: str
    detail: str


class DeltaFrame(ServerFrame, frozen=True, kw_only=True, tag="delta"):
    turn: str
    index: int
    text: str


class TypingNotice(ServerFrame, frozen=True, kw_only=True, tag="typing"):
    who: Literal["assistant", "operator"]
    on: bool
    operator_name: str = ""


class QueueFrame(ServerFrame, frozen=True, kw_only=True, tag="queue"):
    """The visitor's place among those who wait for a person, from 1; 0 when it waits no more."""

    place: int


class Pong(ServerFrame, frozen=True, kw_only=True, tag="pong"):
    at: int | float


# The events of a conversation, as a visitor may see them.


class EventFrame(ServerFrame, frozen=True, kw_only=True, tag="event"):
    """Base of the events. (`version`, `index`) is an event's place, and orders all of them."""

    version: int
    index: int
    at: int


class SourceFrame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    n: int
    title: str
    quote: str
    chunk: str
    url: str = ""
    place: DocumentPlace | None = None
    version: int = 0
    """The document's version, where one is known."""


class VisitorMessage(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["visitor_message"]
    message: str
    text: str


class AssistantMessage(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["assistant_message"]
    message: str
    text: str
    html: str
    in_reply_to: tuple[str, ...]
    sources: tuple[SourceFrame, ...]
    answer: Literal["answer", "unknown", "smalltalk"]


class OperatorMessage(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["operator_message"]
    message: str
    text: str
    html: str
    operator: str
    operator_name: str = ""


class ModeEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    """`handoff` alone: a person was asked for, and who speaks has not changed yet."""

    kind: Literal["mode"]
    mode: Mode | None = None
    handoff: Literal["requested"] | None = None
    operator: str | None = None
    operator_name: str = ""


class NoticeEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    """What the house itself says to the visitor, such as that a person has joined."""

    kind: Literal["notice"]
    message: str
    notice: Notice
    text: str
    operator_name: str = ""
    place: int = 0


class StatusEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["status"]
    status: Literal["open", "resolved"]


class Rated(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["rated"]
    score: int


class TurnFailedEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["turn_failed"]
    in_reply_to: tuple[str, ...]
    reason: str


CODECS: dict[str, Codec[ClientFrame]] = {
    JSON_SUBPROTOCOL: JsonCodec[ClientFrame](JSON_SUBPROTOCOL, ClientFrame),
    MSGPACK_SUBPROTOCOL: MsgpackCodec[ClientFrame](MSGPACK_SUBPROTOCOL, ClientFrame),
}


def to_json(frames: ServerFrame | tuple[ServerFrame, ...]) -> bytes:
    """One frame, or a list of them, as UTF-8 JSON: for HTTP and server-sent events."""
    return msgspec.json.encode(frames)
