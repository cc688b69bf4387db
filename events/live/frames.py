"""Frames that are pushed to whoever watches a conversation now, and are never history.

Committed events reach the same subject by the log itself (`events.jetstream.log` lets the
server republish each commit once it is stored), so a shard that dies after an append
cannot leave a watcher without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol

import msgspec

from events.log.event_log import Commit
from events.log.stream import StreamName


class Delta(msgspec.Struct, frozen=True, tag_field="live", tag="delta"):
    """A piece of an answer that is being written; `index` counts from 0 within `turn`."""

    turn: str
    index: int
    text: str


class Typing(msgspec.Struct, frozen=True, tag_field="live", tag="typing", omit_defaults=True):
    who: Literal["visitor", "assistant", "operator"]
    on: bool
    operator: str = ""
    operator_name: str = ""


class Present(msgspec.Struct, frozen=True, tag_field="live", tag="present", omit_defaults=True):
    """Somebody looks at the conversation, or (`on` false) has gone. `version` is what the
    visitor's page has shown of it."""

    who: Literal["visitor", "operator"]
    on: bool
    version: int = 0
    operator: str = ""
    operator_name: str = ""


class RollCall(msgspec.Struct, frozen=True, tag_field="live", tag="roll_call"):
    """Whoever looks at the conversation answers with `Present`."""


class DocumentProgress(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="live", tag="document", omit_defaults=True
):
    """How far a document has come: `done` of `total` units of its stage (pages, texts; 0 of 0
    where they cannot be counted). The truth is in the log; this is for a bar."""

    document: str
    version: int
    stage: Literal["fetch", "parse", "chunk", "embed", "index"]
    done: int = 0
    total: int = 0


LiveFrame = Delta | Typing | Present | RollCall | DocumentProgress


class Missed(msgspec.Struct, frozen=True):
    """Commits may have been lost on the way, of any conversation: read again what matters."""


class LiveFeed(Protocol):
    """The port. Implementations: `nats_feed.NatsLive`, `events.log.memory.MemoryLive`."""

    async def publish(self, stream: StreamName, frame: LiveFrame) -> None:
        """At most once, to whoever watches now. Never waits for anyone."""
        ...

    def watch(
        self, stream: StreamName
    ) -> AbstractAsyncContextManager[AsyncIterator[Commit | LiveFrame]]:
        """Subscribed once entered; then what comes, in order. A commit that cannot be missed
        must be read from the log: compare `Commit.number` and load what lies between."""
        ...

    def watch_tenant(
        self, tenant: str
    ) -> AbstractAsyncContextManager[AsyncIterator[Commit | Missed]]:
        """The commits of all conversations of `tenant`, as they come, those of one conversation
        in order. For a reader that starts from elsewhere: only `Missed` tells what was lost, and
        after it commits may come that were seen before.
        """
        ...
