"""A person decides on what the AI drafted: as it is, mended, or not at all. Pure."""

from __future__ import annotations

from typing import Literal

from rapidfuzz.distance import Levenshtein

from actors.conversation import commands as c
from actors.conversation.rules.preconditions import (
    OPERATOR_CHARS,
    not_owner,
    not_started,
    unusable_text,
)
from actors.conversation.state import Decision, Draft, State
from actors.speech.sentences import CITATION
from events import conversation as e
from events.conversation import Source

REASON_CHARS = 500


def approve(state: State, command: c.ApproveDraft) -> Decision:
    """What is published is an answer of the AI's turn; who approved it stands with it."""
    draft = _the_draft(state, command, "approved")
    if not isinstance(draft, Draft):
        return draft
    text = command.text or draft.text
    if command.text and (refused := unusable_text(command.text, OPERATOR_CHARS)):
        return refused
    edited = text != draft.text
    return (
        e.DraftApproved(
            at=command.at,
            draft=draft.draft,
            operator=command.operator,
            epoch=state.epoch,
            text=text,
            edit_distance=Levenshtein.distance(draft.text, text) if edited else 0,
            operator_name=command.operator_name,
        ),
        e.AnswerRecorded(
            at=command.at,
            turn=draft.turn,
            epoch=state.epoch,
            message=f"answer-{draft.turn}",
            text=text,
            in_reply_to=draft.in_reply_to,
            # An "I don't know" that a person has rewritten is an answer.
            kind="answer" if edited else draft.kind,
            locale=draft.locale,
            sources=_still_cited(text, draft.sources) if edited else draft.sources,
            confidence=draft.confidence,
            guard=draft.guard,
            cost=draft.cost,
            draft=draft.draft,
            approved_by=command.operator,
        ),
    )


def reject(state: State, command: c.RejectDraft) -> Decision:
    draft = _the_draft(state, command, "rejected")
    if not isinstance(draft, Draft):
        return draft
    if refused := unusable_text(command.reason, REASON_CHARS):
        return refused
    return (
        e.DraftRejected(
            at=command.at,
            draft=draft.draft,
            operator=command.operator,
            epoch=state.epoch,
            reason=command.reason,
            operator_name=command.operator_name,
        ),
    )


def _the_draft(
    state: State,
    command: c.ApproveDraft | c.RejectDraft,
    end: Literal["approved", "rejected"],
) -> Draft | c.Accepted | c.Refused:
    if refused := not_started(state):
        return refused
    ended = state.ended_draft
    if ended and ended.draft == command.draft:
        if (ended.end, ended.operator) == (end, command.operator):
            return c.Accepted(version=state.version, duplicate=True)
        by = f" by {ended.operator_name or ended.operator}" if ended.operator else ""
        return c.Refused(code="draft_over", detail=f"this draft was {ended.end}{by}")
    if refused := not_owner(state, command, or_nobody=True):
        return refused
    if state.draft is None or state.draft.draft != command.draft:
        return c.Refused(code="draft_over", detail=f"{command.draft} waits for nobody")
    return state.draft


def _still_cited(text: str, sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Rule 9: only what the text still points to is its source."""
    cited = {int(n) for group in CITATION.findall(text) for n in group.replace(";", ",").split(",")}
    return tuple(source for source in sources if source.n in cited)
