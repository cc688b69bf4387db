"""What all sockets and requests of one gateway process share."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec
import structlog

from actors.conversation.commands import ConversationCommand, Outcome, Refused
from actors.ports import Conversations, Unavailable
from events.key_value import KeyValue
from events.live.frames import LiveFeed
from events.log.event_log import EventLog
from events.log.stream import StreamName
from events.tenancy import TenantConfigured
from serve_apps.gateway.knowledge.changes import DocumentChanges
from serve_apps.gateway.knowledge.ports import KnowledgePorts
from serve_apps.gateway.operators.accounts.access import AccessTokens
from serve_apps.gateway.operators.accounts.directory import OperatorDirectory
from serve_apps.gateway.operators.accounts.identity import Identity
from serve_apps.gateway.operators.accounts.lockouts import SignInFailures
from serve_apps.gateway.operators.accounts.passwords import Passwords
from serve_apps.gateway.operators.accounts.sessions import Sessions
from serve_apps.gateway.operators.accounts.sign_in import PasswordSignIn
from serve_apps.gateway.operators.board.board import Board
from serve_apps.gateway.operators.board.boards import Boards
from serve_apps.gateway.operators.board.presence import Presence
from serve_apps.gateway.operators.board.readings import Readings
from serve_apps.gateway.shared.feed import ConversationFeed, KnownEnds, Place, View
from serve_apps.gateway.shared.limits import GatewayLimits, UseLimit
from serve_apps.gateway.shared.metrics import GatewayMetrics
from serve_apps.gateway.shared.origins import allows, is_loopback_host
from serve_apps.gateway.shared.refusal import Refusal
from serve_apps.gateway.shared.tenants import TenantDirectory
from serve_apps.gateway.shared.tokens import BadToken, VisitorPass, VisitorTokens, new_id, now_ms

_log = structlog.get_logger(__name__)

Frame = TypeVar("Frame")

OPERATOR_REQUESTS = (300, 10)
OPERATOR_ORDERS = (60, 10)
"""So many of one operator in so many seconds, over HTTP."""
DIST = Path(__file__).resolve().parents[1] / "web" / "dist"


async def _nothing_to_close() -> None:
    return None


class GatewayPorts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a gateway needs from outside; `tandem/wiring/` makes one in each replica."""

    log: EventLog
    live: LiveFeed
    conversations: Conversations
    secret: str
    """Signs visitors' and operators' tokens: 32 bytes or more, the same in every replica."""
    readings: Readings
    """The read models, for operators. They may be away: a board then knows what it sees live."""
    sessions: KeyValue
    failures: KeyValue
    presence: KeyValue
    """The buckets of operators' sessions, failed sign-ins and presence, shared by replicas."""
    knowledge: KnowledgePorts | None = None
    """The knowledge base; without it its routes are not available."""
    limits: GatewayLimits = GatewayLimits()
    dist: Path = DIST
    """Where the built pages are."""
    limit_loopback: bool = False
    """Limit rates also for addresses of this machine. Behind a proxy on this machine every
    visitor has one, so this is off unless there is none."""
    clock: Callable[[], int] = now_ms
    """Milliseconds since 1970, UTC."""
    passwords: Passwords | None = None
    """None for the usual ones; a test takes cheaper ones."""
    close: Callable[[], Awaitable[None]] = _nothing_to_close
    """Called when the gateway has stopped."""


class Leaving(Protocol):
    """What can be asked to end when the gateway goes down: a socket, an event stream."""

    def leave(self) -> None: ...


