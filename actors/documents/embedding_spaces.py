"""A tenant's embedding spaces and chunk settings: decided and folded from `index_stream`. Pure.

A document answers once it is embedded in the active space, in which it is searched; the other open
ones are seen to after that. A new space is opened, filled, and switched to by one event; the one
before stays open, so that the way back is one event too.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from events import knowledge as k
from events.conversation import Fact
from events.knowledge import ChunkSettings
from events.spaces import DEFAULT, DEFAULT_SPACE, BadSpace, parse_space

MAX_OPEN = 4
"""Every document is embedded once for each."""
LEAST_TOKENS = 32
"""Of a chunk; the most is what the default space's model reads."""

_change = msgspec.structs.replace


class Switch(msgspec.Struct, frozen=True):
    """That `space` was searched in from commit `version` on."""

    version: int
    space: str


class Spaces(msgspec.Struct, frozen=True, kw_only=True):
    """`open` in the order in which they were opened, the active one among them."""

    version: int = 0
    active: str = DEFAULT_SPACE
    open: tuple[str, ...] = (DEFAULT_SPACE,)
    settings: ChunkSettings = ChunkSettings()
    history: tuple[Switch, ...] = ()

    def active_at(self, version: int) -> str:
        """What was searched in as of `version`."""
        spaces = [one.space for one in self.history if one.version <= version]
        return spaces[-1] if spaces else DEFAULT_SPACE


class OpenSpace(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    space: str
    at: int


class SwitchSpace(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    space: str
    at: int
    recall: float = 0.0
    quality: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    by: str = ""


class CloseSpace(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    space: str
    at: int


class SetChunking(msgspec.Struct, frozen=True, kw_only=True):
    tenant: str
    settings: ChunkSettings
    at: int
    by: str = ""


IndexCommand = OpenSpace | SwitchSpace | CloseSpace | SetChunking


class SpaceRefused(Exception):
    """`code` is stable (`no_space`, `not_open`, `active`, `too_many`, `settings`)."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)  # both, so that it survives pickling
        self.code, self.reason = code, reason

    def __str__(self) -> str:
        return self.reason


def fold(spaces: Spaces, version: int, facts: Iterable[Fact]) -> Spaces:
    """The state after one commit of `index_stream`; facts of documents change nothing."""
    spaces = _change(spaces, version=version)
    for fact in facts:
        match fact:
            case k.SpaceOpened() if fact.space not in spaces.open:
                spaces = _change(spaces, open=(*spaces.open, fact.space))
            case k.SpaceSwitched():
                switch = Switch(version, fact.space)
                spaces = _change(spaces, active=fact.space, history=(*spaces.history, switch))
            case k.SpaceClosed():
                left = tuple(space for space in spaces.open if space != fact.space)
                spaces = _change(spaces, open=left)
            case k.ChunkSettingsSet():
                spaces = _change(spaces, settings=fact.settings)
            case _:
                pass
    return spaces


def decide(spaces: Spaces, command: IndexCommand) -> tuple[Fact, ...]:
    """No facts when it is so already. Raises SpaceRefused."""
    match command:
        case OpenSpace():
            return _open(spaces, command)
        case SwitchSpace():
            return _switch(spaces, command)
        case CloseSpace():
            return _close(spaces, command)
        case SetChunking():
            return _set_chunking(spaces, command)


def _open(spaces: Spaces, command: OpenSpace) -> tuple[Fact, ...]:
    try:
        parse_space(command.space)
    except BadSpace as error:
        raise SpaceRefused("no_space", str(error)) from None
    if command.space in spaces.open:
        return ()
    if len(spaces.open) >= MAX_OPEN:
        raise SpaceRefused(
            "too_many", f"{len(spaces.open)} spaces are open, {MAX_OPEN} at most: close one first"
        )
    return (k.SpaceOpened(at=command.at, tenant=command.tenant, space=command.space),)


def _switch(spaces: Spaces, command: SwitchSpace) -> tuple[Fact, ...]:
    if command.space not in spaces.open:
        raise SpaceRefused("not_open", f"{command.space} is not open: open and fill it first")
    if command.space == spaces.active:
        return ()
    return (
        k.SpaceSwitched(
            at=command.at,
            tenant=command.tenant,
            space=command.space,
            previous=spaces.active,
            recall=command.recall,
            quality=command.quality,
            by=command.by,
        ),
    )


def _close(spaces: Spaces, command: CloseSpace) -> tuple[Fact, ...]:
    if command.space == spaces.active:
        raise SpaceRefused("active", f"{command.space} is searched in: switch to another first")
    if command.space not in spaces.open:
        return ()
    return (k.SpaceClosed(at=command.at, tenant=command.tenant, space=command.space),)


def _set_chunking(spaces: Spaces, command: SetChunking) -> tuple[Fact, ...]:
    settings = command.settings
    if not LEAST_TOKENS <= settings.max_tokens <= DEFAULT.max_tokens:
        raise SpaceRefused(
            "settings",
            f"{settings.max_tokens} tokens a chunk: {LEAST_TOKENS} to {DEFAULT.max_tokens}",
        )
    if not 0 <= settings.overlap_tokens <= settings.max_tokens // 2:
        raise SpaceRefused(
            "settings", f"{settings.overlap_tokens} tokens of overlap: half a chunk at most"
        )
    if settings == spaces.settings:
        return ()
    return (
        k.ChunkSettingsSet(at=command.at, tenant=command.tenant, settings=settings, by=command.by),
    )
