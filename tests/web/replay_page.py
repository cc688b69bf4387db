"""The replay page as an operator finds it: what tests may do to it and see of it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from patience import PATIENCE_MS
from playwright.async_api import Locator, Page, expect


class ReplayPage:
    """One page. Every wait has a time-out of `PATIENCE_MS`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        page.set_default_timeout(PATIENCE_MS)
        self.slider = page.get_by_role("slider")
        self.visitor = page.locator("[data-pane=visitor]")
        self.operator = page.locator("[data-pane=operator]")
        self.state = page.locator("[data-pane=state]")
        self.where = page.locator("[data-where]")
        self.same = page.locator("[data-same]")

    # Doing.

    async def open(self, conversation: str = "", *, version: int | None = None) -> None:
        query = {"c": conversation} if conversation else {}
        if version is not None:
            query["v"] = str(version)
        await self.page.goto(f"{self.url}/replay" + (f"?{urlencode(query)}" if query else ""))

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def go_to(self, position: int) -> None:
        """By the slider's own keys."""
        await self.slider.focus()
        now = await self.position()
        key = "ArrowRight" if position > now else "ArrowLeft"
        for _ in range(abs(position - now)):
            await self.page.keyboard.press(key)
        await self.at(position)

    async def choose_file(self, name: str, text: str) -> None:
        file = {"name": name, "mimeType": "application/x-ndjson", "buffer": text.encode()}
        await self.page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]  # a payload

    # Waiting.

    async def ready(self) -> None:
        """All of the conversation is here."""
        await expect(self.where).to_be_visible(timeout=PATIENCE_MS)
        await expect(self.slider).to_have_attribute("aria-valuetext", _ANY, timeout=PATIENCE_MS)

    async def live(self) -> None:
        live = self.page.locator("[data-where=live].good")
        await expect(live).to_have_text("Live", timeout=PATIENCE_MS)

    async def at(self, position: int) -> None:
        await expect(self.slider).to_have_attribute(
            "aria-valuenow", str(position), timeout=PATIENCE_MS
        )

    async def at_version(self, version: int, last: int) -> None:
        words = f"Replay at version {version} of {last}"
        await expect(self.where).to_have_text(words, timeout=PATIENCE_MS)

    # Seeing.

    async def position(self) -> int:
        return int(await self.slider.get_attribute("aria-valuenow") or 0)

    async def visitor_saw(self) -> list[dict[str, Any]]:
        """All that stands in the visitor's pane from top to bottom, a list scrolled through."""
        return await self._all(self.visitor, _READ_VISITOR)

    async def operator_saw(self) -> list[str]:
        found = await self._all(self.operator, _READ_OPERATOR)
        return [str(one["text"]) for one in found]

    async def row(self, key: str) -> dict[str, str]:
        """A row of State: `value`, `was`, `change`."""
        return await self.state.locator(f'[data-row="{key}"]').evaluate(_READ_ROW)

    async def changed(self) -> list[str]:
        rows = self.state.locator('[data-row]:not([data-change=""])')
        return [str(await row.get_attribute("data-row")) for row in await rows.all()]

    async def nodes(self) -> int:
        """How many elements stand in the page, those of the visitor's pane included."""
        return await self.page.evaluate(_COUNT)

    async def _all(self, pane: Locator, read: str) -> list[dict[str, Any]]:
        return await pane.evaluate(_SCROLL_THROUGH, read)


_ANY = re.compile("ersion")

_COUNT = """() => document.querySelectorAll('*').length +
  (document.querySelector('[data-pane=visitor]')?.shadowRoot?.querySelectorAll('*').length ?? 0)"""

# Only what is seen stands in the page: the list is scrolled through, and each item read once.
_SCROLL_THROUGH = """async (pane, read) => {
  const root = pane.shadowRoot ?? pane;
  const list = root.querySelector('.virtual');
  const readItem = eval(read);
  const found = new Map();
  const settle = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const before = list.scrollTop;
  list.scrollTop = 0;
  for (;;) {
    await settle();
    for (const item of list.querySelectorAll('[data-key]'))
      if (!found.has(item.dataset.key)) found.set(item.dataset.key, readItem(item));
    if (list.scrollTop + list.clientHeight >= list.scrollHeight - 1) break;
    list.scrollTop += list.clientHeight / 2;
  }
  list.scrollTop = before;
  return [...found.values()];
}"""

_READ_VISITOR = """item => {
  const words = (item.querySelector('.words') ?? item.querySelector('.notice')).cloneNode(true);
  words.querySelectorAll('.cite').forEach(cite => cite.replaceWith(`[${cite.textContent}]`));
  const message = item.querySelector('.message');
  return {
    who: message ? message.classList[1] : 'notice',
    text: [...words.childNodes].map(node => node.textContent).join('\\n').trim(),
    name: item.querySelector('.name')?.textContent ?? '',
    sources: [...item.querySelectorAll('.chip-title')].map(chip => chip.textContent),
  };
}"""

_READ_OPERATOR = "item => ({text: item.innerText.trim()})"

_READ_ROW = """row => ({
  value: (row.querySelector('ins .value') ?? row.querySelector('dd > .value'))?.textContent ?? '',
  was: row.querySelector('del .value')?.textContent ?? '',
  change: row.dataset.change,
})"""
