"""What a visitor may see of a commit and of a live frame: pure, for every way out.

Live sockets, catching up, HTTP and server-sent events all go through `visible`. Whatever
it does not name stays inside: guard findings, costs, confidence, reasons for a handoff
and their evidence, epochs, retrieval scores, operators' notes, drafts and who approved them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from events.conversation import (
    AnswerRated,
    AnswerRecorded,
    ConversationReopened,
    ConversationResolved,
    Fact,
    HandoffRequested,
    MessageReceived,
    ModeChanged,
    NoticePosted,
    OperatorReplied,
    Source,
    TurnFailed,
)
from events.live.frames import Delta, LiveFrame, Typing
from events.log.event_log import Commit
from serve_apps.gateway.shared.feed import Place
from serve_apps.gateway.shared.live_frame_state import Standing
from serve_apps.gateway.shared.safe_html import from_markdown
from serve_apps.gateway.visitors.frames import (
    AssistantMessage,
    DeltaFrame,
    EventFrame,
    ModeEvent,
    NoticeEvent,
    OperatorMessage,
    Rated,
    ServerFrame,
    SourceFrame,
    StatusEvent,
    TurnFailedEvent,
    TypingNotice,
    VisitorMessage,
)
from serve_apps.generation.extractive import MODEL as EXTRACTIVE_MODEL


def visible(commit: Commit) -> tuple[EventFrame, ...]:
    """The events of `commit` that its visitor may see, in order; often none."""
    frames = (_frame(fact, commit.version, index) for index, fact in enumerate(commit.facts))
    return tuple(frame for frame in frames if frame is not None)


def passed(frame: LiveFrame, standing: Standing) -> ServerFrame | None:
    """What of a live frame a visitor may see, while the conversation stands so.

    The AI is seen at work only while its turn is open and nobody looks over it, so that nothing
    of an answer appears once a person took over, whoever still publishes it. An operator's typing
    is seen once the conversation is theirs; a visitor's own is no news.
    """
    match frame:
        case Delta() if standing.mode == "ai" and frame.turn == standing.turn:
            return DeltaFrame(turn=frame.turn, index=frame.index, text=frame.text)
        case Typing(who="assistant" | "operator" as who, on=False):
            return TypingNotice(who=who, on=False)
        case Typing(who="assistant") if standing.mode == "ai" and standing.turn:
            return TypingNotice(who="assistant", on=True)
        case Typing(who="operator") if frame.operator == standing.operator:
            return TypingNotice(who="operator", on=True, operator_name=frame.operator_name)
        case _:
            return None


class VisitorView:
    """A `feed.View`: what a visitor is shown of a conversation."""

    def __init__(self, heard: Callable[[LiveFrame], None] | None = None) -> None:
        """`heard` is told of every live frame, shown or not."""
        self._heard = heard

    def of_commit(self, commit: Commit, seen: Place) -> Iterable[ServerFrame]:
        return (frame for frame in visible(commit) if seen.before(frame.version, frame.index))

    def of_live(self, frame: LiveFrame, standing: Standing) -> Iterable[ServerFrame]:
        if self._heard is not None:
            self._heard(frame)
        shown = passed(frame, standing)
        return () if shown is None else (shown,)


def _frame(fact: Fact, version: int, index: int) -> EventFrame | None:
    at = fact.at
    match fact:
        case MessageReceived():
            return VisitorMessage(
                version=version, index=index, at=at,
                kind="visitor_message", message=fact.message, text=fact.text,
            )  # fmt: skip
        case AnswerRecorded():
            return _assistant_message(fact, version, index)
        case OperatorReplied():
            return OperatorMessage(
                version=version, index=index, at=at, kind="operator_message",
                message=fact.message, text=fact.text, html=fact.html,
                operator=fact.operator, operator_name=fact.operator_name,
            )  # fmt: skip
        case ModeChanged():
            return ModeEvent(
                version=version, index=index, at=at, kind="mode", mode=fact.mode,
                operator=fact.operator or None, operator_name=fact.operator_name,
            )  # fmt: skip
        case HandoffRequested():
            return ModeEvent(version=version, index=index, at=at, kind="mode", handoff="requested")
        case NoticePosted():
            return NoticeEvent(
                version=version, index=index, at=at, kind="notice",
                message=fact.message, notice=fact.notice, text=fact.text,
                operator_name=fact.operator_name, place=fact.place,
            )  # fmt: skip
        case ConversationResolved():
            return StatusEvent(
                version=version, index=index, at=at, kind="status", status="resolved"
            )
        case ConversationReopened():
            return StatusEvent(version=version, index=index, at=at, kind="status", status="open")
        case AnswerRated():
            return Rated(version=version, index=index, at=at, kind="rated", score=fact.score)
        case TurnFailed(supervised=False):
            return TurnFailedEvent(
                version=version, index=index, at=at,
                kind="turn_failed", in_reply_to=fact.in_reply_to, reason=fact.reason,
            )  # fmt: skip
        case _:
            return None


def _assistant_message(fact: AnswerRecorded, version: int, index: int) -> AssistantMessage:
    return AssistantMessage(
        version=version,
        index=index,
        at=fact.at,
        kind="assistant_message",
        message=fact.message,
        text=fact.text,
        html=fact.html or _rendered(fact),
        in_reply_to=fact.in_reply_to,
        sources=tuple(_source(source) for source in fact.sources),
        answer=fact.kind,
    )


def _rendered(fact: AnswerRecorded) -> str:
    """Safe HTML of what a model wrote, for models write Markdown. Quotes and our own sentences are
    plain text, which a client shows as it is."""
    if fact.kind != "answer" or fact.cost.model in ("", EXTRACTIVE_MODEL):
        return ""
    return from_markdown(fact.text)


def _source(source: Source) -> SourceFrame:
    return SourceFrame(
        n=source.n,
        title=source.title,
        quote=source.quote,
        chunk=source.chunk,
        url=source.url,
        place=source.place,
        version=source.version,
    )
