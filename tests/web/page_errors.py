"""What a page of ours must never do: break its content security policy, or write an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import ConsoleMessage, Page


def listen(page: Page, wrong: list[str], *expects: str) -> None:
    """Gather errors of `page` in `wrong`, but for those that hold one of the texts `expects`."""

    def hear(message: ConsoleMessage) -> None:
        # A socket that breaks is told by the browser itself, whatever the page does.
        expected = ("WebSocket connection", *filter(None, expects))
        told = any(text in message.text for text in expected)
        if message.type == "error" and not told:
            wrong.append(message.text)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", hear)
