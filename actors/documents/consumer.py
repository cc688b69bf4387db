"""What comes from the log to be worked at: held, kept from being sent again while it is worked at,
and acknowledged once nothing is owed to its document any more.

Only a submission or a request is worked at; what the stages append is acknowledged unread. One
document is in one pair of hands: what comes for it meanwhile waits for the same pair. What is to
be fetched waits in its host's queue and takes no slot of those who work: a slow site holds up
itself. Slots go to tenants in turn. A message whose worker died comes again by itself; a document
that was begun six times and never ended is said to have failed.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import api

from actors.documents.decide import Fetch, Owed
from actors.documents.fair_limiter import HostFairLimiter, Turns
from actors.documents.pipeline import Pipeline, Reached
from events.jetstream.pull import Subscription
from events.key_value import KeyValue, MemoryKeyValue
from events.knowledge import DocumentRequested, DocumentSubmitted
from events.log.envelope import decode_commit
from events.log.event_log import LogError
from events.log.stream import StreamName, parse_subject
from events.log.upcast import LIFTS

DURABLE = "ingest"
ACK_WAIT_S = 20.0
BEAT_S = 5.0
BATCH = 64
HELD = 4096
"""Messages that are held at once: the server sends no more until some are acknowledged. Many, for
what waits for a slow site stands among them, and nothing is to wait behind it."""
MOST_TRIES = 6
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 1.0, 60.0
REMEMBERED = 10_000
"""Documents of which is kept in mind how far they are settled, and what went wrong."""

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)


def subscription() -> Subscription:
    """From the first commit on: what was submitted before there was a worker is worked at too."""
    config = api.ConsumerConfig(
        deliver_policy=api.DeliverPolicy.ALL,
        ack_policy=api.AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT_S,
        max_ack_pending=HELD,
        max_deliver=-1,  # given up by us, with a fact, and not by the server, without a word
    )
    return Subscription(
        name=DURABLE,
        kind="knowledge",
        batch_size=BATCH,
        config=config,
        durable=DURABLE,
        description="Documents that were submitted or requested, to be parsed, cut and embedded.",
    )


@dataclass(slots=True)
class Job:
    """A document in somebody's hands, or waiting for a pair of them. `host` is where it is to be
    fetched from, empty once it is here; `since` is of this process's own clock, None while it
    waits; `tries` counts how often it was begun by those who did not end it, None: not looked up.
    """

    host: str = ""
    messages: list[Msg] = field(default_factory=list)
    since: float | None = None
    tries: int | None = None


class Consumer:
    """Takes batches in (`events.jetstream.pull`), works at `at_once` documents side by side."""

    def __init__(self, pipeline: Pipeline, *, at_once: int, tries: KeyValue | None = None) -> None:
        self._pipeline = pipeline
        self._slots, self._hosts = Turns(at_once), HostFairLimiter()
        self._tries = tries if tries is not None else MemoryKeyValue()
        self._jobs: dict[StreamName, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settled: OrderedDict[StreamName, int] = OrderedDict()
        self._trouble: OrderedDict[StreamName, str] = OrderedDict()
        self.finished = 0
        self.error = ""
        """The last one; empty once a document came through after it."""

    @property
    def working(self) -> list[tuple[StreamName, float]]:
        """What is in hand, and since when."""
        return [(name, job.since) for name, job in self._jobs.items() if job.since is not None]

    @property
    def waiting(self) -> int:
        return sum(job.since is None for job in self._jobs.values())

    async def take(self, messages: Sequence[Msg]) -> None:
        """See `events.jetstream.pull.open_pull`."""
        for message in messages:
            stream = parse_subject(message.subject)
            if self._is_settled(stream, message):
                await _settle(message)
                continue
            asks, host = _asks(stream, message)
            if asks:
                self._hold(stream, message, host)
            else:
                await _settle(message)

    async def beat(self) -> None:
        """For ever: what is held is not to be sent again."""
        while True:
            await asyncio.sleep(BEAT_S)
            for message in [each for job in self._jobs.values() for each in job.messages]:
                try:
                    await message.in_progress()
                except NatsError as error:
                    _log.debug("beat", error=repr(error))

    async def stop(self) -> None:
        """Let go of everything; it comes again to whoever is next."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_settled(self, stream: StreamName, message: Msg) -> bool:
        return message.metadata.sequence.stream <= self._settled.get(stream, 0)

    def _hold(self, stream: StreamName, message: Msg, host: str) -> None:
        job = self._jobs.get(stream)
        if job is not None:
            job.messages.append(message)
            return
        self._jobs[stream] = job = Job(host, [message])
        task = asyncio.create_task(self._run(stream, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, stream: StreamName, job: Job) -> None:
        try:
            while job.messages:
                async with self._turn(stream, job):
                    job.since = time.monotonic()
                    reached = await self._work(stream, job)
                job.since, job.host = None, _host(reached.step)
                if reached.step is None:
                    await self._settle_through(stream, job, reached.version)
        except (LogError, NatsError) as error:
            self._failed(stream, error)
        except Exception as error:  # noqa: BLE001 one document's trouble must not end the others' work
            _log.exception("ingest broke", stream=stream.subject)
            self._failed(stream, error)
        finally:
            del self._jobs[stream]
            for message in job.messages:
                await _send_back(message)

    def _turn(self, stream: StreamName, job: Job) -> AbstractAsyncContextManager[None]:
        if job.host:
            return self._hosts.turn(job.host, stream.tenant)
        return self._slots.turn(stream.tenant)

    async def _work(self, stream: StreamName, job: Job) -> Reached:
        tries = await self._begun(stream, job)
        if tries < MOST_TRIES:
            return await self._pipeline.work(stream, only="fetch" if job.host else "work")
        _log.error("document given up", stream=stream.subject, times=tries)
        why = self._trouble.pop(stream, "whoever worked at it did not come back")
        reason = f"It was tried {tries} times and never came to an end ({why})."
        return await self._pipeline.give_up(stream, reason[:500])

    async def _begun(self, stream: StreamName, job: Job) -> int:
        """How often it was begun before. A message that comes again may only have waited while
        another document ended the worker: so it is counted here, and not by the server."""
        if job.tries is None and all(_times(each) == 1 for each in job.messages):
            return 0
        if job.tries is None:
            kept = await self._tries.get(_key(stream))
            job.tries = int(kept.value) if kept is not None else 1
            await self._tries.put(_key(stream), str(job.tries + 1).encode())
        return job.tries

    async def _settle_through(self, stream: StreamName, job: Job, version: int) -> None:
        done = [each for each in job.messages if each.metadata.sequence.stream <= version]
        if not done:
            raise LogError(f"{stream.subject}: what was delivered cannot be read yet")
        job.messages[:] = [each for each in job.messages if each not in done]
        _remember(self._settled, stream, version)
        self._trouble.pop(stream, None)
        for message in done:
            await _settle(message)
        if job.tries is not None:
            await self._tries.delete(_key(stream))
            job.tries = None
        self.finished += 1
        self.error = ""

    def _failed(self, stream: StreamName, error: Exception) -> None:
        _remember(self._trouble, stream, repr(error)[:300])
        self.error = f"{stream.subject}: {error!r}"[:300]
        _log.warning("document left for later", stream=stream.subject, error=repr(error))


def _remember(known: OrderedDict[StreamName, _T], stream: StreamName, what: _T) -> None:
    known[stream] = what
    known.move_to_end(stream)
    if len(known) > REMEMBERED:
        known.popitem(last=False)


def _asks(stream: StreamName, message: Msg) -> tuple[bool, str]:
    """Whether somebody waits for something (a submission or a request; what cannot be read may be
    one), and the host that is to be asked for it."""
    version = message.metadata.sequence.stream
    try:
        commit = decode_commit(stream, version, message.data, lifts=LIFTS)
    except LogError:
        return True, ""
    asked = [
        each for each in commit.facts if isinstance(each, DocumentSubmitted | DocumentRequested)
    ]
    if asked and isinstance(asked[-1], DocumentRequested):
        return True, host_of(asked[-1].url)
    return bool(asked), ""


def _host(step: Owed | None) -> str:
    return host_of(step.work.asked.url) if isinstance(step, Fetch) else ""


def host_of(url: str) -> str:
    """The host that is asked for `url`; never empty."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def _key(stream: StreamName) -> str:
    return f"{stream.tenant}.{stream.id}"


def _times(message: Msg) -> int:
    return message.metadata.num_delivered or 1


async def _settle(message: Msg) -> None:
    """An acknowledgement that is lost brings the message again, and nothing is owed then."""
    try:
        await message.ack()
    except NatsError as error:
        _log.debug("not acknowledged", error=repr(error))


async def _send_back(message: Msg) -> None:
    pause = min(FIRST_BACK_OFF_S * 2 ** min(_times(message) - 1, 10), LONGEST_BACK_OFF_S)
    try:
        await message.nak(delay=pause)
    except NatsError as error:
        _log.debug("not sent back", error=repr(error))
