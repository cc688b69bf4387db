"""One AI turn: recall, search, generate, guard; what comes of it is a command.

Steps and where each may end it:
  small talk        → a kind reply, no sources
  search            → RetrievalFailed ends the turn visibly
  answerable?       → no: an honest "I don't know" with the offer of a person
  generate + guard  → sentence by sentence; only what a source bears out is pushed and recorded
Nothing here holds a message up: the entity runs it beside its mailbox and cancels it when the
visitor writes again or a person takes over.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from actors import commands as c
from actors.conversation import OpenTurn, State
from actors.memory import recall
from actors.ports import (
    GenerationDone,
    GenerationFailed,
    GenerationRequest,
    Generator,
    PromptMessage,
    RetrievalFailed,
    Retriever,
    TextDelta,
)
from actors.speech.guard import Checked, Guard, answerable
from actors.speech.language import detect
from actors.speech.smalltalk import smalltalk
from actors.speech.texts import unknown
from events.conversation import Source, TurnCost
from events.live import Delta, LiveFeed, Typing
from events.stream import StreamName

PASSAGES = 6
SUMMARY_DUE_CHARS = 1200
"""A model is asked for a summary once the extractive one has grown to this."""


class AiTurn:
    """Runs turns for all conversations of a process. Implements `actors.entity.TurnRunner`."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        generator: Generator,
        live: LiveFeed,
        company_of: Callable[[str], str],
        timeout_s: float,
        memory_tokens: int,
        summarizes: bool,
    ) -> None:
        """`summarizes` is False when no model is set: the extractive summary then stands."""
        self._retriever = retriever
        self._generator = generator
        self._live = live
        self._company_of = company_of
        self._timeout_s = timeout_s
        self._memory_tokens = memory_tokens
        self._summarizes = summarizes

    async def run(
        self, stream: StreamName, state: State, turn: OpenTurn
    ) -> c.RecordAnswer | c.FailTurn:
        """The answer, or why there is none. Raises only CancelledError (it was superseded)."""
        work = _Work(self._live, stream, turn)
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._answer(work, state)
        except TimeoutError:
            return work.failed("timeout", f"no answer within {self._timeout_s:g} s")
        except RetrievalFailed as error:
            return work.failed("retrieval_failed", str(error))
        except GenerationFailed as error:
            return work.failed(error.reason, error.detail)

    async def summary(self, state: State) -> c.RecordSummary | None:
        memory = state.memory
        if not self._summarizes or len(memory.summary) < SUMMARY_DUE_CHARS:
            return None
        text = await self._generator.summarize((), memory.summary)
        if not text or len(text) >= len(memory.summary):
            return None
        through = memory.summarized_through
        digest = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
        return c.RecordSummary(
            id=f"summary:{through[:40]}:{digest}", at=_now(), text=text, through=through
        )

    async def _answer(self, work: _Work, state: State) -> c.RecordAnswer:
        await work.typing()
        question = _question(state, work.turn.answers)
        language = detect(question, state.locale or "en")
        company = self._company_of(work.stream.tenant)
        if chat := smalltalk(question, language, company):
            return work.recorded(chat.text, "smalltalk", chat.locale)
        found = await self._retriever.search(
            work.stream.tenant, question, locale=language, limit=PASSAGES
        )
        work.latency.update({stage: round(ms, 2) for stage, ms in found.latency_ms.items()})
        holds = answerable(question, found.passages)
        if not holds:
            evidence: dict[str, str | float | bool] = {
                "reason": "low_retrieval",
                "cosine": round(holds.cosine, 3),
                "words": round(holds.words, 3),
            }
            return work.recorded(unknown(language, company), "unknown", language, guard=evidence)
        request = GenerationRequest(
            tenant=work.stream.tenant,
            company=company,
            conversation=work.stream.id,
            turn=work.turn.turn,
            question=question,
            locale=language,
            passages=found.passages,
            history=self._history(state, question, work.turn.answers),
            summary=state.memory.summary,
        )
        return await self._generate(work, request)

    async def _generate(self, work: _Work, request: GenerationRequest) -> c.RecordAnswer:
        guard = Guard(request.passages, locale=request.locale)
        done = GenerationDone(text="")
        work.lap("prepare")
        async with aclosing(self._generator.stream(request)) as parts:
            async for part in parts:
                if isinstance(part, TextDelta):
                    await work.push(guard.feed(part.text))
                else:
                    done = part
        await work.push(guard.flush())
        verdict = guard.finish()
        work.lap("generate")
        cost = TurnCost(
            model=done.model,
            prompt_version=done.prompt_version,
            input_tokens=done.input_tokens,
            output_tokens=done.output_tokens,
        )
        if verdict.kind == "unknown":
            text = unknown(request.locale, request.company)
            return work.recorded(text, "unknown", request.locale, guard=verdict.detail, cost=cost)
        return work.recorded(
            verdict.text,
            "answer",
            request.locale,
            sources=verdict.sources,
            confidence=verdict.confidence,
            guard=verdict.detail,
            cost=cost,
        )

    def _history(
        self, state: State, question: str, asked: Sequence[str]
    ) -> tuple[PromptMessage, ...]:
        recalled = recall(state.memory, question, budget=self._memory_tokens)
        return tuple(PromptMessage(m.role, m.text) for m in recalled if m.message not in asked)


class _Work:
    """One running turn: its clock, its deltas, its result."""

    def __init__(self, live: LiveFeed, stream: StreamName, turn: OpenTurn) -> None:
        self.stream, self.turn = stream, turn
        self.latency: dict[str, float] = {}
        self._live = live
        self._began = time.perf_counter()
        self._pushed = 0

    async def typing(self) -> None:
        await self._live.publish(self.stream, Typing("assistant", True))

    async def push(self, checked: Sequence[Checked]) -> None:
        """Supported sentences go out as they come; the rest never leaves."""
        for sentence in checked:
            if not sentence.supported:
                continue
            if not self._pushed:
                self.lap("first_text")
            await self._live.publish(
                self.stream, Delta(self.turn.turn, self._pushed, sentence.text)
            )
            self._pushed += 1

    def lap(self, stage: str) -> None:
        """Milliseconds since the turn began, under the stage's name."""
        self.latency[stage] = round((time.perf_counter() - self._began) * 1000, 2)

    def recorded(
        self,
        text: str,
        kind: c.AnswerKind,
        language: str,
        *,
        sources: tuple[Source, ...] = (),
        confidence: float = 0.0,
        guard: dict[str, str | float | bool] | None = None,
        cost: TurnCost | None = None,
    ) -> c.RecordAnswer:
        self.lap("total")
        cost = msgspec.structs.replace(cost or TurnCost(), latency_ms=self.latency)
        return c.RecordAnswer(
            id=f"answer:{self.turn.turn}",
            at=_now(),
            turn=self.turn.turn,
            epoch=self.turn.epoch,
            text=text,
            kind=kind,
            locale=language,
            sources=sources,
            confidence=confidence,
            guard=guard or {},
            cost=cost,
        )

    def failed(self, reason: str, detail: str) -> c.FailTurn:
        return c.FailTurn(
            id=f"fail:{self.turn.turn}",
            at=_now(),
            turn=self.turn.turn,
            epoch=self.turn.epoch,
            reason=reason,
            detail=detail,
        )


def _question(state: State, asked: Sequence[str]) -> str:
    """All of the visitor's messages that the turn answers, one to a line, oldest first."""
    texts = {item.message: item.text for item in state.memory.window}
    return "\n".join(texts[message] for message in asked if message in texts)


def _now() -> int:
    return time.time_ns() // 1_000_000
