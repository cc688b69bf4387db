"""The console as an operator finds it in a browser: what tests may do to it and see of it.

It knows the double as little as the real gateway: both are driven by it.
"""

from __future__ import annotations

import re
from typing import Any

from patience import PATIENCE_MS
from playwright.async_api import Locator, Page, expect


class ConsolePage:
    """One page with the console in it. Every wait has a time-out of `patience_ms`."""

    def __init__(self, page: Page, url: str, *, patience_ms: float = PATIENCE_MS) -> None:
        self.page, self.url, self.patience_ms = page, url, patience_ms
        self.queue = page.locator(".queue")
        self.conversation = page.locator("#conversation")
        self.context = page.locator(".context")
        self.thread = page.locator(".thread")
        self.composer = page.locator(".composer-text")
        self.draft = page.locator(".draft")
        self.dialog = page.locator("dialog[open]")
        self.toasts = page.locator(".toast")
        self.banner = page.locator(".desk [role=status][data-status]")

    # Doing.

    async def open(
        self, email: str, password: str, *, path: str = "/console", ready: bool = True
    ) -> None:
        """Load the page, sign in, and wait until the board is there."""
        await self.page.goto(f"{self.url}{path}")
        await self.sign_in(email, password)
        if ready:
            await self.wait_ready()

    async def sign_in(self, email: str, password: str) -> None:
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def show(self, view: str) -> None:
        """`Unassigned`, `Mine`, `All` or `Resolved`."""
        await self.queue.locator(".view", has_text=view).click()

    async def pick(self, conversation: str) -> None:
        """Open a conversation from the queue and wait until it stands there."""
        await self.row(conversation).click()
        await self.wait_opened(conversation)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def do(self, name: str) -> None:
        """Press one of the conversation's buttons."""
        await self.conversation.get_by_role("button", name=name).first.click()

    async def write(self, text: str) -> None:
        """Write `text` into the composer and send it with Enter."""
        await self.composer.fill(text)
        await self.composer.press("Enter")

    # Waiting.

    async def wait_ready(self) -> None:
        found = self.page.locator('[role=status][data-status="ready"]')
        await expect(found).to_be_attached(timeout=self.patience_ms)
        loading = self.queue.get_by_text("Loading…")
        await expect(loading).to_have_count(0, timeout=self.patience_ms)

    async def wait_status(self, status: str) -> None:
        found = self.page.locator(f'[role=status][data-status="{status}"]')
        await expect(found).to_be_attached(timeout=self.patience_ms)

    async def wait_opened(self, conversation: str) -> None:
        await expect(self.page).to_have_url(
            re.compile(rf"[?&]c={re.escape(conversation)}"), timeout=self.patience_ms
        )
        await expect(self.thread).to_be_visible(timeout=self.patience_ms)

    async def wait_holder(self, text: str) -> None:
        """Wait until the conversation's head says who has it."""
        found = self.conversation.locator(".holder")
        await expect(found).to_contain_text(text, timeout=self.patience_ms)

    async def wait_line(self, text: str, kind: str = "") -> Locator:
        """Wait for a line of the conversation: `visitor`, `assistant`, `operator`, `note`, ..."""
        found = self.thread.locator(f".line{f'.{kind}' if kind else ''}", has_text=text)
        await expect(found.first).to_be_visible(timeout=self.patience_ms)
        return found.first

    async def wait_delivery(self, text: str, state: str) -> None:
        """`waiting`, `sending`, `saved`, `seen` or `failed`."""
        found = self.thread.locator(".line.operator", has_text=text).locator(
            f'[data-delivery="{state}"]'
        )
        await expect(found).to_be_visible(timeout=self.patience_ms)

    async def wait_rows(self, *conversations: str) -> None:
        """Wait until the queue shows these, in this order."""
        found = self.queue.locator("[data-row]")
        await expect(found).to_have_count(len(conversations), timeout=self.patience_ms)
        for place, conversation in enumerate(conversations):
            await expect(found.nth(place)).to_have_attribute(
                "data-row", conversation, timeout=self.patience_ms
            )

    async def wait_count(self, view: str, count: int) -> None:
        found = self.queue.locator(".view", has_text=view).locator(".count")
        await expect(found).to_have_text(str(count), timeout=self.patience_ms)

    async def wait_toast(self, text: str) -> None:
        found = self.toasts.filter(has_text=text)
        await expect(found.first).to_be_visible(timeout=self.patience_ms)

    async def settle(self) -> None:
        """Wait until nothing moves any more but what always does."""
        await self.page.evaluate(_SETTLED)

    # Seeing.

    def row(self, conversation: str) -> Locator:
        return self.queue.locator(f'[data-row="{conversation}"]')

    async def rows(self) -> list[str]:
        """The conversations in the queue, in order."""
        found: Any = await self.queue.locator("[data-row]").evaluate_all(
            "rows => rows.map(row => row.dataset.row)"
        )
        return [str(one) for one in found]

    async def lines(self, kind: str) -> list[str]:
        """What stands in the bubbles of one kind."""
        return await self.thread.locator(f".line.{kind} .bubble").all_inner_texts()

    async def focused(self) -> str:
        """The class, or the tag, of what has the keyboard's focus."""
        return await self.page.evaluate(
            "document.activeElement ? document.activeElement.className"
            " || document.activeElement.tagName : ''"
        )

    async def violations(self, axe_source: str) -> list[str]:
        """What axe finds wrong on the whole page, as readable lines."""
        await self.settle()
        await self.page.evaluate(axe_source)
        found = await self.page.evaluate("rules => axe.run(document, rules)", RULES)
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

_SETTLED = """() => Promise.all(document.getAnimations()
  .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
  .map(animation => animation.finished.catch(() => null)))"""