class Hub:
    """Shared state of one process: ports, directory, tokens, figures, and who is connected."""

    def __init__(self, ports: GatewayPorts) -> None:
        self.ports, self.limits = ports, ports.limits
        self.operators = OperatorDirectory()
        self.directory = TenantDirectory(ports.log, also=self.operators.take)
        self.tokens = VisitorTokens(ports.secret)
        self.metrics = GatewayMetrics()
        self.addresses = UseLimit(ports.limits.address_messages, ports.limits.address_window_s)
        self.conversations = UseLimit(ports.limits.messages_burst, 1)
        self.operator_requests = UseLimit(*OPERATOR_REQUESTS)
        self.operator_orders = UseLimit(*OPERATOR_ORDERS)
        self.passwords = ports.passwords or Passwords()
        self.sessions = Sessions(ports.sessions)
        self.presence = Presence(ports.presence)
        self.identity = Identity(
            self.directory,
            self.operators,
            AccessTokens(ports.secret),
            self.sessions,
            ports.clock,
        )
        self.sign_in = PasswordSignIn(
            ports.log,
            self.operators,
            self.passwords,
            SignInFailures(ports.failures, ports.secret),
        )
        self.uploads = asyncio.Semaphore(ports.limits.uploads_at_once)
        self.document_streams: Counter[tuple[str, str]] = Counter()
        """How many each operator (tenant, operator) has open."""
        self.document_changes = (
            None if ports.knowledge is None else self._document_changes(ports.knowledge)
        )
        self.boards = Boards(self._board, linger_s=ports.limits.board_linger_s)
        self.leaving = False
        self._connected: set[Leaving] = set()
        self._idle = asyncio.Event()
        self._ends = KnownEnds()
        self._tasks: set[asyncio.Task[None]] = set()

    # Who may come in.

    async def admit(self, key: str, origin: str | None) -> TenantConfigured:
        """The tenant of a key that is used from `origin`. Raises Refusal."""
        tenant = await self.directory.by_key(key)
        if tenant is None:
            raise Refusal("wrong_key", "no tenant has this key")
        if not allows(tenant.origins, origin):
            raise Refusal("foreign_origin", f"this key may not be used from {str(origin)[:100]}")
        return tenant

    def check_tenant(self, tenant: str, origin: str | None) -> TenantConfigured:
        """The tenant that a token names, used from `origin`. Raises Refusal."""
        found = self.directory.by_id(tenant)
        if found is None:
            raise Refusal("bad_token", "the token names no tenant of this gateway")
        if not allows(found.origins, origin):
            raise Refusal("foreign_origin", f"not allowed from {str(origin)[:100]}")
        return found

    def read_token(self, token: str) -> VisitorPass:
        """Raises Refusal with code `bad_token`."""
        try:
            return self.tokens.read(token)
        except BadToken as error:
            raise Refusal("bad_token", str(error)) from None

    def new_pass(self, tenant: str, visitor: str = "") -> tuple[VisitorPass, str]:
        """A new conversation of `tenant` and its token, for a visitor who was here before or for
        a new one. Nothing is written by this."""
        token = self.tokens.issue(tenant, new_id(), visitor or new_id())
        return self.tokens.read(token), token

    def address(self, host: str | None) -> str:
        """The address to limit by, or empty where it says nothing about who is there."""
        if host is None or (is_loopback_host(host) and not self.ports.limit_loopback):
            return ""
        return host

    # Conversations.

    def feed(self, stream: StreamName, place: Place, view: View[Frame]) -> ConversationFeed[Frame]:
        return ConversationFeed(
            self.ports.log,
            stream,
            place,
            view,
            ends=self._ends,
            limits=self.limits,
            metrics=self.metrics,
        )

    def _board(self, tenant: str) -> Board:
        return Board(
            tenant,
            log=self.ports.log,
            live=self.ports.live,
            readings=self.ports.readings,
            limits=self.limits,
            now_ms=now_ms,
        )

    def _document_changes(self, knowledge: KnowledgePorts) -> DocumentChanges:
        return DocumentChanges(
            knowledge,
            self.ports.log,
            self.ports.live,
            every_s=self.limits.document_rows_s,
            frames=self.limits.outbox_frames,
        )

    async def ask(self, stream: StreamName, command: ConversationCommand) -> Outcome:
        """Ask a conversation; no answer in time is Refused with code `unavailable`."""
        try:
            async with asyncio.timeout(self.limits.ask_timeout_s):
                return await self.ports.conversations.ask(stream, command)
        except (Unavailable, TimeoutError) as error:
            _log.warning("a conversation did not answer", error=str(error), tenant=stream.tenant)
            return Refused(code="unavailable", detail="not answered in time; send it again")

    def start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run `work` beside its socket: what was asked goes on when the client is gone."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("work of the gateway failed", task=task.get_name(), exc_info=error)
        self._note_idle()

    # Who is connected.

    def joined(self, one: Leaving) -> None:
        self._connected.add(one)
        if self.leaving:
            one.leave()

    def left(self, one: Leaving) -> None:
        self._connected.discard(one)
        self._note_idle()

    def _note_idle(self) -> None:
        if not self._connected and not self._tasks:
            self._idle.set()

    async def leave(self) -> None:
        """Send every client away in good order, and wait a moment for them and their work."""
        self.leaving = True
        self._idle.clear()
        self._note_idle()
        for one in list(self._connected):
            one.leave()
        try:
            async with asyncio.timeout(self.limits.close_grace_s + 1):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("some clients were cut off", clients=len(self._connected))
