"""The read models of conversations. The knowledge index is added where it is wired."""

from __future__ import annotations

from projections.engine.projection import Projection
from projections.read_models.citations import CitationsProjection
from projections.read_models.conversations import ConversationsProjection
from projections.read_models.drafts import DraftsProjection
from projections.read_models.gaps import GapsProjection
from projections.read_models.handoffs import HandoffsProjection
from projections.read_models.messages import MessagesProjection
from projections.read_models.queue import QueueProjection
from projections.read_models.response_times import ResponseTimesProjection
from projections.read_models.turns import TurnsProjection


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
