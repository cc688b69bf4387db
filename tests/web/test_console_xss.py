"""Hostile texts in every place of the console that a stranger can fill: all is shown as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from events import conversation as e

pytestmark = pytest.mark.browser

PAYLOADS: list[str] = [
    one["text"]
    for one in json.loads((Path(__file__).parent / "xss_payloads.json").read_text())["payloads"]
]
FORBIDDEN = (
    "main script, img:not(.topbar-mark), svg:not(.icon), math, iframe, object, embed,"
    " form, style, link[href*=evil], video, audio, base, meta[http-equiv], template, [srcdoc],"
    " [onerror], [onload], [onclick], [onfocus], [ontoggle], [style]"
)


class Watch:
    """What a payload that runs would do: a dialog, a foreign request, another page, a mark."""

    def __init__(self, console: Any) -> None:
        self.page, self.url = console.page, console.url
        self.seen: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("popup", lambda page: self.seen.append(f"popup {page.url}"))
        self.page.on("request", self._request)
        self.page.on("framenavigated", lambda frame: self.seen.append(f"went to {frame.url}"))

    def _request(self, request: Any) -> None:
        own = request.url.startswith(f"{self.url}/v1/operator/")
        if not own and request.url != f"{self.url}/tandem.svg":
            self.seen.append(f"request {request.url}")

    async def _dialog(self, dialog: Any) -> None:
        self.seen.append(f"dialog {dialog.message}")
        await dialog.dismiss()

    async def nothing_ran(self) -> None:
        # Two frames and a task: what loads or animates has had its chance.
        await self.page.evaluate(
            "new Promise(done => requestAnimationFrame(() =>"
            " requestAnimationFrame(() => setTimeout(done))))"
        )
        assert self.seen == []
        assert await self.page.evaluate("window.__xss") is None
        assert await self.page.locator(FORBIDDEN).count() == 0
        wrong = await self.page.evaluate(
            "[...document.querySelectorAll('a[href]')].map(a => a.href)"
            ".filter(href => !/^https?:/.test(href))"
        )
        assert wrong == []


def source(n: int, text: str) -> e.Source:
    """A source whose every field is hostile."""
    return e.Source(n=n, chunk=text, document=text, title=text, quote=text, url=text)


def talk(world: Any, ident: str, text: str, at: int, *, html: str = "") -> None:
    """One conversation whose every text is `text`, as facts that nobody checked."""
    mode = {"mode": "supervised", "epoch": 2, "reason": text, "operator": "op-x"}
    world.say(
        ident,
        e.ConversationStarted(
            at=at, tenant="casa-lumen", conversation=ident, locale=text, channel=text, visitor=text
        ),
        e.MessageReceived(at=at, message=f"m-{ident}", text=text, locale=text),
        e.AnswerRecorded(
            at=at,
            turn="t1",
            epoch=1,
            message=f"a-{ident}",
            text=text,
            html=html,
            in_reply_to=(),
            locale=text,
            sources=(source(1, text), source(2, text)),
            confidence=0.5,
            guard={text: text, "reason": text},
        ),
        e.HandoffRequested(at=at, epoch=1, reason="distress", evidence=text, score=0.5),
        e.NoticePosted(
            at=at, message=f"n-{ident}", notice="handoff_queued", text=text, locale=text
        ),
        e.TurnFailed(at=at, turn="t2", epoch=1, in_reply_to=(), reason=text, detail=text),
        e.ModeChanged(at=at, **mode, operator_name=text, previous=text),
        e.OperatorReplied(
            at=at, message=f"o-{ident}", operator="op-x", epoch=2, text=text, operator_name=text
        ),
        e.OperatorReplied(
            at=at,
            message=f"h-{ident}",
            operator="op-x",
            epoch=2,
            text=text,
            html=html,
            operator_name=text,
        ),
        e.NoteAdded(at=at, note=f"k-{ident}", operator="op-x", text=text, operator_name=text),
        e.DraftProposed(at=at, draft="d0", turn="t3", epoch=2, text=text, in_reply_to=()),
        e.DraftRejected(
            at=at, draft="d0", operator="op-x", epoch=2, reason=text, operator_name=text
        ),
        e.DraftProposed(
            at=at,
            draft="d1",
            turn="t4",
            epoch=2,
            text=text,
            in_reply_to=(),
            sources=(source(1, text),),
            confidence=0.5,
            guard={text: text},
        ),
    )


@pytest.mark.parametrize("part", range(4))
async def test_no_text_of_a_stranger_becomes_anything_but_text(operator, office, part):
    world = office.world
    texts = PAYLOADS[part::4]
    for i, text in enumerate(texts):
        talk(world, f"c-{i}", text, world.now() - i * 1000)
        office.canned[f"canned-{i}"] = text
    console = await operator()
    watch = Watch(console)
    await console.show("All")
    await expect(console.queue.locator("[data-row]")).to_have_count(len(texts))
    await watch.nothing_ran()
    for i, text in enumerate(texts):
        await console.page.locator(f'[data-row="c-{i}"]').click()
        await console.wait_opened(f"c-{i}")
        await expect(console.draft).to_be_visible()
        watch.seen = [one for one in watch.seen if not one.startswith(f"went to {console.url}/")]
        shown = await console.thread.locator(".line.visitor .bubble").evaluate("b => b.textContent")
        assert shown == text
        evidence = console.context.locator("blockquote").first
        assert await evidence.evaluate("q => q.textContent") == text
        await watch.nothing_ran()


async def test_hostile_html_becomes_harmless_although_no_server_cleaned_it(operator, office):
    world = office.world
    for text in PAYLOADS:
        talk(world, "c-anna", text, world.now(), html=text)
    # The browser says of the document that the html is parsed in, apart, what it kept from
    # running there. In the page itself nothing of it may be found, which `nothing_ran` sees to.
    console = await operator(expects="violates the following Content Security Policy")
    watch = Watch(console)
    await console.show("All")
    await console.pick("c-anna")
    await expect(console.draft).to_be_visible()
    await console.thread.get_by_role("button", name="earlier").click()
    watch.seen = [one for one in watch.seen if not one.startswith(f"went to {console.url}/")]
    await watch.nothing_ran()


async def test_a_hostile_company_name_and_colleague_are_text_too(operator, office):
    import msgspec
    from console_accounts import ANA

    text = '"><img src=x onerror="window.__xss=1">'
    hostile = msgspec.structs.replace(ANA, name=text, company=text)
    office.accounts.people[ANA.email] = hostile
    office.world.waiting("c-anna", text)
    office.world.take("c-anna", "op-x", text)
    office.canned = {"evil": text}
    console = await operator()
    watch = Watch(console)
    await console.show("All")
    await console.pick("c-anna")
    watch.seen.clear()
    await expect(console.page.locator(".topbar-company bdi")).to_have_text(text)
    await console.do("Take over")
    await expect(console.dialog).to_contain_text(text)
    await console.dialog.get_by_role("button", name="Take over openly").click()
    await console.wait_holder("With you")
    await console.composer.fill("/evil")
    await console.press("Enter")
    await expect(console.composer).to_have_value(text)
    await console.press("Enter")
    await console.wait_delivery(text, "saved")
    await console.press("Control+k")
    await console.page.keyboard.type("img src")
    await watch.nothing_ran()


async def test_a_hostile_address_opens_nothing(operator, office):
    console = await operator(path="/console?c=%22%3E%3Cimg%20src=x%20onerror=window.__xss=1%3E")
    watch = Watch(console)
    await expect(console.conversation).to_be_visible()
    await watch.nothing_ran()
