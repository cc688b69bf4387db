"""The frames of protocol version 1, and their two codecs (docs/protocol.md).

A frame has a `type`. What a client sends is one closed union, `ClientFrame`; what the
server sends is one struct a `type`, and one a `kind` for the events of a conversation.
Fields that have no value are left out. Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta

from events.conversation import Mode

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
    commit; without the index the whole commit was seen."""

    key: Annotated[str, Meta(max_length=128)]
    token: Annotated[str, Meta(max_length=2048)] | None = None
    conversation: Annotated[str, Meta(max_length=64)] | None = None
    after: Place | None = None
    after_index: Place | None = None
    locale: Locale | None = None


class MessageFrame(ClientStruct, frozen=True, kw_only=True, tag="message"):
    id: str
    text: str


class TypingFrame(ClientStruct, frozen=True, kw_only=True, tag="typing"):
    on: bool


class HandoffFrame(ClientStruct, frozen=True, kw_only=True, tag="handoff"):
    pass


class RateFrame(ClientStruct, frozen=True, kw_only=True, tag="rate"):
    score: Annotated[int, Meta(ge=1, le=5)]


class PingFrame(ClientStruct, frozen=True, kw_only=True, tag="ping"):
    """`at` is the client's own clock and comes back unchanged."""

    at: ClientClock


ClientFrame = Hello | MessageFrame | TypingFrame | HandoffFrame | RateFrame | PingFrame


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


class ModeEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    """`handoff` alone: a person was asked for, and who speaks has not changed yet."""

    kind: Literal["mode"]
    mode: Mode | None = None
    handoff: Literal["requested"] | None = None
    operator: str | None = None


class Rated(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["rated"]
    score: int


class TurnFailedEvent(EventFrame, frozen=True, kw_only=True, tag="event"):
    kind: Literal["turn_failed"]
    in_reply_to: tuple[str, ...]
    reason: str


class BadFrame(Exception):
    """A frame that cannot be read: `code` is stable, `detail` says what was wrong with it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class Codec(Protocol):
    """How frames of one subprotocol stand on the wire."""

    subprotocol: str

    def decode(self, data: str | bytes) -> ClientFrame:
        """Raises BadFrame."""
        ...

    def encode(self, frame: ServerFrame) -> str | bytes:
        """Text for a text frame, bytes for a binary one."""
        ...


def _known_types() -> frozenset[str]:
    structs: tuple[type[msgspec.Struct], ...] = ClientFrame.__args__
    return frozenset(str(struct.__struct_config__.tag) for struct in structs)


_KNOWN_TYPES = _known_types()


def _bad_frame(raw: Any, error: Exception) -> BadFrame:
    """The code for a frame that was readable, but is none of ours."""
    if not isinstance(raw, dict) or not isinstance(raw.get("type"), str):
        return BadFrame("bad_frame", "a frame is an object with a string `type`")
    if raw["type"] not in _KNOWN_TYPES:
        known = ", ".join(sorted(_KNOWN_TYPES))
        return BadFrame("unknown_type", f"unknown type {raw['type'][:40]!r}; known are {known}")
    return BadFrame("bad_field", f"{raw['type']}: {error}")


class JsonCodec:
    """Text frames of JSON."""

    subprotocol = JSON_SUBPROTOCOL

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(ClientFrame)
        self._encoder = msgspec.json.Encoder()

    def decode(self, data: str | bytes) -> ClientFrame:
        if not isinstance(data, str):
            raise BadFrame("bad_frame", f"{self.subprotocol} takes text frames, got a binary one")
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _bad_frame(_untyped(msgspec.json.decode, data), error) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadFrame("bad_json", f"not JSON: {error}") from None

    def encode(self, frame: ServerFrame) -> str | bytes:
        return self._encoder.encode(frame).decode()


class MsgpackCodec:
    """Binary frames of MessagePack, with the same field names as JSON."""

    subprotocol = MSGPACK_SUBPROTOCOL

    def __init__(self) -> None:
        self._decoder = msgspec.msgpack.Decoder(ClientFrame)
        self._encoder = msgspec.msgpack.Encoder()

    def decode(self, data: str | bytes) -> ClientFrame:
        if not isinstance(data, bytes):
            raise BadFrame("bad_frame", f"{self.subprotocol} takes binary frames, got a text one")
        try:
            return self._decoder.decode(data)
        except msgspec.ValidationError as error:
            raise _bad_frame(_untyped(msgspec.msgpack.decode, data), error) from None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadFrame("bad_msgpack", f"not MessagePack: {error}") from None

    def encode(self, frame: ServerFrame) -> str | bytes:
        return self._encoder.encode(frame)


def _untyped(decode: Callable[[Any], Any], data: str | bytes) -> Any:
    """What `data` holds, or None where it holds what Python cannot: deep nests, odd keys."""
    try:
        return decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, TypeError, ValueError):
        return None


CODECS: dict[str, Codec] = {codec.subprotocol: codec for codec in (JsonCodec(), MsgpackCodec())}


def to_json(frames: ServerFrame | tuple[ServerFrame, ...]) -> bytes:
    """One frame, or a list of them, as UTF-8 JSON: for HTTP and server-sent events."""
    return msgspec.json.encode(frames)
