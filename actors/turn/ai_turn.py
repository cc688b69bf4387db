"""One AI turn: recall, signals, search, generate, guard; what comes of it is a command.

Steps and where each may end it:
  small talk        → a kind reply, no sources
  signals           → the visitor wants a person: RequestHandoff and no answer; distress or an
                      order call one too, and what can be answered is answered all the same
  search            → RetrievalFailed ends the turn visibly; a follow-up ("and for children?") is
                      searched, and answered, with what it refers to
  answerable?       → no: an honest "I don't know" with the offer of a person
  generate + guard  → sentence by sentence; only what a source bears out is pushed and recorded
An answer may call a person as well (unsure, held back, one more "I don't know").
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
import structlog

from actors.conversation import commands as c
from actors.conversation.decide import OpenTurn, State
from actors.conversation.handoff_signals import (
    Reading,
    accepted_offer,
    called_by_outcome,
    called_by_words,
    reached_unanswered_limit,
    scores,
)
from actors.conversation.memory import Remembered, recall
from actors.ports import (
    Found,
    GenerationDone,
    GenerationFailed,
    GenerationRequest,
    Generator,
    HandoffAvailability,
    PromptMessage,
    RetrievalFailed,
    Retriever,
    Said,
    SignalReader,
    SignalsFailed,
    TextDelta,
)
from actors.speech.followups import in_context
from actors.speech.guard import Guard, answerable
from actors.speech.language import detect
from actors.speech.notices import nothing_to_add
from actors.speech.smalltalk import smalltalk
from actors.speech.texts import locale_of, unknown
from actors.turn.context import Work, now
from events.conversation import TurnCost
from events.live.frames import LiveFeed
from events.log.stream import StreamName
from events.tenancy import HandoffPolicy

PASSAGES = 6
SIGNALS_GRACE_S = 0.5
"""Signals are read while the search runs; when it is done first, they get so much longer."""
READ_MESSAGES = 8
"""The newest of a turn's messages that signals are read of."""
SAID = 12
"""The newest messages of operators that an answer may rest on."""
SUMMARY_DUE_CHARS = 1200
"""A model is asked for a summary once the extractive one has grown to this."""

_log = structlog.get_logger(__name__)


