"""The knowledge page on the whole house: real files are handed over in a real browser, and what
becomes of each is seen there.

`TANDEM_PICTURES=docs/pictures make test ARGS=-k knowledge_on_the_house` takes the document's
picture anew.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from company import Company
from knowledge_page import KnowledgePage
from page_errors import listen
from patience import PATIENCE_MS
from playwright.async_api import expect
from samples import write_samples

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from benchmarks.house import House

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(300)]

PASSWORD = "a password of Eva's own"
tries = itertools.count(1)
"""A browser test that fails is run once more, on the same house: with a company of its own."""


async def test_files_that_are_dropped_are_read_answer_or_say_why_not(
    browser: Browser, house: House, tmp_path: Path
) -> None:
    attempt = next(tries)
    eva = f"eva-{attempt}@candela.example"
    company = await Company(house, f"candelabro-{attempt}", "Candela Lamps").found()
    company.says("operator", "add", eva, "--name", "Eva Soler", "--password", PASSWORD)
    files = [one.path for one in write_samples(tmp_path / "files")]
    broken = tmp_path / "files" / "old-scan.pdf"
    broken.write_bytes(b"not a PDF at all")

    context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    wrong: list[str] = []
    try:
        tab = await context.new_page()
        listen(tab, wrong, "Failed to load resource")
        page = KnowledgePage(tab, house.url, patience_ms=PATIENCE_MS)
        await page.open(eva, PASSWORD)
        await page.choose_files(*((one.name, one.read_bytes()) for one in [*files, broken]))
        for one in files:
            await page.wait_outcome(one.name, "indexed")
        await page.wait_outcome(broken.name, "failed")
        for one in files:
            row = tab.locator("[data-document]", has_text=one.name)
            await expect(row.locator('[data-state="indexed"]')).to_be_visible()
        await page.visit()  # as who comes later finds it
        await expect(tab.locator("[data-document]")).to_have_count(len(files) + 1)
        await _keep(page, tmp_path)

        await page.show("Test search")
        await page.search("How are brass lamps polished?")
        await expect(page.hits.first).to_contain_text("lemon oil")
    finally:
        await context.close()
    assert wrong == []


async def _keep(page: KnowledgePage, tmp_path: Path) -> None:
    """For the documents, when `TANDEM_PICTURES` names a folder."""
    folder = Path(os.environ.get("TANDEM_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 nothing else runs here
    picture = folder / "knowledge.png"
    await page.page.set_viewport_size({"width": 1440, "height": 1130})  # the whole list
    await page.page.screenshot(path=picture, animations="disabled", caret="hide")
    assert picture.stat().st_size > 20_000
