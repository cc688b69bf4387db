"""The frames of the operator's socket, version 1 (docs/operator-api.md).

What an operator asks of a conversation is one closed union, `Order`, over the socket and over
HTTP alike. The socket is JSON in text frames, subprotocol `tandem.operator.v1.json`. Times are
milliseconds since 1970, UTC; fields without a value are left out.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from events.conversation import ConversationFact, Mode
from events.tenancy import Role

SUBPROTOCOL = "tandem.operator.v1.json"

Ident = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
DraftId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
"""Made of an id that a client gave, which has 64 characters at most, and is longer by that."""
Place = Annotated[int, Meta(ge=0, le=2**53)]
Text = Annotated[str, Meta(min_length=1, max_length=4000)]


# What an operator asks of a conversation.


class OrderStruct(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the orders. `id` is the idempotency key: the same order again changes nothing.
    `conversation` is taken from the path over HTTP."""

    id: Ident
    conversation: Ident = ""


class TakeOverOrder(OrderStruct, frozen=True, kw_only=True, tag="take_over"):
    """`epoch` is the one that the operator saw. `openly` takes it from the colleague who has it."""

    epoch: Place
    openly: bool = False


class SuperviseOrder(OrderStruct, frozen=True, kw_only=True, tag="supervise"):
    epoch: Place
    openly: bool = False


class ReleaseOrder(OrderStruct, frozen=True, kw_only=True, tag="release"):
    epoch: Place
    to: Literal["ai", "queue"] = "ai"


class ReplyOrder(OrderStruct, frozen=True, kw_only=True, tag="reply"):
    """`id` becomes the message's id."""

    epoch: Place
    text: Text


class NoteOrder(OrderStruct, frozen=True, kw_only=True, tag="note"):
    text: Text


class ApproveOrder(OrderStruct, frozen=True, kw_only=True, tag="approve"):
    """Publish the draft; with `text`, that in its place."""

    epoch: Place
    draft: DraftId
    text: Annotated[str, Meta(max_length=4000)] = ""


class RejectOrder(OrderStruct, frozen=True, kw_only=True, tag="reject"):
    epoch: Place
    draft: DraftId
    reason: Annotated[str, Meta(min_length=1, max_length=500)]


class ResolveOrder(OrderStruct, frozen=True, kw_only=True, tag="resolve"):
    epoch: Place


class ReopenOrder(OrderStruct, frozen=True, kw_only=True, tag="reopen"):
    pass


Order = (
    TakeOverOrder
    | SuperviseOrder
    | ReleaseOrder
    | ReplyOrder
    | NoteOrder
    | ApproveOrder
    | RejectOrder
    | ResolveOrder
    | ReopenOrder
)


# What else a console sends.


class OperatorFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of the other frames. Fields we do not know are ignored."""


class Hello(OperatorFrame, frozen=True, kw_only=True, tag="hello"):
    """First; and again with a fresh token before the old one ends."""

    token: Annotated[str, Meta(max_length=4096)]


class Watch(OperatorFrame, frozen=True, kw_only=True, tag="watch"):
    """Send this conversation's commits after the version `after`, then what comes."""

    conversation: Ident
    after: Place = 0


class Unwatch(OperatorFrame, frozen=True, kw_only=True, tag="unwatch"):
    conversation: Ident


class OperatorTyping(OperatorFrame, frozen=True, kw_only=True, tag="typing"):
    conversation: Ident
    on: bool


class Ping(OperatorFrame, frozen=True, kw_only=True, tag="ping"):
    at: int | float


ConsoleFrame = Order | Hello | Watch | Unwatch | OperatorTyping | Ping


# What the server sends.


class ServerFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Base of all that the server sends to a console."""


class OperatorView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in."""

    operator: str
    email: str
    name: str
    role: Role
    tenant: str
    company: str


class OperatorWelcome(ServerFrame, frozen=True, kw_only=True, tag="welcome"):
    """`expires_at`: say hello with a fresh token before. The board follows the first welcome."""

    me: OperatorView
    expires_at: int


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A conversation as the queue shows it, at `version`. See `read_models.queue.QueueRow`."""

    conversation: str
    version: int
    visitor: str = ""
    channel: str = ""
    locale: str = ""
    started_at: int
    last_at: int
    last_text: str = ""
    last_who: Literal["", "visitor", "assistant", "operator", "system"] = ""
    messages: int = 0
    unanswered: int = 0
    """The visitor's messages since anybody answered."""
    status: Literal["open", "resolved"] = "open"
    mode: Mode = "ai"
    epoch: int = 1
    operator: str = ""
    operator_name: str = ""
    waiting_since: int | None = None
    """When a person was asked for, while none has come."""
    reason: str = ""
    """Of the handoff that waits or was taken last."""
    evidence: str = ""
    draft: str = ""
    """The draft that waits for a decision."""
    handoffs: int = 0
    rating: int | None = None
    resolved_at: int | None = None


class Board(ServerFrame, frozen=True, kw_only=True, tag="board"):
    """All open conversations, those that wait longest first, then the newest; 500 at most.
    Sent after `welcome`, and again when the server cannot tell what was missed."""

    rows: tuple[Row, ...]


class RowChanged(ServerFrame, frozen=True, kw_only=True, tag="row"):
    """Replaces the row of its conversation when its version is higher."""

    row: Row


class CommitFrame(ServerFrame, frozen=True, kw_only=True, tag="commit"):
    """One commit of a watched conversation, whole and in order, each once."""

    conversation: str
    version: int
    number: int
    commit: str
    hash: str
    previous_hash: str
    correlation: str = ""
    causation: str = ""
    facts: tuple[ConversationFact, ...]


class Watched(ServerFrame, frozen=True, kw_only=True, tag="watched"):
    """What was missed has been sent; `version` is where the conversation stands."""

    conversation: str
    version: int


class OperatorDelta(ServerFrame, frozen=True, kw_only=True, tag="delta"):
    conversation: str
    turn: str
    index: int
    text: str


class TypingShown(ServerFrame, frozen=True, kw_only=True, tag="typing"):
    conversation: str
    who: Literal["visitor", "assistant", "operator"]
    on: bool
    operator_name: str = ""


class PresentShown(ServerFrame, frozen=True, kw_only=True, tag="present"):
    """Whether the visitor or a colleague looks on. `version` is what the visitor's page has
    shown: what an operator wrote up to there is delivered."""

    conversation: str
    who: Literal["visitor", "operator"]
    on: bool
    version: int = 0
    operator: str = ""
    operator_name: str = ""


class OrderAccepted(ServerFrame, frozen=True, kw_only=True, tag="accepted"):
    """Durable, in the commit `version`."""

    id: str
    version: int
    duplicate: bool = False


class OrderRejected(ServerFrame, frozen=True, kw_only=True, tag="rejected"):
    """Not done. After `unavailable` it may be done yet: send the same id again."""

    id: str
    code: str
    detail: str


class OperatorError(ServerFrame, frozen=True, kw_only=True, tag="error"):
    """`conversation` where it is about one: it is not watched (any more)."""

    code: str
    detail: str
    conversation: str = ""


class Pong(ServerFrame, frozen=True, kw_only=True, tag="pong"):
    at: int | float
