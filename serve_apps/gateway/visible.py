"""What a visitor may see of a commit: one pure function, for every way out.

Live sockets, catching up, HTTP and server-sent events all go through `visible`. Whatever
it does not name stays inside: guard findings, costs, confidence, reasons for a handoff
and their evidence, epochs, retrieval scores.
"""

from __future__ import annotations

from events.conversation import (
    AnswerRated,
    AnswerRecorded,
    Fact,
    HandoffRequested,
    MessageReceived,
    Mode,
    ModeChanged,
    OperatorReplied,
    Source,
    TurnFailed,
)
from events.log import Commit
from serve_apps.gateway.frames import (
    AssistantMessage,
    EventFrame,
    ModeEvent,
    OperatorMessage,
    Rated,
    SourceFrame,
    TurnFailedEvent,
    VisitorMessage,
)
from serve_apps.generation.extractive import MODEL as EXTRACTIVE_MODEL
from serve_apps.safe_html import from_markdown


def visible(commit: Commit) -> tuple[EventFrame, ...]:
    """The events of `commit` that its visitor may see, in order; often none."""
    frames = (_frame(fact, commit.version, index) for index, fact in enumerate(commit.facts))
    return tuple(frame for frame in frames if frame is not None)


def mode_after(commit: Commit, before: Mode) -> Mode:
    """Who speaks after `commit`, when it was `before`."""
    for fact in commit.facts:
        if isinstance(fact, ModeChanged):
            before = fact.mode
    return before


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
                message=fact.message, text=fact.text, html=fact.html, operator=fact.operator,
            )  # fmt: skip
        case ModeChanged():
            return ModeEvent(
                version=version, index=index, at=at,
                kind="mode", mode=fact.mode, operator=fact.operator or None,
            )  # fmt: skip
        case HandoffRequested():
            return ModeEvent(version=version, index=index, at=at, kind="mode", handoff="requested")
        case AnswerRated():
            return Rated(version=version, index=index, at=at, kind="rated", score=fact.score)
        case TurnFailed():
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
        n=source.n, title=source.title, quote=source.quote, chunk=source.chunk, url=source.url
    )
