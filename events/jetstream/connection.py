"""One connection to NATS, and the requests that are made over it.

Beside nats-py's own requests this gives three things. All answers come to one subscription,
so a request costs no SUB and UNSUB. A request may have many answers (a batch read). And a
request that was in flight when the connection broke fails at once with ConnectionBroken
rather than after its time-out, so that the caller may ask again as soon as NATS is back.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, ConnectionDrainingError, OutboundBufferLimitError
from nats.errors import Error as NatsError

from events.log.event_log import LogUnavailable

RECONNECT_WAIT_S = 0.2
CONNECT_TIMEOUT_S = 10.0
FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.5
ASK_S = 3.0
"""One try of a question that may be asked again; an answer takes milliseconds."""

_T = TypeVar("_T")
_SPACE = re.compile(r"\s")
_CREDENTIALS = re.compile(r"(?<=//)[^/@,]*@")
_ASCII_SPACE = " \t\n\r\x0b\x0c"

_log = structlog.get_logger(__name__)


class ConnectionBroken(LogUnavailable):
    """The connection broke, or is broken, before the whole answer came."""


class NoAnswer(LogUnavailable):
    """The answer did not come in time."""


class NotReady(LogUnavailable):
    """NATS is there, but nothing answers on this subject: JetStream is starting, or the stream
    does not exist or has no leader."""


class _QuickClient(Client):
    """nats-py, reading headers six times as fast: its own reader looks at each character of
    each name in Python, which was most of the cost of a message that is read."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        for line in raw.decode("utf-8", "replace").split("\r\n"):
            name, separator, value = line.partition(":")
            name = name.strip(_ASCII_SPACE)
            if separator and name.isascii() and not _SPACE.search(name):
                headers[name] = value.strip(_ASCII_SPACE)
        return headers


