"""`tandem ask "..."`: a visitor's question over a real WebSocket, answered as it streams in."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer

from tandem.errors import UserError

Frame = dict[str, Any]


def ask(  # noqa: PLR0917 # Typer names them on the command line
    question: Annotated[str, typer.Argument(help="What a visitor would write.")],
    tenant_key: Annotated[
        str, typer.Option(help="The company's publishable key.", metavar="KEY")
    ] = "pk_demo",
    locale: Annotated[
        str, typer.Option(help="The visitor's language, such as en or es.", metavar="LOCALE")
    ] = "en",
    conversation: Annotated[
        str, typer.Option(help="Go on with this conversation; needs its token.", metavar="ID")
    ] = "",
    token: Annotated[
        str, typer.Option(help="The token printed at its beginning.", metavar="TOKEN")
    ] = "",
    url: Annotated[
        str,
        typer.Option(help="A gateway elsewhere, such as wss://chat.example.com/v1/socket."),
    ] = "",
    timeout: Annotated[
        float, typer.Option(min=1, help="Give up after this many seconds.", metavar="SECONDS")
    ] = 120,
) -> None:
    """Ask as a visitor: the answer streams in, then its sources and the conversation's id."""
    if bool(conversation) != bool(token):
        raise UserError("--conversation and --token belong together")
    asyncio.run(
        _ask(
            question,
            url=url or _running_socket(),
            key=tenant_key,
            locale=locale,
            conversation=conversation,
            token=token,
            timeout_s=timeout,
        )
    )


def _running_socket() -> str:
    from tandem.addresses import read_running, web_url  # help must be quick
    from tandem.doctor import read_settings

    base = web_url(read_running(read_settings()).settings)
    return "ws" + base.removeprefix("http") + "/v1/socket"


class _Page:
    """Writes what streams in, and corrects it when the answer that counts reads otherwise."""

    def __init__(self) -> None:
        self._turn = ""
        self._shown = ""

    def delta(self, frame: Frame) -> None:
        if frame["turn"] != self._turn:
            self._break()
            self._turn = frame["turn"]
        self._write(frame["text"])

    def answer(self, text: str) -> None:
        """The event's text rules. What was streamed stands when it is the same."""
        if self._shown.strip() == text.strip():
            self._write("\n")
            return
        self._break()
        self._write(text + "\n")

    def _break(self) -> None:
        if self._shown:
            self._write("\n")
        self._shown = ""

    def _write(self, text: str) -> None:
        self._shown += text
        sys.stdout.write(text)
        sys.stdout.flush()


async def _ask(
    question: str,
    *,
    url: str,
    key: str,
    locale: str,
    conversation: str,
    token: str,
    timeout_s: float,
) -> None:
    from websockets.exceptions import InvalidURI  # help must be quick

    from tandem.clients.visitor import RefusedByGateway, Visitor

    page = _Page()

    def show(frame: Frame) -> None:
        if frame["type"] == "delta":
            page.delta(frame)

    visitor = Visitor(
        url, key, locale=locale, token=token, conversation=conversation, on_frame=show
    )
    try:
        async with visitor:
            reply = await visitor.ask(question, timeout_s=timeout_s)
    except RefusedByGateway as refusal:
        raise UserError(f"the gateway refuses: {refusal.detail or refusal.code}") from None
    except TimeoutError:
        said = "accepted, but not answered" if visitor.accepted else "not accepted"
        reached = said if visitor.connections else f"no gateway answers at {url}"
        raise UserError(f"{reached} within the time-out") from None
    except InvalidURI:
        raise UserError(f"{url} is no WebSocket address") from None
    _print_reply(page, reply, visitor.conversation, visitor.token)


def _print_reply(page: _Page, reply: Frame, conversation: str, token: str) -> None:
    if reply["kind"] == "turn_failed":
        raise UserError(f"the answer failed (conversation {conversation})")
    page.answer(reply.get("text", ""))
    sources = reply.get("sources") or []
    if sources:
        print("\nSources")
    for source in sources:
        place = f"  {source['url']}" if source.get("url") else ""
        print(f"  [{source['n']}] {source['title']}{place}")
    print(f"\nconversation {conversation}")
    print(f"go on with   --conversation {conversation} --token {token}")
