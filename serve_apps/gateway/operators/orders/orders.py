"""An operator's order as the conversation is asked it: who gives it stands in no order."""

from __future__ import annotations

from typing import Any

from actors.conversation import commands as c
from serve_apps.gateway.operators import frames as f
from serve_apps.gateway.shared.limits import Rejected, clean_text


def to_command(order: f.Order, me: f.OperatorView, at: int) -> c.ConversationCommand:
    """`order` of `me`, given at `at` (ms since 1970, UTC). Raises Rejected `message_length` where
    no text is left of it."""
    who: dict[str, Any] = {
        "id": order.id, "at": at, "operator": me.operator, "operator_name": me.name
    }  # fmt: skip
    match order:
        case f.TakeOverOrder():
            return c.TakeOver(**who, epoch=order.epoch, openly=order.openly)
        case f.SuperviseOrder():
            return c.Supervise(**who, epoch=order.epoch, openly=order.openly)
        case f.ReleaseOrder():
            return c.Release(**who, epoch=order.epoch, to=order.to)
        case f.ReplyOrder():
            return c.ReplyAsOperator(**who, epoch=order.epoch, text=_some(order.text))
        case f.NoteOrder():
            return c.AddNote(**who, text=_some(order.text))
        case f.ApproveOrder():
            text = _some(order.text) if order.text else ""
            return c.ApproveDraft(**who, epoch=order.epoch, draft=order.draft, text=text)
        case f.RejectOrder():
            reason = _some(order.reason)
            return c.RejectDraft(**who, epoch=order.epoch, draft=order.draft, reason=reason)
        case f.ResolveOrder():
            return c.Resolve(**who, epoch=order.epoch)
        case f.ReopenOrder():
            return c.Reopen(**who)


def _some(text: str) -> str:
    kept = clean_text(text)
    if not kept:
        raise Rejected("message_length", "nothing is left of this text")
    return kept