class Connection:
    """Use `Connection.open`. Reconnects for ever; `close` ends it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._inbox = client.new_inbox()
        self._tokens = itertools.count()
        self._waiting: dict[str, _Answer] = {}
        self._up = asyncio.Event()
        self._on_reconnect: list[Callable[[], Awaitable[None]]] = []
        self._on_break: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(
        cls, url: str, *, name: str = "tandem", timeout: float = CONNECT_TIMEOUT_S
    ) -> Connection:
        """Connect to `url` (several, comma-separated, of one cluster).

        Raises LogUnavailable when no server answers within `timeout` seconds.
        """
        connection = cls(_QuickClient())
        try:
            async with asyncio.timeout(timeout):
                await connection.client.connect(
                    [server.strip() for server in url.split(",")],
                    name=name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type]  # annotated int, slept on as it is
                    ping_interval=10,
                    max_outstanding_pings=2,
                    error_cb=_log_error,
                    disconnected_cb=connection._disconnected,
                    reconnected_cb=connection._reconnected,
                )
                await connection.client.subscribe(f"{connection._inbox}.*", cb=connection._answer)
        except (TimeoutError, OSError, NatsError) as error:
            raise LogUnavailable(
                f"no NATS server at {_CREDENTIALS.sub('', url)}: {error!r}"
            ) from error
        connection._up.set()
        return connection

    async def close(self) -> None:
        """Close the connection; what is in flight fails with ConnectionBroken."""
        for task in self._tasks:
            task.cancel()
        try:
            await self.client.close()
        except OSError as error:
            # nats-py stops half-way when it cannot send what was left to send. Nothing is left
            # now, so that a second call ends the tasks of the subscriptions too.
            _log.info("nats_closed_while_away", error=repr(error))
            self.client._status = Client.DISCONNECTED  # pyright: ignore[reportPrivateUsage]  # no public way
            await self.client.close()
        self._break("the connection was closed")

    def on_reconnect(self, call: Callable[[], Awaitable[None]]) -> None:
        """Call `call` in a task of its own after each reconnect, subscriptions being restored."""
        self._on_reconnect.append(call)

    @contextmanager
    def told_of_breaks(self, call: Callable[[], None]) -> Generator[None]:
        """Within, `call` is called whenever the connection breaks or is closed."""
        self._on_break.append(call)
        try:
            yield
        finally:
            self._on_break.remove(call)

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def wait_until_up(self, timeout: float) -> None:
        """Raises ConnectionBroken when NATS is not back within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._up.wait()
        except TimeoutError:
            raise ConnectionBroken("NATS is not reachable") from None

    async def request(
        self,
        subject: str,
        payload: bytes,
        *,
        timeout: float,
        headers: Mapping[str, str] | None = None,
    ) -> Msg:
        """The one answer to a request. Raises NoAnswer, NotReady, ConnectionBroken."""
        messages = await self._ask(subject, payload, timeout, headers, _is_last_of_one)
        return messages[0]

    async def gather(self, subject: str, payload: bytes, *, timeout: float) -> list[Msg]:
        """All answers to a request up to and with the one that bears a status.

        Raises NoAnswer, NotReady, ConnectionBroken.
        """
        return await self._ask(subject, payload, timeout, None, _is_last_of_many)

    async def _ask(
        self,
        subject: str,
        payload: bytes,
        timeout: float,
        headers: Mapping[str, str] | None,
        is_last: Callable[[Msg], bool],
    ) -> list[Msg]:
        if not self._up.is_set():
            raise ConnectionBroken(f"{subject}: NATS is not reachable")
        loop = asyncio.get_running_loop()
        token = str(next(self._tokens))
        answer = _Answer(loop.create_future(), is_last)
        self._waiting[token] = answer
        timer = loop.call_later(timeout, answer.fail, NoAnswer(f"{subject}: no answer in time"))
        try:
            await self.client.publish(
                subject,
                payload,
                reply=f"{self._inbox}.{token}",
                headers=dict(headers) if headers is not None else None,
            )
            messages = await answer.future
        except (
            ConnectionClosedError,
            ConnectionDrainingError,
            OutboundBufferLimitError,
        ) as error:
            raise ConnectionBroken(f"{subject}: {error!r}") from error
        finally:
            timer.cancel()
            del self._waiting[token]
        if status_of(messages[-1]) == "503":
            raise NotReady(f"{subject}: nothing answers there")
        return messages

    async def persist(self, deadline: float, ask: Callable[[float], Awaitable[_T]]) -> _T:
        """What `ask` returns, asked again while NATS is away or silent, until `deadline`.

        `ask` gets the seconds that it may take; `deadline` is in the time of the running loop.
        For reads, and for what may be done twice. Raises what `ask` raised last.
        """
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_S
        while True:
            try:
                return await ask(min(max(deadline - loop.time(), 0.0), ASK_S))
            except (ConnectionBroken, NoAnswer, NotReady):
                if loop.time() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            await self.wait_until_up(deadline - loop.time())

    async def _answer(self, message: Msg) -> None:
        answer = self._waiting.get(message.subject[len(self._inbox) + 1 :])
        if answer is not None:
            answer.take(message)

    def _break(self, why: str) -> None:
        self._up.clear()
        for answer in list(self._waiting.values()):
            answer.fail(ConnectionBroken(why))
        for call in list(self._on_break):
            call()

    async def _disconnected(self) -> None:
        self._break("the connection to NATS broke")

    async def _reconnected(self) -> None:
        self._up.set()
        url = self.client.connected_url
        _log.info("nats_reconnected", host=url and url.hostname, port=url and url.port)
        for call in self._on_reconnect:
            task = asyncio.ensure_future(call())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class _Answer:
    """What came so far for one request, and who waits for it."""

    def __init__(self, future: asyncio.Future[list[Msg]], is_last: Callable[[Msg], bool]) -> None:
        self.future, self._is_last = future, is_last
        self._messages: list[Msg] = []

    def take(self, message: Msg) -> None:
        self._messages.append(message)
        if self._is_last(message) and not self.future.done():
            self.future.set_result(self._messages)

    def fail(self, error: LogUnavailable) -> None:
        if not self.future.done():
            self.future.set_exception(error)


def _is_last_of_one(_: Msg) -> bool:
    return True


def _is_last_of_many(message: Msg) -> bool:
    return not message.data and status_of(message) != ""


def status_of(message: Msg) -> str:
    """The status of an answer that is no message of a stream, such as `204`; else empty."""
    return (message.headers or {}).get("Status", "")


async def _log_error(error: Exception) -> None:
    _log.warning("nats_error", error=repr(error))
