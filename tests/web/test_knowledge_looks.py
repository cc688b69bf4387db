"""The knowledge page for every eye and screen, by keys alone, and with texts of people who mean
harm; and the ways that lead to it from an answer's sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from console_accounts import ANA
from knowledge_double import NOW
from knowledge_stories import furnish, told
from playwright.async_api import expect

pytestmark = pytest.mark.browser

SCREENS = {
    "desktop": {"width": 1440, "height": 900},
    "phone": {"width": 390, "height": 844},
    "zoomed": {"width": 640, "height": 480},  # 1280 by 960 at 200 %
}
PAYLOADS: list[str] = [
    one["text"]
    for one in json.loads((Path(__file__).parent / "xss_payloads.json").read_text())["payloads"]
]
FOREIGN = (
    "#app script, #app style, #app link, img:not(.top-mark), svg:not(.icon, [aria-hidden]), math,"
    " iframe, object, embed, base, meta[http-equiv], template, video, audio, [srcdoc], [style],"
    " [onerror], [onload], [onclick], [onfocus], [ontoggle]"
)


def places(library) -> dict[str, tuple[dict[str, str], str]]:
    """Every view: its address, and what stands there once it is drawn."""
    old = library.documents["returns.md"][1]["version"]
    chunk = next(i for i, row in library.chunks.items() if row["version"] == old)
    return {
        "documents": ({}, "[data-document]"),
        "document": ({"document": "warranty.pdf"}, "[data-chunk]"),
        "failed": ({"document": "contract.pdf"}, ".failure"),
        "told": ({"document": "returns.md", "tab": "told"}, "[data-told]"),
        "chunk": ({"chunk": chunk}, "[data-told]"),
        "search": ({"view": "search", "q": "How long is the warranty?"}, "[data-hit]"),
        "gaps": ({"view": "gaps"}, ".gap"),
        "counts": ({"view": "counts"}, ".plain-table"),
        "settings": ({"view": "settings"}, "form"),
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_everything_fits(reading, library, axe_source, picture, scheme):
    furnish(library)
    page = await reading(color_scheme=scheme)
    await library.listening.wait()
    doc = library.documents["assembly.docx"][0]
    beat = {"document": "assembly.docx", "version": doc["version"], "stage": "embed"}
    wrong: list[str] = []

    async def axe(screen: str) -> list[str]:
        """In the dark only colours differ, which one screen shows."""
        skipped = screen == "zoomed" or (screen == "phone" and scheme == "dark")
        return [] if skipped else await page.violations(axe_source)

    for name, (asked, there) in places(library).items():
        await page.visit(**asked)
        await page.page.locator(there).first.wait_for()
        if name == "documents":
            await page.choose_files(("lamps.md", b"Lamps.\n"))
            await page.wait_outcome("lamps.md", "taken")
            library.tell("progress", beat | {"done": 11, "total": 18})
            await page.row("assembly.docx").get_by_text("embedding 11/18").wait_for()
        for screen, size in SCREENS.items():
            await page.page.set_viewport_size(size)  # type: ignore[arg-type]  # width and height
            await picture(page, f"knowledge-{name}-{screen}-{scheme}")
            found = [*await page.too_wide(), *await axe(screen)]
            wrong += [f"{name} {screen}: {one}" for one in found]
    assert wrong == []
    await page.visit()
    await page.row("warranty.pdf").get_by_role("button", name="Remove").click()
    await expect(page.dialog).to_be_visible()
    await picture(page, f"knowledge-ask-zoomed-{scheme}")
    assert await page.violations(axe_source) == []


async def test_the_page_is_walked_with_keys_alone(reading, library):
    furnish(library)
    page = await reading()
    await page.wait_state("warranty.pdf", "indexed")
    reached: list[str] = []
    for _ in range(60):
        await page.page.keyboard.press("Tab")
        reached.append(await page.page.evaluate(_FOCUSED))
    for name in ("Skip to the content", "Console", "Test search", "choose files", "add-url", "find",
                 "state", "Warranty", "Remove: Warranty", "Ingest again: Warranty"):  # fmt: skip
        assert name in reached, reached
    await page.row("warranty.pdf").get_by_role("link").focus()
    await page.page.keyboard.press("Enter")
    await expect(page.chunks).to_have_count(2)
    assert await page.page.evaluate("document.activeElement.id") == "content"
    await page.page.go_back()
    await page.row("warranty.pdf").get_by_role("button", name="Remove").focus()
    await page.page.keyboard.press("Enter")
    await expect(page.dialog).to_be_visible()
    await page.page.keyboard.press("Escape")
    await expect(page.dialog).to_have_count(0)
    focused = await page.page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused == "Remove: Warranty"


_FOCUSED = """() => {
  const at = document.activeElement;
  return at?.id || at?.getAttribute('aria-label') || at?.textContent?.trim() || at?.tagName;
}"""


def attack(library, text: str, number: int) -> dict[str, dict[str, str]]:
    """Every text that the server can tell is `text`; where it is all shown."""
    place = {"page": 0, "sheet": text, "row": 2, "anchor": text}
    flags = [{"kind": text, "sample": text, "where": text}]
    failure = {"stage": text, "code": text, "reason": text, "where": text}
    ident = f"d{number}"
    version = library.hold(
        text, document=ident, state="failed", title=text, url=text, locale=text, origin=text,
        parser=text, by=text, media_type=text, flags=flags, failure=failure, answers=1,
    )  # fmt: skip
    [chunk] = library.write(
        version, text, places=[place], url=text, source=text, locale=text, title=text, heading=text
    )
    row = library.chunks[chunk] | {"score": 1.0, "parts": {"dense": 1.0}, "sentences": [[text, 1]]}
    hits = [*library.found["hits"], row]
    library.found = {"hits": hits, "how": text, "space": text, "latency_ms": {text: 2.5}}
    words = {"question": text, "answer": text, "quote": text, "locale": text, "approved_by": text}
    library.told.append(told(version, chunk, text, conversation=text, **words))
    example = {"question": text, "conversation": text, "at": NOW}
    library.gaps.append({"question": text, "count": 2, "last_at": NOW, "examples": [example]})
    sources = [*library.counts.get("by_source", []), {"source": text, "documents": 1}]
    library.counts = {
        "documents": 1, "space": text, "by_state": {text: 1}, "by_media_type": {text: 1},
        "by_source": sources, "spaces": [{"space": text, "state": text}],
    }  # fmt: skip
    return {"document": {"document": ident}, "chunk": {"chunk": chunk}}


async def test_hostile_texts_are_texts_wherever_they_stand(reading, library):
    page = await reading()
    harm: list[str] = []
    page.page.on("dialog", lambda dialog: harm.append(f"dialog {dialog.message}"))
    page.page.on("popup", lambda popup: harm.append(f"popup {popup.url}"))
    page.page.on("request", lambda request: harm.append(request.url))

    async def look(**asked: str) -> None:
        """Without loading: as Back comes to an address."""
        await page.page.evaluate(_GO, page.address(**asked).removeprefix(page.url))
        await page.page.evaluate(_SETTLED)
        assert await page.page.locator(FOREIGN).count() == 0, asked

    for number, text in enumerate(PAYLOADS):
        for address in attack(library, text, number).values():
            await look(**address)
        library.tell("document", library.documents[f"d{number}"][0])
    hostile = PAYLOADS[0]
    await look(view="search", q=hostile, source=hostile, locale=hostile)
    await expect(page.hits).to_have_count(len(PAYLOADS))
    await look(view="gaps", days=hostile)
    await look(view="counts")
    await look(document="d0", tab="told")
    await look(q=hostile, state=hostile)
    await look()
    await expect(page.page.locator("[data-document]")).to_have_count(len(PAYLOADS))
    await page.page.get_by_role("button", name="Remove").first.click()
    assert await page.page.locator(FOREIGN).count() == 0
    await page.page.keyboard.press("Escape")
    assert await page.page.evaluate("window.__xss") is None
    own = (f"{page.url}/v1/knowledge/", f"{page.url}/v1/operator/", f"{page.url}/tandem.svg")
    assert [one for one in harm if not one.startswith(own)] == []


_GO = """address => {
  history.pushState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
}"""
_SETTLED = """async () => {
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  for (let n = 0; n < 200; n += 1) {
    await frame();
    if (!document.querySelector('main .pad[role=status]')) break;
  }
  const wrong = [...document.querySelectorAll('a[href]')].map(a => a.protocol);
  if (wrong.some(one => !['http:', 'https:'].includes(one))) throw new Error(wrong.join());
  for (const one of document.querySelectorAll('details')) one.open = true;
  await frame();
}"""


async def test_an_answers_sources_lead_to_their_text(operator, office, visit, double):
    """In the visitor's widget the place in words; in the console the way to the text as well."""
    from console_world import SHIPPING
    from msgspec.structs import replace
    from protocol_double import Answer

    from events.conversation import Place

    chunk = "0f" * 16
    source = replace(SHIPPING, chunk=chunk, place=Place(page=3), version=41)
    office.world.write("c-anna", "When does it leave?")
    office.world.answer("c-anna", "Within two working days [1].", sources=(source,))
    console = await operator(ANA.email)
    await console.show("All")
    await console.pick("c-anna")
    shown = console.context.locator(".source")
    await expect(shown).to_contain_text("page 3")
    link = shown.get_by_role("link", name="Show in the document")
    assert await link.get_attribute("href") == f"/knowledge?chunk={chunk}"
    title = shown.get_by_role("link", name=SHIPPING.title)
    assert await title.get_attribute("href") == f"{SHIPPING.url}#page=3"

    cell = {"n": 1, "title": "Precios", "quote": "89", "chunk": chunk, "place": {"row": 12}}
    double.answers.append(Answer("En la tabla [1].", sources=[cell]))
    widget = await visit()
    await widget.open(lang="es")
    await widget.ask("¿Dónde está?")
    chip = widget.chat.locator(".chip")
    await expect(chip).to_contain_text("fila 12")
    await chip.click()
    await expect(widget.chat.locator(".card-place")).to_have_text("fila 12")


async def test_replay_opens_where_an_answer_was_given(replaying, archive):
    from vector_stories import placed

    commits = placed()
    name = archive.hold(commits)
    at, message = next(
        (position, fact.message)
        for position, commit in enumerate(commits, start=1)
        for fact in commit.facts
        if getattr(fact, "text", "").startswith("Two years too")
    )
    shown = await replaying()
    await shown.page.goto(f"{archive.url}/replay?c={name}&m={message}")
    await shown.at(at)
    panel = shown.page.locator(".turn-panel")
    await expect(panel.locator("[data-searched]")).to_have_text("warranty of a floor lamp")
    await expect(panel).to_contain_text("as of version 61")
    await expect(panel).to_contain_text("minilm-384-unit")
    places = panel.locator(".source-place")
    await expect(places.nth(0)).to_contain_text("page 3")
    await expect(places.nth(1)).to_contain_text("Lamps, row 12")
    links = places.get_by_role("link")
    assert await links.nth(1).get_attribute("href") == f"/knowledge?chunk={'1e' * 16}"
