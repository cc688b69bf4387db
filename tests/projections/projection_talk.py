"""Conversations for the log, as tests of read models need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from events.conversation import Fact
    from events.log.event_log import Commit, EventLog


class Talk:
    """Writes conversations into a log, with times that count up and no randomness."""

    def __init__(self, log: EventLog, tenant: str) -> None:
        self.log, self.tenant = log, tenant
        self.at = 1_700_000_000_000
        self._heads: dict[str, object] = {}

    async def commit(self, conversation: str, *facts: Fact) -> Commit:
        from events.log.event_log import Head, NewCommit
        from events.log.stream import conversation_stream

        head = self._heads.get(conversation, Head())
        assert isinstance(head, Head)
        commit = await self.log.append(
            conversation_stream(self.tenant, conversation),
            NewCommit(commit_id=f"{conversation}-{head.number + 1}", facts=facts),
            expected=head,
        )
        self._heads[conversation] = commit.head
        return commit

    async def ask(self, conversation: str, n: int, text: str = "") -> Commit:
        from events import conversation as e

        self.at += 1
        started = e.ConversationStarted(
            at=self.at, tenant=self.tenant, conversation=conversation, locale="en"
        )
        return await self.commit(
            conversation,
            *((started,) if n == 0 else ()),
            e.MessageReceived(at=self.at, message=f"m{n}", text=text or f"question {n}"),
            e.TurnBegun(at=self.at, turn=f"t{n}", epoch=1, answers=(f"m{n}",)),
        )

    async def answer(self, conversation: str, n: int) -> Commit:
        from events import conversation as e

        self.at += 1
        source = e.Source(n=1, chunk="k1", document="d1", title="Hours", quote="nine to five")
        return await self.commit(
            conversation,
            e.AnswerRecorded(
                at=self.at,
                turn=f"t{n}",
                epoch=1,
                message=f"a{n}",
                text=f"answer {n}",
                in_reply_to=(f"m{n}",),
                sources=(source,),
                confidence=0.75,
                guard={"borne_out": True},
                cost=e.TurnCost(model="extractive", prompt_version="1", latency_ms={"search": 1.5}),
            ),
        )

    async def rounds(self, conversation: str, first: int, last: int) -> Commit:
        """Questions and answers `first` to `last`; the last commit."""
        for n in range(first, last + 1):
            await self.ask(conversation, n)
            commit = await self.answer(conversation, n)
        return commit
