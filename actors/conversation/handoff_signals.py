"""When a turn calls for a person: what was measured against the tenant's policy. Pure.

Before the answer it is the visitor's words, after it what came of the answer. Who asks for a
person gets no answer of the AI's; anger, distress and orders call one beside the answer, for a
call in error then costs the visitor nothing. A threshold of 0 switches a reason off.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from actors.conversation import commands as c
from actors.conversation.memory import Remembered
from actors.conversation.state import State
from actors.ports import Signals
from actors.speech.offers import accepts, offers_person
from events.conversation import HandoffReason
from events.tenancy import HandoffPolicy

WORDS_CHARS = 300
"""Of the visitor's words that stand as evidence."""


class Reading(msgspec.Struct, frozen=True):
    """What one message of the visitor calls for."""

    message: str
    text: str
    signals: Signals


def called_by_words(policy: HandoffPolicy, readings: Sequence[Reading]) -> c.HandoffEvidence | None:
    """A wish for a person before all else; then the reading that is furthest over its threshold,
    of several alike the newest, and anger before an order."""
    best: tuple[tuple[bool, float], c.HandoffEvidence] | None = None
    for reading in reversed(readings):
        for reason, score, threshold in _scores(policy, reading.signals):
            rank = (reason == "visitor_words", score - threshold)
            if threshold and score >= threshold and (best is None or rank > best[0]):
                evidence = c.HandoffEvidence(
                    reason=reason,
                    evidence=_shortened(reading.text),
                    message=reading.message,
                    score=round(score, 3),
                )
                best = (rank, evidence)
    return best[1] if best else None


def accepted_offer(
    policy: HandoffPolicy, state: State, fresh: Sequence[Remembered]
) -> c.HandoffEvidence | None:
    """The AI asked whether a person is wanted, and all that the visitor says to it is yes."""
    window = state.memory.window
    asked = [item for item in window[: window.index(fresh[0])] if item.role != "visitor"]
    if not policy.words or not asked or asked[-1].role != "assistant":
        return None
    if not (offers_person(asked[-1].text) and accepts(fresh[-1].text)):
        return None
    words = f"{_shortened(fresh[-1].text)} (asked: {_shortened(asked[-1].text)})"
    return c.HandoffEvidence(
        reason="visitor_words", evidence=words, message=fresh[-1].message, score=1.0
    )


def called_by_outcome(
    policy: HandoffPolicy, state: State, outcome: c.RecordAnswer | c.FailTurn
) -> c.HandoffEvidence | None:
    """What came of the turn calls for a person too; never while one is awaited or looks on."""
    if state.handoff or state.mode != "ai":
        return None
    if isinstance(outcome, c.RecordAnswer):
        if call := _held_back(policy, outcome) or _unsure(policy, outcome):
            return call
        if outcome.kind != "unknown":
            return None
    if reached_unanswered_limit(policy, state):
        turns = state.unanswered_in_a_row + 1
        words = "1 turn without an answer" if turns == 1 else f"{turns} turns without an answer"
        return c.HandoffEvidence(reason="unanswered_turns", evidence=words, score=1.0)
    return None


def reached_unanswered_limit(policy: HandoffPolicy, state: State) -> bool:
    """Whether one more turn without an answer calls for a person."""
    return 0 < policy.unanswered_turns <= state.unanswered_in_a_row + 1


def scores(readings: Sequence[Reading]) -> dict[str, float]:
    """The highest score of each signal: what stands beside the answer."""
    return {
        name: round(max(getattr(reading.signals, name) for reading in readings), 3)
        for name in ("person", "distress", "authority")
        if readings
    }


def _scores(policy: HandoffPolicy, signals: Signals) -> list[tuple[HandoffReason, float, float]]:
    return [
        ("visitor_words", signals.person, policy.words),
        ("distress", signals.distress, policy.distress),
        ("authority", signals.authority, policy.authority),
    ]


def _held_back(policy: HandoffPolicy, answer: c.RecordAnswer) -> c.HandoffEvidence | None:
    claims = float(answer.guard.get("claims", 0))
    if not policy.guard or not claims:
        return None
    share = 1 - float(answer.guard.get("supported", 0)) / claims
    if share <= policy.guard:
        return None
    words = f"{share:.0%} of the answer was held back by the guard, more than {policy.guard:.0%}"
    return c.HandoffEvidence(reason="guard", evidence=words, score=round(share, 3))


def _unsure(policy: HandoffPolicy, answer: c.RecordAnswer) -> c.HandoffEvidence | None:
    if answer.kind != "answer" or answer.confidence >= policy.low_confidence:
        return None
    words = f"confidence {answer.confidence:.2f}, less than {policy.low_confidence:.2f}"
    score = round(1 - answer.confidence, 3)
    return c.HandoffEvidence(reason="low_confidence", evidence=words, score=score)


def _shortened(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= WORDS_CHARS else words[: WORDS_CHARS - 1] + "…"
