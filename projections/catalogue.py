"""The read models of conversations. The knowledge index is added where it is wired."""

from __future__ import annotations

from projections.citations import CitationsProjection
from projections.conversations import ConversationsProjection
from projections.drafts import DraftsProjection
from projections.gaps import GapsProjection
from projections.handoffs import HandoffsProjection
from projections.messages import MessagesProjection
from projections.projection import Projection
from projections.queue import QueueProjection
from projections.response_times import ResponseTimesProjection
from projections.turns import TurnsProjection


def read_models() -> tuple[Projection, ...]:
    """Each with a checkpoint of its own."""
    return (
        ConversationsProjection(),
        MessagesProjection(),
        TurnsProjection(),
        QueueProjection(),
        HandoffsProjection(),
        ResponseTimesProjection(),
        DraftsProjection(),
        CitationsProjection(),
        GapsProjection(),
    )
