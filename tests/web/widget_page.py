"""The widget as a person finds it on a page: what tests may do to it and see of it.

It knows the protocol's double as little as the real gateway: both are driven by it.
"""

from __future__ import annotations

import re
from typing import Any, TypedDict
from urllib.parse import urlencode

from patience import PATIENCE_MS
from playwright.async_api import Locator, Page, expect


class ShownSource(TypedDict):
    n: int
    title: str
    quote: str
    url: str | None
    rel: str | None
    target: str | None


class WidgetPage:
    """One page with one widget. Every wait has a time-out of `patience_ms`."""

    def __init__(self, page: Page, url: str, *, patience_ms: float = PATIENCE_MS) -> None:
        self.page, self.url, self.patience_ms = page, url, patience_ms
        self.chat = page.locator("tandem-chat")
        self.launcher = self.chat.locator(".launcher")
        self.panel = self.chat.get_by_role("dialog")
        self.input = self.chat.locator("textarea")
        self.banner = self.chat.locator(".banner")
        self.stream = self.chat.locator(".live .streaming")
        self.typing = self.chat.locator(".live .dots")
        self.subtitle = self.chat.locator(".subtitle")
        self.person_choice = self.chat.locator(".menu .choice").first

    # Doing.

    async def open(self, path: str = "/", **query: str) -> None:
        """Load the page (`lang="es"` for Spanish), open the chat, wait until it is connected."""
        address = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        await self.page.goto(address)
        await self.open_chat()
        await self.wait_status("ready")

    async def open_chat(self) -> None:
        await expect(self.launcher).to_be_attached(timeout=self.patience_ms)
        if await self.panel.count() == 0 or not await self.panel.is_visible():
            await self.launcher.click()
        await expect(self.panel).to_be_visible(timeout=self.patience_ms)

    async def ask(self, text: str) -> None:
        """Write `text` and send it with Enter; does not wait for anything."""
        await self.input.fill(text)
        await self.input.press("Enter")

    async def reload(self) -> None:
        """Load the page again and open the chat."""
        await self.page.reload()
        await self.open_chat()
        await self.wait_status("ready")

    async def go_offline(self) -> None:
        await self.page.context.set_offline(True)
        await self.wait_status("offline")

    async def go_online(self) -> None:
        await self.page.context.set_offline(False)
        await self.wait_status("ready")

    async def talk_to_a_person(self) -> None:
        """Through the menu in the header."""
        await self.open_menu()
        await self.person_choice.click()

    async def open_menu(self) -> None:
        await self.chat.locator(".header .round").first.click()

    async def start_afresh(self) -> None:
        """Through the menu: leave this conversation and begin another."""
        await self.open_menu()
        await self.chat.locator(".menu .choice").nth(1).click()

    async def rate(self, score: int) -> None:
        await self.chat.locator(".star-button").nth(score - 1).click()

    # Waiting.

    async def wait_status(self, status: str) -> None:
        """`ready`, `connecting`, `waiting`, `offline` or `refused`."""
        found = self.chat.locator(f'.banner[data-status="{status}"]')
        await expect(found).to_be_attached(timeout=self.patience_ms)

    async def wait_answer(self, n: int) -> str:
        """Wait for the `n`-th answer of the assistant (from 1) in full; its text."""
        await expect(self._answers().nth(n - 1)).to_be_visible(timeout=self.patience_ms)
        return (await self.answers())[n - 1]

    async def wait_stream(self, text: str) -> None:
        """Wait until `text` stands in the answer that is being written."""
        await expect(self.stream).to_contain_text(text, timeout=self.patience_ms)

    async def wait_delivery(self, text: str, state: str) -> None:
        """`state` is `queued`, `flying`, `accepted`, `resting`, `failed`, or `logged`: the message
        came back from the conversation's log."""
        unsent = ("queued", "flying", "accepted", "resting", "failed")
        logged = "".join(f":not(.{one})" for one in unsent)
        wanted = logged if state == "logged" else f".{state}"
        found = self.chat.locator(f".log .message.visitor{wanted}", has_text=text)
        await expect(found).to_be_visible(timeout=self.patience_ms)

    async def wait_notice(self, text: str) -> None:
        """Wait until the house has said `text` (or more)."""
        found = self.chat.locator(".log .notice", has_text=text).last
        await expect(found).to_be_visible(timeout=self.patience_ms)

    async def wait_waiting(self, text: str | re.Pattern[str]) -> None:
        """Wait until the line below the last word says `text`; empty: there is none."""
        line = self.chat.locator(".waiting")
        await expect(line).to_have_text(text, timeout=self.patience_ms)

    async def wait_who(self, text: str) -> None:
        """Wait until the header names who answers."""
        await expect(self.subtitle).to_have_text(text, timeout=self.patience_ms)

    async def settle(self) -> None:
        """Wait until nothing moves any more but what always does (dots, the cursor)."""
        await self.chat.evaluate(_SETTLED)

    # Seeing.

    async def answers(self) -> list[str]:
        """The assistant's answers, as they are read; a citation is `[1]`."""
        return await self._texts(self._answers())

    async def visitor_messages(self) -> list[str]:
        """All that the visitor said, what is still unsent included."""
        return await self._texts(self.chat.locator(".log .message.visitor"))

    async def operator_messages(self) -> list[str]:
        return await self._texts(self.chat.locator(".log .message.operator"))

    async def notices(self) -> list[str]:
        return await self.chat.locator(".log .notice").all_inner_texts()

    async def sources(self, n: int = -1) -> list[ShownSource]:
        """The sources under answer `n` (from 0; the last one by default), each opened once."""
        answer = self._answers().last if n == -1 else self._answers().nth(n)
        shown: list[ShownSource] = []
        for chip in await answer.locator(".chip").all():
            await chip.click()
            card = answer.locator(".card:visible")
            await expect(card).to_be_visible(timeout=self.patience_ms)
            shown.append(
                await card.evaluate(_READ_CARD, await chip.locator(".number").inner_text())
            )
            await chip.click()
        return shown

    async def focused(self) -> str:
        """The class, or the tag, of what has the keyboard's focus inside the widget."""
        return await self.chat.evaluate(_READ_FOCUS)

    def _answers(self) -> Locator:
        return self.chat.locator(".log .message.assistant")

    async def _texts(self, messages: Locator) -> list[str]:
        found: Any = await messages.evaluate_all(_READ_BUBBLES)
        return [str(text) for text in found]


_READ_BUBBLES = """messages => messages.map(message => {
  const words = message.querySelector('.words').cloneNode(true);
  words.querySelectorAll('.cite').forEach(cite => cite.replaceWith(`[${cite.textContent}]`));
  return [...words.childNodes].map(node => node.textContent).join('\\n').trim();
})"""

_SETTLED = """chat => Promise.all(chat.shadowRoot.getAnimations()
  .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
  .map(animation => animation.finished.catch(() => null)))"""

_READ_FOCUS = """chat => {
  const focused = chat.shadowRoot.activeElement;
  return focused ? focused.className || focused.tagName : '';
}"""

_READ_CARD = """(card, number) => {
  const link = card.querySelector('a');
  return {
    n: Number(number),
    title: card.querySelector('.card-title').textContent,
    quote: card.querySelector('blockquote')?.textContent ?? '',
    url: link?.getAttribute('href') ?? null,
    rel: link?.rel ?? null,
    target: link?.target ?? null,
  };
}"""
