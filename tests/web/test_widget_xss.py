"""Hostile texts in every place that a stranger can fill: nothing runs, all is shown as text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

PAYLOADS: dict[str, str] = {
    one["name"]: one["text"]
    for one in json.loads((Path(__file__).parent / "xss_payloads.json").read_text())["payloads"]
}
TEXTS = list(PAYLOADS.values())
FORBIDDEN = (
    "script, img, svg:not(.icon), math, iframe, object, embed, form:not(.composer), input, style,"
    " link, video, audio, base, meta, template, details, [srcdoc]"
)


class Watch:
    """What a payload that runs would do: a dialog, a request, another page, a mark."""

    def __init__(self, widget: Any) -> None:
        self.page = widget.page
        self.seen: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("popup", lambda page: self.seen.append(f"popup {page.url}"))
        self.page.on("request", lambda request: self.seen.append(f"request {request.url}"))
        self.page.on("framenavigated", lambda frame: self.seen.append(f"went to {frame.url}"))

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


async def _open(visit, double):
    """The widget on a page without any policy: nothing but the widget stands in the way."""
    double.host_page = (
        f'<script async src="{double.url}/widget.js" data-tandem-key=pk_demo></script>'
    )
    widget = await visit()
    await widget.open("/host")
    return widget, Watch(widget)


async def _only_our_own_tags(widget):
    found = await widget.chat.evaluate(
        "(chat, names) => [...chat.shadowRoot.querySelectorAll(names)].map(e => e.outerHTML)",
        FORBIDDEN,
    )
    assert found == []
    handlers = await widget.chat.evaluate(
        "chat => [...chat.shadowRoot.querySelectorAll('*')].flatMap(e => [...e.attributes])"
        ".filter(a => /^on|^style$|^srcdoc$/.test(a.name)).map(a => a.name)"
    )
    assert handlers == []
    links = await widget.chat.evaluate(
        "chat => [...chat.shadowRoot.querySelectorAll('a')].map(a => a.protocol)"
    )
    assert set(links) <= {"https:", "http:"}


async def _in_the_log(widget, kind: str) -> list[str]:
    return await widget.chat.locator(f".log {kind}").all_text_contents()


def test_there_are_enough_payloads_and_no_two_alike():
    assert len(PAYLOADS) >= 20
    assert len(set(TEXTS)) == len(TEXTS)


async def test_what_a_visitor_writes_is_text_before_and_after_it_is_logged(visit, double):
    widget, watch = await _open(visit, double)
    await widget.ask("begin")
    await widget.wait_answer(1)
    await double.join(double.only)
    await widget.wait_notice("Ana")
    double.silent = True  # unsent ones are drawn by another path
    await widget.ask(TEXTS[0])
    await widget.wait_delivery("window.__xss", "flying")
    await _only_our_own_tags(widget)
    double.silent = False
    for text in TEXTS:
        fact = {"kind": "visitor_message", "message": f"m{TEXTS.index(text)}", "text": text}
        await double.say(double.only, fact)
    await widget.wait_delivery(TEXTS[-1], "logged")
    assert (await _in_the_log(widget, ".visitor:not(.flying) .words"))[1:] == TEXTS
    await _only_our_own_tags(widget)
    await watch.nothing_ran()


async def test_what_an_operator_writes_and_is_called_is_text(visit, double):
    widget, watch = await _open(visit, double)
    await widget.ask("begin")
    await widget.wait_answer(1)
    for text in TEXTS:
        await double.join(double.only, text)
        await double.push(double.only, {"type": "typing", "who": "operator", "on": True})
        await widget.wait_who(f"{text} is here")
        await double.reply(double.only, text, operator_name=text)
    await widget.chat.locator(".log .operator").nth(len(TEXTS) - 1).wait_for()
    assert await _in_the_log(widget, ".operator .words") == TEXTS
    assert await _in_the_log(widget, ".operator .name") == TEXTS
    await _only_our_own_tags(widget)
    await watch.nothing_ran()


async def test_what_the_house_says_is_text(visit, double):
    widget, watch = await _open(visit, double)
    await widget.ask("begin")
    await widget.wait_answer(1)
    for n, text in enumerate(TEXTS):
        notice = {"kind": "notice", "message": f"n{n}", "notice": text, "text": text}
        await double.say(double.only, notice)
    await widget.chat.locator(".log .notice").nth(len(TEXTS) - 1).wait_for()
    assert await _in_the_log(widget, ".notice") == TEXTS
    await _only_our_own_tags(widget)
    await watch.nothing_ran()


async def test_a_sources_title_quote_and_address_are_text(visit, double):
    widget, watch = await _open(visit, double)
    await widget.ask("begin")
    await widget.wait_answer(1)
    sources = [
        {"n": n, "title": text, "quote": text, "url": text, "chunk": text}
        for n, text in enumerate(TEXTS, start=1)
    ]
    cited = " ".join(f"[{source['n']}]" for source in sources)
    said = {"kind": "assistant_message", "message": "a", "text": cited, "sources": sources}
    await double.say(double.only, said)
    await widget.chat.locator(".chip").nth(len(TEXTS) - 1).wait_for()
    assert await _in_the_log(widget, ".chip-title") == TEXTS
    assert await _in_the_log(widget, ".card-title") == TEXTS
    assert await _in_the_log(widget, "blockquote") == TEXTS
    for chip in (await widget.chat.locator(".chip").all())[::7]:
        await chip.click()
    await _only_our_own_tags(widget)
    await watch.nothing_ran()


async def test_an_answers_text_and_html_do_nothing_but_say(visit, double):
    widget, watch = await _open(visit, double)
    await widget.ask("begin")
    await widget.wait_answer(1)
    for n, text in enumerate(TEXTS):
        plain = {"kind": "assistant_message", "message": f"t{n}", "text": text}
        rich = {"kind": "assistant_message", "message": f"h{n}", "text": "plain", "html": text}
        await double.say(double.only, plain, rich)
        await double.reply(double.only, "plain", html=text)
        delta = {"type": "delta", "turn": f"turn {n}", "index": 0, "text": text}
        double.only.mode = "ai"
        await double.push(double.only, delta)
    await widget.chat.locator(".log .operator").nth(len(TEXTS) - 1).wait_for()
    assert (await _in_the_log(widget, ".assistant .words"))[1::2] == TEXTS
    assert await widget.stream.text_content() == TEXTS[-1]
    await _only_our_own_tags(widget)
    for link in await widget.chat.locator(".log a").all():
        assert await link.get_attribute("rel") == "noopener noreferrer nofollow"
    await watch.nothing_ran()
