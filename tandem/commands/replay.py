"""`tandem replay ID`: every event of a conversation in order, and State folded to that version."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.text import Text

from config.settings import Settings
from events.log.event_log import Commit, LogError
from tandem.addresses import read_running
from tandem.errors import UserError

if TYPE_CHECKING:
    from actors.conversation.state import State

_COLOURS = {
    "MessageReceived": "cyan",
    "AnswerRecorded": "green",
    "OperatorReplied": "magenta",
    "TurnFailed": "red",
    "TurnCancelled": "yellow",
}


def replay(
    conversation: Annotated[str, typer.Argument(help="The conversation's id.", metavar="ID")],
    at: Annotated[
        int | None, typer.Option(help="Stop at this version: what was known then.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON Lines: one object an event, the State last.")
    ] = False,
    tenant: Annotated[str, typer.Option(help="The tenant whose conversation it is.")] = "demo",
) -> None:
    """Show every event of a conversation in order, and its State folded to that version."""
    commits = asyncio.run(_load(Settings(), tenant, conversation))
    if at is not None:
        commits = [commit for commit in commits if commit.version <= at]
        if not commits:
            raise UserError(f"conversation {conversation} had not begun at version {at}")
    if as_json:
        _print_json(tenant, conversation, commits)
    else:
        _print_story(tenant, conversation, commits)


async def _load(settings: Settings, tenant: str, conversation: str) -> Sequence[Commit]:
    from events.jetstream.log import JetStreamLog
    from events.log.stream import conversation_stream

    try:
        stream = conversation_stream(tenant, conversation)
    except ValueError as error:
        raise UserError(str(error)) from None
    log = await JetStreamLog.connect(read_running(settings).nats_url, name="tandem-replay")
    try:
        commits = await log.load(stream)
    except LogError as error:
        raise UserError(f"the log cannot be read: {error}") from None
    finally:
        await log.close()
    if not commits:
        raise UserError(
            f"no conversation {conversation} of tenant {tenant}: see `tandem conversations`"
        )
    return commits


def _print_json(tenant: str, conversation: str, commits: Sequence[Commit]) -> None:
    from events.json_lines import commit_lines, state_line

    for commit in commits:
        for line in commit_lines(commit):
            print(line.decode())
    print(state_line(_state(tenant, conversation, commits)).decode())


def _print_story(tenant: str, conversation: str, commits: Sequence[Commit]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]{conversation}[/] of {tenant}: {len(commits)} commits\n")
    for commit in commits:
        for index, fact in enumerate(commit.facts):
            data = _plain(fact)
            name = str(data.pop("fact")).split(".")[0]
            when = datetime.fromtimestamp(data.pop("at") / 1000, UTC).isoformat(
                sep=" ", timespec="milliseconds"
            )
            place = f"{commit.version}.{index}"
            line = Text(f"{place:>8}  {when[:-6]}  ")
            line.append(name, _COLOURS.get(name, "bold"))
            console.print(line)
            for key, value in data.items():
                console.print(Text(f"{'':10}{key}: {_short(value)}", "dim"))
    console.print("\n[bold]State[/] at version", commits[-1].version)
    console.print_json(msgspec.json.encode(_state(tenant, conversation, commits)).decode())


def _state(tenant: str, conversation: str, commits: Sequence[Commit]) -> State:
    from actors.conversation.decide import fold, initial

    state = initial(tenant, conversation)
    for commit in commits:
        state = fold(state, commit.version, commit.facts)
    return state


def _plain(fact: msgspec.Struct) -> dict[str, Any]:
    return msgspec.to_builtins(fact)


def _short(value: Any, limit: int = 400) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= limit else text[: limit - 1] + "…"