class AiTurn:
    """Runs turns for all conversations of a process. Implements `entity.TurnRunner`."""

    def __init__(
        self,
        *,
        retriever: Retriever,
        generator: Generator,
        signals: SignalReader,
        desk: HandoffAvailability,
        live: LiveFeed,
        company_of: Callable[[str], str],
        timeout_s: float,
        memory_tokens: int,
        summarizes: bool,
    ) -> None:
        """`summarizes` is False when no model is set: the extractive summary then stands."""
        self._retriever = retriever
        self._generator = generator
        self._signals = signals
        self._desk = desk
        self._live = live
        self._company_of = company_of
        self._timeout_s = timeout_s
        self._memory_tokens = memory_tokens
        self._summarizes = summarizes

    async def run(
        self, stream: StreamName, state: State, turn: OpenTurn
    ) -> c.RecordAnswer | c.FailTurn | c.RequestHandoff:
        """The answer, why there is none, or why a person is called instead. Raises only
        CancelledError (it was superseded)."""
        work = Work(self._live, stream, turn, silent=state.mode == "supervised")
        policy = self._desk.policy(stream.tenant)
        outcome: c.RecordAnswer | c.FailTurn | c.RequestHandoff
        try:
            async with asyncio.timeout(self._timeout_s):
                outcome = await self._answer(work, state, policy)
        except TimeoutError:
            outcome = work.failed("timeout", f"no answer within {self._timeout_s:g} s")
        except RetrievalFailed as error:
            outcome = work.failed("retrieval_failed", str(error))
        except GenerationFailed as error:
            outcome = work.failed(error.reason, error.detail)
        if isinstance(outcome, c.RequestHandoff):
            return outcome
        call = work.call or called_by_outcome(policy, state, outcome)
        return msgspec.structs.replace(outcome, handoff=call) if call else outcome

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
            id=f"summary:{through[:40]}:{digest}", at=now(), text=text, through=through
        )

    async def _answer(
        self, work: Work, state: State, policy: HandoffPolicy
    ) -> c.RecordAnswer | c.RequestHandoff:
        await work.typing()
        fresh = _fresh(state, work.turn.answers)
        question = "\n".join(item.text for item in fresh or _asked(state, work.turn.answers))
        earlier = _earlier(state, work.turn.answers)
        language = detect(question, _spoken(earlier, state.locale))
        company = self._company_of(work.stream.tenant)
        chat = smalltalk(question, language, company)
        if chat and not policy.person_phrases:  # of which one might look like small talk
            return work.recorded(chat.text, "smalltalk", chat.locale)
        searched = in_context(question, earlier, language)
        search = asyncio.create_task(
            self._retriever.search(
                work.stream.tenant, searched, locale=language, limit=PASSAGES, said=_said(state)
            )
        )
        try:
            if fresh and not state.handoff:
                readings = await self._read(work, fresh, language, policy, beside=search)
                call = accepted_offer(policy, state, fresh) or called_by_words(policy, readings)
                if call and call.reason == "visitor_words":
                    return work.handed_over(call, language)
                work.call = call
            if chat:
                return work.recorded(chat.text, "smalltalk", chat.locale)
            found = await search
        finally:
            _drop(search)
        work.looked(found, searched if searched != question else "")
        offers = not (state.handoff or work.call or reached_unanswered_limit(policy, state))
        sorry = unknown(language, company, offers_person=offers)
        if not fresh:  # a person has had it before them already
            sorry = nothing_to_add(locale_of(language))
        holds = answerable(searched, found.passages)
        if not holds:
            evidence: dict[str, str | float | bool] = {
                "reason": "low_retrieval",
                "cosine": round(holds.cosine, 3),
                "words": round(holds.words, 3),
            }
            return work.recorded(sorry, "unknown", language, guard=evidence)
        request = GenerationRequest(
            tenant=work.stream.tenant,
            company=company,
            conversation=work.stream.id,
            turn=work.turn.turn,
            question=question,
            searched=searched,
            locale=language,
            passages=found.passages,
            history=self._history(state, question, work.turn.answers),
            summary=state.memory.summary,
        )
        return await self._generate(work, request, sorry)

    async def _read(
        self,
        work: Work,
        fresh: Sequence[Remembered],
        language: str,
        policy: HandoffPolicy,
        *,
        beside: asyncio.Task[Found],
    ) -> list[Reading]:
        """What the visitor's new messages call for, read while the search runs. A reader that
        fails or is slow costs no answer: then there are none, and the answer says so."""
        began = time.perf_counter()
        reading = asyncio.gather(
            *(self._reading(item, language, policy) for item in fresh[-READ_MESSAGES:])
        )
        try:
            await asyncio.wait({reading, beside}, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(SIGNALS_GRACE_S):
                readings = await reading
        except TimeoutError:
            work.noted["signals"] = "late"
            return []
        except SignalsFailed as error:
            work.noted["signals"] = f"failed: {error}"[:200]
            return []
        except Exception as error:  # noqa: BLE001 see the docstring
            _log.error("signals broke", stream=work.stream.subject, exc_info=error)
            work.noted["signals"] = f"failed: {type(error).__name__}"
            return []
        finally:
            reading.cancel()
        work.latency["signals"] = round((time.perf_counter() - began) * 1000, 2)
        work.noted.update(scores(readings))
        return readings

    async def _reading(self, item: Remembered, language: str, policy: HandoffPolicy) -> Reading:
        found = await self._signals.read(item.text, locale=language, policy=policy)
        return Reading(item.message, item.text, found)

    async def _generate(self, work: Work, request: GenerationRequest, sorry: str) -> c.RecordAnswer:
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
            return work.recorded(sorry, "unknown", request.locale, guard=verdict.detail, cost=cost)
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


def _asked(state: State, answers: Sequence[str]) -> list[Remembered]:
    """The visitor's messages that the turn answers, oldest first."""
    asked = set(answers)
    return [item for item in state.memory.window if item.message in asked]


def _earlier(state: State, answers: Sequence[str]) -> list[str]:
    """What the visitor wrote before that, as far as it is remembered, oldest first."""
    asked = set(answers)
    first = next((n for n, m in enumerate(state.memory.window) if m.message in asked), 0)
    return [
        item.text
        for item in state.memory.window[:first]
        if item.role == "visitor" and not smalltalk(item.text, state.locale or "en")
    ]


def _spoken(earlier: Sequence[str], locale: str) -> str:
    """The language that a message too short to tell is taken to be in."""
    return detect(earlier[-1], locale or "en") if earlier else locale or "en"


def _fresh(state: State, answers: Sequence[str]) -> list[Remembered]:
    """Those of them that no person has been called for."""
    handed_off = set(state.handed_off)
    return [item for item in _asked(state, answers) if item.message not in handed_off]


def _said(state: State) -> tuple[Said, ...]:
    """What people of the company said in this conversation, oldest first."""
    said = [item for item in state.memory.window if item.role == "operator"]
    return tuple(
        Said(message=item.message, by=item.by or "a colleague", text=item.text)
        for item in said[-SAID:]
    )


def _drop(search: asyncio.Task[Found]) -> None:
    """Nobody waits for it any more, nor for what it raised."""
    search.cancel()
    search.add_done_callback(lambda done: done.cancelled() or done.exception())
