"""Who may ask for what: the fences that several rules share. Pure.

Each gives None where nothing stands against the command, or why it is not carried out.
"""

from __future__ import annotations

import re

from actors.conversation import commands as c
from actors.conversation.state import OpenTurn, State, seen_at

OPERATOR_CHARS = 4000
"""Of what an operator writes: a reply, a note, an approved text."""

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")


_NOTICE = "notice-"


def notice_of(command: c.Command) -> str:
    """The id of the notice that a command posts; by it the command is known again."""
    return _NOTICE + command.id


def done_before(state: State, ident: str) -> c.Accepted | None:
    """Rule 4: what stands in the log by this id is not done again."""
    known = seen_at(state, ident)
    return c.Accepted(version=known, duplicate=True) if known else None


def not_started(state: State) -> c.Refused | None:
    if state.version:
        return None
    return c.Refused(code="not_started", detail="a conversation begins with a message")


def unusable_id(ident: str) -> c.Refused | None:
    """Of what a client sends. None may pass for a notice: a command whose notice stands in the
    log is taken for done, and the ids of some (a lease that lapses) can be foreseen."""
    if not _ID.match(ident):
        return c.Refused(code="message_id", detail="id must be 1 to 64 of A-Z a-z 0-9 _ . : -")
    if ident.startswith(_NOTICE):
        return c.Refused(code="message_id", detail=f"no id may begin with {_NOTICE!r}")
    return None


def unusable_text(text: str, most: int) -> c.Refused | None:
    if text.strip() and len(text) <= most:
        return None
    detail = f"a message has 1 to {most} characters, this one {len(text)}"
    return c.Refused(code="message_length", detail=detail)


def stale(state: State, epoch: int) -> c.Refused | None:
    """What was asked under an old epoch is void: somebody else may have it now."""
    if epoch == state.epoch:
        return None
    detail = "the conversation changed hands meanwhile"
    return c.Refused(code="stale_epoch", detail=detail)


def not_owner(state: State, command: c.FencedCommand, *, or_nobody: bool) -> c.Refused | None:
    """The owner alone, under the epoch that they saw; with `or_nobody` anyone while nobody
    owns the conversation."""
    if state.operator and state.operator != command.operator:
        return c.Refused(code="not_owner", detail=f"{owner(state)} has this conversation")
    if not state.operator and not or_nobody:
        return c.Refused(code="not_owner", detail="take the conversation over first")
    return stale(state, command.epoch)


def owner(state: State) -> str:
    return state.operator_name or state.operator


def the_open_turn(state: State, turn: str, epoch: int) -> OpenTurn | c.Accepted | c.Refused:
    """Rule 8: an answer is bound to the turn it answers and to the epoch it was asked under."""
    if state.turn is None or state.turn.turn != turn:
        if state.ended_turn == turn:
            return c.Accepted(version=state.version, duplicate=True)
        return c.Refused(code="turn_over", detail=f"{turn} is not open")
    return stale(state, epoch) or stale(state, state.turn.epoch) or state.turn
