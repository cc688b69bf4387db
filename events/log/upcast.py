"""Old shapes of facts, lifted to new ones when they are read. Nothing stored is rewritten.

A *lift* takes an event's data at one version and gives the type and the data at a newer
one. Lifts are chained, so each only knows the step that it was written for. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Data = dict[str, Any]
Lift = Callable[[Data], tuple[str, Data]]
Lifts = Mapping[str, Lift]
"""From an old event type, such as `tandem.conversation.MessageReceived.v1`, to its lift."""

LIFTS: Lifts = MappingProxyType({})
"""The lifts of production. Every fact is still at its first version."""


def lift(event_type: str, data: Data, lifts: Lifts) -> tuple[str, Data]:
    """`event_type` and `data` as of the newest version that `lifts` leads to.

    Raises ValueError when the lifts run in a circle; what a lift raises passes through.
    """
    seen = {event_type}
    while (step := lifts.get(event_type)) is not None:
        event_type, data = step(data)
        if event_type in seen:
            raise ValueError(f"the lifts of {event_type} run in a circle")
        seen.add(event_type)
    return event_type, data
