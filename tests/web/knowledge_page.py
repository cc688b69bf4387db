"""The knowledge page as an operator finds it in a browser: what tests may do to it and see of it.

It knows the double as little as the real gateway: both are driven by it.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from patience import PATIENCE_MS
from playwright.async_api import Locator, Page, expect

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


class KnowledgePage:
    """One page with the knowledge in it. Every wait has a time-out of `patience_ms`."""

    def __init__(self, page: Page, url: str, *, patience_ms: float = PATIENCE_MS) -> None:
        self.page, self.url, self.patience_ms = page, url, patience_ms
        self.dialog = page.locator("dialog[open]")
        self.outcomes = page.locator("[data-outcome]")
        self.chunks = page.locator("[data-chunk]")
        self.hits = page.locator("[data-hit]")
        self.told = page.locator("[data-told]")

    # Doing.

    async def open(self, email: str, password: str, **asked: Any) -> None:
        """Load the page at an address (`chunk=...`, `view=...`), sign in, wait until it is live."""
        await self.page.goto(self.address(**asked))
        await self.page.get_by_label("E-mail").fill(email)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.wait_live()

    def address(self, **asked: Any) -> str:
        return f"{self.url}/knowledge" + (f"?{urlencode(asked)}" if asked else "")

    async def visit(self, **asked: Any) -> None:
        """Another address, loaded anew by who is signed in already."""
        await self.page.goto(self.address(**asked))
        await self.wait_live()

    async def show(self, view: str) -> None:
        """`Documents`, `Test search`, `Gaps`, `Counts` or `Settings`."""
        await self.page.locator(".views").get_by_role("link", name=view).click()

    async def choose_files(self, *files: tuple[str, bytes]) -> None:
        payloads = [
            {"name": name, "mimeType": "text/plain", "buffer": content} for name, content in files
        ]
        picker = self.page.locator(".drop-zone input[type=file]")
        await picker.set_input_files(payloads)  # type: ignore[arg-type]  # payloads

    async def drop_file(self, name: str, text: str) -> None:
        """As if it came from the desktop, onto the middle of the page."""
        await self.page.evaluate(_DROP, [name, text])

    async def search(self, question: str, **fields: str) -> None:
        """Ask the test search; fields by their label."""
        await self.page.get_by_label("Question").fill(question)
        for label, value in fields.items():
            field = self.page.locator(".ask").get_by_label(label.replace("_", " "))
            if await field.evaluate("one => one.tagName") == "SELECT":
                await field.select_option(value)
            else:
                await field.fill(value)
        await self.page.get_by_role("button", name="Search", exact=True).click()

    # Waiting and seeing.

    async def wait_live(self) -> None:
        live = self.page.locator("[data-feed=live]")
        await expect(live).to_be_visible(timeout=self.patience_ms)

    def row(self, document: str) -> Locator:
        return self.page.locator(f'[data-document="{document}"]')

    def outcome(self, name: str) -> Locator:
        return self.outcomes.filter(has_text=name)

    async def wait_state(self, document: str, state: str) -> None:
        """Wait until the list shows a document in a state: `indexed`, `failed`, ..."""
        found = self.row(document).locator(f'[data-state="{state}"]')
        await expect(found).to_be_visible(timeout=self.patience_ms)

    async def wait_outcome(self, name: str, outcome: str) -> Locator:
        """Wait until what was just added has come to this; its line."""
        found = self.page.locator(f'[data-outcome="{outcome}"]', has_text=name)
        await expect(found).to_be_visible(timeout=self.patience_ms)
        return found

    async def violations(self, axe_source: str) -> list[str]:
        """What axe finds wrong."""
        await self.page.evaluate(axe_source)
        found = await self.page.evaluate("rules => axe.run(document, rules)", RULES)
        return [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]

    async def too_wide(self) -> list[str]:
        """Whether the page is wider than its window."""
        wider = await self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return [f"{wider} px too wide"] if wider > 0 else []


_DROP = """([name, text]) => {
  const files = new DataTransfer();
  files.items.add(new File([text], name));
  for (const type of ['dragover', 'drop'])
    document.querySelector('main').dispatchEvent(
      new DragEvent(type, {dataTransfer: files, bubbles: true, cancelable: true}));
}"""
