"""The facts of a conversation: one closed union, nothing else may happen in it.

Every fact is immutable, in the past tense, and carries all that `evolve` needs.
Times are whole milliseconds since 1970 in UTC; ids come in with the command.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["ai", "human", "supervised"]
TurnEnd = Literal["superseded", "taken_over", "handed_off", "closed"]
AnswerKind = Literal["answer", "unknown", "smalltalk"]
HandoffReason = Literal[
    "visitor_asked",  # pressed the button
    "visitor_words",  # said so, in whatever words
    "distress",  # anger or distress
    "low_confidence",
    "guard",  # the guard let nothing, or too little, of an answer through
    "unanswered_turns",
    "authority",  # an action that only a person may take
    "operator_choice",
    "lease_lapsed",  # the operator who had it is gone
]
Notice = Literal[
    "handoff_queued",  # a person was asked for; the AI goes on meanwhile, or is silent
    "handoff_away",  # a person was asked for, outside of the hours
    "operator_joined",
    "operator_changed",
    "operator_left",  # its lease lapsed: queued again, or back to the AI
    "assistant_back",
    "supervised",  # from here on a person looks over what the AI writes
    "resolved",
    "reopened",
]


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact", omit_defaults=True):
    """Base of all facts: `at` is when the decision was taken (ms since 1970, UTC)."""

    at: int


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where in a document a text stands, as its readers count: pages, slides and rows from 1.

    What a document does not have stays empty. A spreadsheet's row has its sheet beside it.
    """

    page: int = 0
    slide: int = 0
    sheet: str = ""
    row: int = 0
    anchor: str = ""
    """The fragment of a web page (`#` left out)."""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The exact text that a claim was drawn from, as it stood then."""

    n: int
    """The number the answer's text cites it by, from 1."""
    chunk: str
    document: str
    title: str
    quote: str
    url: str = ""
    score: float = 0.0
    place: Place | None = None
    version: int = 0
    """The document's version (its `DocumentSubmitted` in the log); 0 where none is known."""


class TurnCost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a turn took and what it stood on. Latencies are milliseconds by stage name (`embed`,
    `search`, ...)."""

    model: str = ""
    prompt_version: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    latency_ms: dict[str, float] = {}
    knowledge: int = 0
    """The version of the tenant's knowledge that was searched: what was found is found again by
    a search as of this version. 0: nothing was searched."""
    space: str = ""
    """The embedding space that it was searched in."""
    searched: str = ""
    """What was searched for, where that is not what the visitor wrote: a follow-up with what it
    refers to."""


class ConversationStarted(Fact, frozen=True, kw_only=True, tag="ConversationStarted.v1"):
    tenant: str
    conversation: str
    locale: str = ""
    channel: str = "widget"
    visitor: str = ""
    """The same for all conversations of one browser; empty before visitors had one."""


class MessageReceived(Fact, frozen=True, kw_only=True, tag="MessageReceived.v1"):
    """`message` is the client's own id: the idempotency key."""

    message: str
    text: str
    locale: str = ""


class TurnBegun(Fact, frozen=True, kw_only=True, tag="TurnBegun.v1"):
    """The AI owes one answer to all of `answers` (message ids, oldest first)."""

    turn: str
    epoch: int
    answers: tuple[str, ...]


class TurnResumed(Fact, frozen=True, kw_only=True, tag="TurnResumed.v1"):
    """Begun and not ended when its host died: asked again, for the `attempt`-th time."""

    turn: str
    attempt: int


class TurnCancelled(Fact, frozen=True, kw_only=True, tag="TurnCancelled.v1"):
    turn: str
    reason: TurnEnd


class AnswerRecorded(Fact, frozen=True, kw_only=True, tag="AnswerRecorded.v1"):
    """The one answer of `turn`. `kind` says what the guard let through."""

    turn: str
    epoch: int
    message: str
    text: str
    in_reply_to: tuple[str, ...]
    html: str = ""
    kind: AnswerKind = "answer"
    locale: str = ""
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    guard: dict[str, str | float | bool] = {}
    cost: TurnCost = TurnCost()
    draft: str = ""
    """The draft it was, where a person had to approve it."""
    approved_by: str = ""
    """That person's operator id."""


class TurnFailed(Fact, frozen=True, kw_only=True, tag="TurnFailed.v1"):
    turn: str
    epoch: int
    in_reply_to: tuple[str, ...]
    reason: str
    detail: str = ""
    supervised: bool = False
    """A person looks over the AI: the visitor is not told of the failure, and still waits."""


