"""One live conversation: a mailbox, an owner, its own memory.

States: asleep (no State in memory) → awake (State is a copy of the log) → asleep again when it
has been idle, when an append's fate is unknown, or when another writer was first. Commands are
taken one at a time, in the order in which they came; a turn runs beside them and reports by a
command of its own. Failures: VersionConflict → reload and decide again; LogUnavailable → State
is dropped and Unavailable raised, so the caller asks again with the same id.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from typing import Protocol

import msgspec
import structlog

from actors.conversation import commands as c
from actors.conversation.decide import (
    OpenTurn,
    State,
    decide,
    fold,
    initial,
    needs_reception,
    owed,
)
from actors.hosting.snapshots import Snapshots
from actors.ports import HandoffAvailability, Unavailable
from events.log.event_log import (
    EMPTY,
    CorruptStream,
    EventLog,
    Head,
    LogUnavailable,
    NewCommit,
    UnknownFact,
    VersionConflict,
)
from events.log.stream import StreamName
from events.tenancy import HandoffPolicy

CONFLICTS = 8
"""Reloads before a command is given back: with one owner a second is already rare."""
RECEPTION_S = 0.75
"""The front desk may hold the mailbox up for so long; then the visitor is told less. It is more
than the desk itself waits for the place, or the opening hours would be lost with the place."""

_log = structlog.get_logger(__name__)


class NullHandoffAvailability:
    """A front desk that knows nothing: the default policy, and neither place nor hours."""

    def policy(self, tenant: str) -> HandoffPolicy:
        return HandoffPolicy()

    async def reception(self, tenant: str, conversation: str, at: int) -> c.Reception:
        return c.Reception()


class TurnRunner(Protocol):
    """Runs one AI turn. See `actors.turn.ai_turn.AiTurn`."""

    async def run(
        self, stream: StreamName, state: State, turn: OpenTurn
    ) -> c.RecordAnswer | c.FailTurn | c.RequestHandoff:
        """What came of the turn. Cancelled when it is superseded. Does not raise otherwise."""
        ...

    async def summary(self, state: State) -> c.RecordSummary | None:
        """A better summary of what fell out of the window, when one is due."""
        ...


class Entity:
    """Hosts one conversation. `ask` may be called concurrently; order is kept."""

    def __init__(
        self,
        stream: StreamName,
        *,
        log: EventLog,
        snapshots: Snapshots,
        turns: TurnRunner,
        snapshot_every: int,
        now: Callable[[], int],
        handoff_availability: HandoffAvailability | None = None,
    ) -> None:
        """`handoff_availability` None is one that knows nothing."""
        self._stream = stream
        self._events = log
        self._snapshots = snapshots
        self._turns = turns
        self._snapshot_every = snapshot_every
        self._now = now
        self._desk = handoff_availability or NullHandoffAvailability()
        self._mailbox = asyncio.Lock()  # wakes its waiters in the order in which they came
        self._state: State | None = None
        self._head = EMPTY
        self._snapshot_number = 0
        self._running: tuple[str, asyncio.Task[None]] | None = None
        self._reporting = ""
        self._doubtful = False
        self._background: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self.last_used = time.monotonic()

    @property
    def idle(self) -> bool:
        """Nothing waits, no turn runs: it may be passivated."""
        return not self._waiting and self._running is None and not self._background

    async def ask(self, command: c.ConversationCommand) -> c.Outcome:
        """Durable when it returns Accepted. Raises Unavailable (ask again with the same id)."""
        self._waiting += 1
        try:
            async with self._mailbox:
                return await self._handle(command)
        finally:
            self._waiting -= 1
            self.last_used = time.monotonic()

    async def state(self) -> State:
        async with self._mailbox:
            return await self._awake()

    async def passivate(self) -> None:
        """Keep a snapshot of what is not yet in one, and forget."""
        async with self._mailbox:
            if self._state is not None and self._head.number > self._snapshot_number:
                await self._snapshots.save(self._stream, self._head, self._state)
            self._sleep()

    def stop(self) -> None:
        """Cancel what runs; the log holds everything."""
        running, self._running = self._running, None
        if running:
            running[1].cancel()
        for task in self._background:
            task.cancel()

    async def _handle(self, command: c.ConversationCommand) -> c.Outcome:
        if isinstance(command, c.ResumeTurn) and (self._running or self._reporting):
            return c.Accepted(version=self._head.version, duplicate=True)
        if isinstance(command, c.ResumeTurn) and self._state and self._state.turn is None:
            self._sleep()  # the read model saw a turn: another owner may have begun it
        for _ in range(CONFLICTS):
            state = await self._awake()
            command = await self._prepared(state, command)
            decision = decide(state, command)
            if not isinstance(decision, tuple):
                self._react()
                return decision
            new = NewCommit(
                commit_id=commit_id(self._stream, command),
                facts=decision,
                correlation_id=_serves(state, command),
                causation_id=command.id,
            )
            try:
                commit = await self._events.append(self._stream, new, expected=self._head)
            except VersionConflict as conflict:
                _log.info(
                    "another writer was first", stream=self._stream.subject, why=str(conflict)
                )
                self._sleep()
                self._doubtful = True
                continue
            except LogUnavailable as error:
                self._sleep()
                raise Unavailable(str(error)) from error
            except BaseException:
                self._sleep()  # whether it is stored is not known
                raise
            self._doubtful = False
            self._head = commit.head
            self._state = fold(state, commit.version, commit.facts)
            self._react()
            self._snapshot_if_due()
            return c.Accepted(version=commit.version)
        raise Unavailable(f"{self._stream.subject}: {CONFLICTS} version conflicts in a row")

    async def _prepared(
        self, state: State, command: c.ConversationCommand
    ) -> c.ConversationCommand:
        """The command with what only the outside knows and the decision needs."""
        if _may_supervise(state, command):
            supervised = self._desk.policy(self._stream.tenant).supervised
            command = msgspec.structs.replace(command, supervised=supervised)
        if needs_reception(state, command):
            reception = await self._reception(command.at)
            return msgspec.structs.replace(command, reception=reception)
        return command

    async def _reception(self, at: int) -> c.Reception:
        tenant = self._stream.tenant
        try:
            async with asyncio.timeout(RECEPTION_S):
                return await self._desk.reception(tenant, self._stream.id, at)
        except Exception as error:  # noqa: BLE001 a person is called whatever is known of the queue
            _log.warning("front desk did not answer", tenant=tenant, error=repr(error))
            return c.Reception(silent=self._desk.policy(tenant).silent)

    async def _awake(self) -> State:
        if self._state is None:
            try:
                # After a conflict the snapshot itself may be of another history: read the log.
                snapshots = None if self._doubtful else self._snapshots
                self._state, self._head, self._snapshot_number = await rehydrate(
                    self._stream, self._events, snapshots
                )
            except LogUnavailable as error:
                raise Unavailable(str(error)) from error
        return self._state

    def _sleep(self) -> None:
        self._state, self._head = None, EMPTY

    def _snapshot_if_due(self) -> None:
        if self._head.number - self._snapshot_number < self._snapshot_every:
            return
        state, head = self._state, self._head
        assert state is not None
        self._snapshot_number = head.number
        self._spawn(self._snapshots.save(self._stream, head, state))

    # --- the turn that this state owes -----------------------------------------------------

    def _react(self) -> None:
        """Start the turn that is owed; end one that is owed no longer."""
        turn = owed(self._state) if self._state else None
        if self._running and (turn is None or self._running[0] != turn.turn):
            self._running[1].cancel()
            self._running = None
        if turn and self._running is None and turn.turn != self._reporting:
            assert self._state is not None
            task = asyncio.create_task(self._run_turn(self._state, turn))
            self._running = (turn.turn, task)

    async def _run_turn(self, state: State, turn: OpenTurn) -> None:
        try:
            command = await self._turns.run(self._stream, state, turn)
        except asyncio.CancelledError as error:
            if self._running is None or self._running[1] is not asyncio.current_task():
                raise  # superseded, or stopped
            # A part that it waited for was cancelled, not the turn itself.
            command = self._broken(turn, error)
        except Exception as error:  # noqa: BLE001 a turn that breaks must end visibly, whatever broke it
            command = self._broken(turn, error)
        self._finished(turn)
        try:
            await self._report(command)
        finally:
            if self._reporting == turn.turn:
                self._reporting = ""
        await self._summarize_if_due()

    def _broken(self, turn: OpenTurn, error: BaseException) -> c.FailTurn:
        _log.error("turn broke", stream=self._stream.subject, turn=turn.turn, exc_info=error)
        return c.FailTurn(
            id=f"fail:{turn.turn}",
            at=self._now(),
            turn=turn.turn,
            epoch=turn.epoch,
            reason="internal",
            detail=type(error).__name__,
        )

    def _finished(self, turn: OpenTurn) -> None:
        """From here on the turn may not be cancelled: what it found is reported, and the
        decider refuses it if it came too late."""
        if self._running and self._running[0] == turn.turn:
            self._keep(self._running[1])
            self._running = None
            self._reporting = turn.turn

    async def _report(self, command: c.ConversationCommand) -> None:
        try:
            outcome = await self.ask(command)
        except (Unavailable, CorruptStream, UnknownFact) as error:
            # The watchdog finds the turn still open and resumes it.
            _log.warning("turn not reported", stream=self._stream.subject, error=str(error))
            return
        if isinstance(outcome, c.Refused):
            _log.info("turn over", stream=self._stream.subject, code=outcome.code)

    async def _summarize_if_due(self) -> None:
        if self._state is None:
            return
        try:
            command = await self._turns.summary(self._state)
        except Exception:  # noqa: BLE001 the extractive summary stands
            _log.exception("summary failed", stream=self._stream.subject)
            return
        if command:
            await self._report(command)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        self._keep(asyncio.create_task(work))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def rehydrate(
    stream: StreamName, log: EventLog, snapshots: Snapshots | None
) -> tuple[State, Head, int]:
    """State, its place in the log, and the number of the commit that the snapshot held.

    A snapshot that the log contradicts (a fork) is not used; one that is ahead of it (a restored
    backup) shows at the next append, and then None for `snapshots` reads the log alone.
    Raises LogUnavailable, CorruptStream, UnknownFact.
    """
    snapshot = await snapshots.load(stream) if snapshots else None
    if snapshot:
        try:
            commits = await log.load(stream, after=snapshot.head)
        except CorruptStream as error:
            _log.warning("snapshot does not fit the log", stream=stream.subject, error=str(error))
        else:
            state, head = snapshot.state, snapshot.head
            for commit in commits:
                state, head = fold(state, commit.version, commit.facts), commit.head
            return state, head, snapshot.head.number
    state, head = initial(stream.tenant, stream.id), EMPTY
    for commit in await log.load(stream):
        state, head = fold(state, commit.version, commit.facts), commit.head
    return state, head, 0


def commit_id(stream: StreamName, command: c.ConversationCommand) -> str:
    """The same command gives the same id in every process; 32 hexadecimal digits."""
    name = f"{stream.subject}\0{type(command).__name__}\0{command.id}"
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _may_supervise(state: State, command: c.ConversationCommand) -> bool:
    """Whether the tenant's policy says if a person looks over the AI from here on."""
    match command:
        case c.ReceiveMessage():
            return state.version == 0 or state.resolved
        case c.RequestHandoff() | c.Reopen():
            return state.resolved
        case c.Release():
            return command.to == "queue"
        case c.LapseLease():
            return True
        case _:
            return False


def _serves(state: State, command: c.ConversationCommand) -> str:
    """The visitor's message that a commit serves: its correlation id."""
    if isinstance(command, c.ReceiveMessage):
        return command.id
    if isinstance(command, c.ApproveDraft | c.RejectDraft) and state.draft:
        return state.draft.in_reply_to[-1]
    return state.turn.answers[-1] if state.turn and state.turn.answers else command.id
