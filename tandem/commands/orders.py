"""What operators do to a conversation: `tandem takeover`, `reply`, `approve`, `release`, ...

The same orders as the console gives, each under the epoch that holds just before. Where an order
is refused because the conversation changed hands, the line says who has it.
"""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tandem.operator_options import (
    FOR_OPERATORS,
    Company,
    ConversationId,
    Email,
    Password,
    Url,
    as_operator,
)

if TYPE_CHECKING:
    from tandem.clients.operator_http import OperatorClient

PANEL = FOR_OPERATORS
Json = dict[str, Any]
Openly = Annotated[bool, typer.Option("--openly", help="Also from the colleague who has it.")]


class Onwards(StrEnum):
    ai = "ai"
    queue = "queue"


def look(
    ident: ConversationId,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Show how a conversation stands: who has it, why, what was said last, the draft."""
    with as_operator(url, email, password, tenant) as operator:
        _show(operator.conversation(ident))


def takeover(  # noqa: PLR0917 # Typer names them on the command line
    ident: ConversationId,
    openly: Openly = False,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Take a conversation over, and answer in person."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "take_over", openly=openly)
        _show(operator.conversation(ident))
    print(f"\nit is yours; answer with: tandem reply {ident} TEXT")


def supervise(  # noqa: PLR0917 # as above
    ident: ConversationId,
    openly: Openly = False,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Take a conversation over, and let the AI draft what you approve."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "supervise", openly=openly)
        _show(operator.conversation(ident))
    print(f"\nit is yours; let a draft out with: tandem approve {ident}")


def reply(  # noqa: PLR0917 # as above
    ident: ConversationId,
    text: Annotated[str, typer.Argument(help="What the visitor reads.")],
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Answer the visitor of a conversation that you have."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "reply", text=text)
    print("sent")


def note(  # noqa: PLR0917 # as above
    ident: ConversationId,
    text: Annotated[str, typer.Argument(help="What your colleagues read.")],
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Leave a note that only operators see."""
    with as_operator(url, email, password, tenant) as operator:
        operator.order(ident, "note", epoch=None, text=text)
    print("noted")


def release(  # noqa: PLR0917 # as above
    ident: ConversationId,
    to: Annotated[Onwards, typer.Option(help="Who goes on.")] = Onwards.ai,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Give a conversation back to the AI, or to the queue for a colleague."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "release", to=to.value)
    print("the AI has it" if to is Onwards.ai else "it waits for a colleague")


def approve(  # noqa: PLR0917 # as above
    ident: ConversationId,
    text: Annotated[str, typer.Option(help="Let this out in place of the draft.")] = "",
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Let out the draft that waits in a conversation, as it is or with another text."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "approve", on_draft=True, **({"text": text} if text else {}))
    print("sent, with your text" if text else "sent")


def reject(  # noqa: PLR0917 # as above
    ident: ConversationId,
    reason: Annotated[str, typer.Option(help="Why, for the ledger.")],
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Reject the draft that waits in a conversation: it will never be sent."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "reject", on_draft=True, reason=reason)
    print("rejected; the visitor still waits for an answer")


def resolve(
    ident: ConversationId,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Close a conversation; a new message of the visitor opens it again."""
    with as_operator(url, email, password, tenant) as operator:
        _ordered(operator, ident, "resolve")
    print("resolved")


def reopen(
    ident: ConversationId,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Open a resolved conversation again."""
    with as_operator(url, email, password, tenant) as operator:
        operator.order(ident, "reopen", epoch=None)
    print("open again")


COMMANDS = (
    look,
    takeover,
    supervise,
    reply,
    note,
    release,
    approve,
    reject,
    resolve,
    reopen,
)


def _ordered(
    operator: OperatorClient, ident: str, kind: str, *, on_draft: bool = False, **fields: object
) -> None:
    """Give the order under the epoch that holds now; with `on_draft` on the draft that waits.

    Raises UserError, which names who has the conversation where that is why.
    """
    from tandem.clients.operator_http import Refused
    from tandem.errors import UserError

    state: Json = operator.conversation(ident)["state"]
    if on_draft:
        if not (draft := state.get("draft")):
            raise UserError(f"no draft waits in {ident}")
        fields["draft"] = draft["draft"]
    try:
        operator.order(ident, kind, epoch=state.get("epoch", 1), **fields)
    except Refused as refused:
        raise UserError(f"{refused}{_why(operator, ident, kind, refused)}") from None


def _why(operator: OperatorClient, ident: str, kind: str, refused: Exception) -> str:
    """What a person wants to know next."""
    from tandem.output.operators import who_has

    code = getattr(refused, "code", "")
    if code == "taken":
        return f": tandem {'takeover' if kind == 'take_over' else kind} {ident} --openly takes it"
    if code == "stale_epoch":
        return f": {who_has(operator.conversation(ident)['row'])} has it now"
    return ""


def _show(found: Json) -> None:
    from tandem.output.operators import print_conversation

    print_conversation(found, now=time.time_ns() // 1_000_000)
