"""What the house itself tells the visitor: the NoticePosted facts of a decision. Pure."""

from __future__ import annotations

from actors.conversation import commands as c
from actors.conversation.rules.preconditions import notice_of, owner
from actors.conversation.state import State
from actors.speech.language import detect
from actors.speech.notices import Occasion, notice_text
from actors.speech.texts import Locale, locale_of
from events import conversation as e
from events.conversation import Fact, Notice

LOOKED_AT = 3
"""The visitor's newest messages tell the language; older ones may be in another."""


def notice(
    state: State,
    command: c.Command,
    kind: Notice,
    *,
    locale: str = "",
    silent: bool = False,
    to_ai: bool = False,
    supervised: bool = False,
    reception: c.Reception | None = None,
) -> Fact:
    """`locale` where the command knows the visitor's language better than the State does;
    `reception` where the visitor waits for a person from here on."""
    language = locale_of(locale) if locale else visitors_language(state)
    operator, name = "", ""
    if isinstance(command, c.OperatorCommand):
        operator, name = command.operator, command.operator_name
    occasion = Occasion(
        name=name,
        previous=owner(state),
        from_mode=state.mode,
        reception=reception,
        silent=silent,
        to_ai=to_ai,
        supervised=supervised,
    )
    return e.NoticePosted(
        at=command.at,
        message=notice_of(command),
        notice=kind,
        text=notice_text(kind, language, occasion),
        locale=language,
        operator=operator,
        operator_name=name,
        place=reception.place if reception and reception.open else 0,
    )


def tenants_default(at: int, epoch: int) -> Fact:
    """A conversation that begins, or begins again, belongs to no operator yet."""
    return e.ModeChanged(at=at, mode="supervised", epoch=epoch, reason="tenant_default")


def visitors_language(state: State) -> Locale:
    """`en` or `es`: by the visitor's own words, else by what their browser says."""
    texts = [item.text for item in state.memory.window if item.role == "visitor"]
    recent = "\n".join(reversed(texts[-LOOKED_AT:]))
    return locale_of(detect(recent, state.locale or "en"))