class ConversationSummarized(Fact, frozen=True, kw_only=True, tag="ConversationSummarized.v1"):
    """A model's summary of what fell out of the window replaces the extractive one."""

    text: str
    through: str
    """The last message id that the summary covers."""


class HandoffRequested(Fact, frozen=True, kw_only=True, tag="HandoffRequested.v1"):
    """A person is wanted. `evidence` is what it rests on, in words a person can check: the
    visitor's own, or the figure and its threshold."""

    epoch: int
    reason: HandoffReason
    evidence: str = ""
    message: str = ""
    """The visitor's message that the evidence is in; empty where it is none's."""
    score: float = 0.0
    """How sure, 0 to 1, where something was measured."""
    silent: bool = False
    """The AI says nothing until a person came, by the tenant's policy."""


class NoticePosted(Fact, frozen=True, kw_only=True, tag="NoticePosted.v1"):
    """What the house itself told the visitor, in the visitor's language: never a silent switch."""

    message: str
    notice: Notice
    text: str
    locale: str
    operator: str = ""
    operator_name: str = ""
    place: int = 0
    """Place in the queue when it was posted, from 1; 0 where there is none."""


class ModeChanged(Fact, frozen=True, kw_only=True, tag="ModeChanged.v1"):
    """Who speaks from now on; each change starts a new epoch. In `human` and `supervised` the
    operator owns the conversation; a supervised one without an operator is any operator's."""

    mode: Mode
    epoch: int
    reason: str
    operator: str = ""
    operator_name: str = ""
    previous: str = ""
    """The operator who had it before, when another took it, its lease lapsed, or (in `supervised`,
    where `operator` would own it) they passed it on."""


class OperatorReplied(Fact, frozen=True, kw_only=True, tag="OperatorReplied.v1"):
    message: str
    operator: str
    epoch: int
    text: str
    html: str = ""
    operator_name: str = ""


class NoteAdded(Fact, frozen=True, kw_only=True, tag="NoteAdded.v1"):
    """For operators only: neither the visitor nor the AI ever sees it."""

    note: str
    operator: str
    text: str
    operator_name: str = ""


class DraftProposed(Fact, frozen=True, kw_only=True, tag="DraftProposed.v1"):
    """The answer of `turn`, waiting for a person: the turn has ended, the visitor still waits."""

    draft: str
    turn: str
    epoch: int
    text: str
    in_reply_to: tuple[str, ...]
    kind: AnswerKind = "answer"
    locale: str = ""
    sources: tuple[Source, ...] = ()
    confidence: float = 0.0
    guard: dict[str, str | float | bool] = {}
    cost: TurnCost = TurnCost()


class DraftApproved(Fact, frozen=True, kw_only=True, tag="DraftApproved.v1"):
    """`text` is what goes out; `edit_distance` is Levenshtein's, in characters, to the draft.
    The AnswerRecorded of the same commit publishes it."""

    draft: str
    operator: str
    epoch: int
    text: str
    edit_distance: int = 0
    operator_name: str = ""


class DraftRejected(Fact, frozen=True, kw_only=True, tag="DraftRejected.v1"):
    """It will never be published; the visitor's messages are still unanswered."""

    draft: str
    operator: str
    epoch: int
    reason: str
    operator_name: str = ""


class DraftVoided(Fact, frozen=True, kw_only=True, tag="DraftVoided.v1"):
    """Overtaken before anyone decided on it."""

    draft: str
    reason: Literal["visitor_wrote", "operator_replied", "mode_changed", "resolved"]


class ConversationResolved(Fact, frozen=True, kw_only=True, tag="ConversationResolved.v1"):
    operator: str
    operator_name: str = ""


class ConversationReopened(Fact, frozen=True, kw_only=True, tag="ConversationReopened.v1"):
    """By an operator, or (`operator` empty) because the visitor wrote again."""

    operator: str = ""


class AnswerRated(Fact, frozen=True, kw_only=True, tag="AnswerRated.v1"):
    """The visitor's score, 1 to 5, for the conversation so far."""

    score: int


ConversationFact = (
    ConversationStarted
    | MessageReceived
    | TurnBegun
    | TurnResumed
    | TurnCancelled
    | AnswerRecorded
    | TurnFailed
    | ConversationSummarized
    | HandoffRequested
    | NoticePosted
    | ModeChanged
    | OperatorReplied
    | NoteAdded
    | DraftProposed
    | DraftApproved
    | DraftRejected
    | DraftVoided
    | ConversationResolved
    | ConversationReopened
    | AnswerRated
)
