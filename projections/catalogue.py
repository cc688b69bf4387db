"""The read models of conversations. The knowledge index is added where it is wired."""

from __future__ import annotations

from projections.conversations import ConversationsProjection
from projections.messages import MessagesProjection
from projections.projection import Projection
from projections.turns import TurnsProjection


def read_models() -> tuple[Projection, ...]:
    """`conversations`, `messages` and `turns`, each with a checkpoint of its own."""
    return (ConversationsProjection(), MessagesProjection(), TurnsProjection())
