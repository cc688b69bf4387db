"""The widget on pages that are not ours: strict policies, wrong keys, odd places."""

from __future__ import annotations

import asyncio

import pytest
from patience import PATIENCE_S

pytestmark = pytest.mark.browser


def install(double, *, key="pk_demo", attributes=""):
    """Let the double serve a page of another origin with the one tag on it."""
    double.host_page = (
        f'<script async src="{double.url}/widget.js" data-tandem-key="{key}" {attributes}></script>'
    )
    socket = double.url.replace("http", "ws")
    double.host_policy = (
        f"default-src 'self'; script-src {double.url}; connect-src {socket}; style-src 'self'"
    )


@pytest.mark.parametrize(
    ("types", "shown"),
    [
        ("", "Bold words"),
        ("; require-trusted-types-for 'script'; trusted-types tandem-chat", "Bold words"),
        ("; require-trusted-types-for 'script'; trusted-types 'none'", "Plain words"),
    ],
)
async def test_one_tag_works_on_a_page_of_another_origin_with_a_strict_policy(
    visit, double, types, shown
):
    from protocol_double import Answer

    install(double)
    double.host_policy += types
    double.answers = [Answer("Plain words", html="<p><strong>Bold</strong> words</p>")]
    # That a policy may not be made is told in the console by the browser itself.
    widget = await visit(url=double.other_url, expects="TrustedTypePolicy")
    await widget.open("/host")
    await widget.ask("Hello")
    assert await widget.wait_answer(1) == shown
    assert await widget.chat.get_attribute("style") is None
    styled = await widget.chat.evaluate(
        "e => e.shadowRoot.querySelectorAll('style, [style]').length"
    )
    assert styled == 0


async def test_nothing_of_the_page_is_touched_and_nothing_of_it_leaks_in(visit, double):
    install(double)
    widget = await visit(url=double.other_url)
    await widget.open("/host")
    before = ["HEAD", "BODY"]
    children = await widget.page.evaluate(
        "[...document.documentElement.children].map(e=>e.tagName)"
    )
    assert children == before
    assert await widget.page.evaluate("[...document.body.children].at(-1).tagName") == "TANDEM-CHAT"
    assert await widget.page.evaluate("document.adoptedStyleSheets.length") == 0
    globals_left = await widget.page.evaluate(
        "Object.keys(window).filter(name => /tandem/i.test(name))"
    )
    assert globals_left == []


async def test_a_wrong_key_is_said_and_not_tried_again(visit, double):
    install(double, key="pk_wrong")
    widget = await visit(url=double.other_url)
    await widget.page.goto(f"{double.other_url}/host")
    await widget.open_chat()
    await widget.wait_status("refused")
    assert await widget.input.is_disabled()
    assert await widget.banner.inner_text() == "The chat is not available on this page."


async def test_it_opens_at_once_when_told_without_taking_the_focus(visit, double):
    install(double, attributes='data-open data-locale="es"')
    widget = await visit(url=double.other_url)
    await widget.page.goto(f"{double.other_url}/host")
    await widget.wait_status("ready")
    assert await widget.panel.is_visible()
    assert await widget.page.evaluate("document.activeElement.tagName") == "BODY"
    assert await widget.input.get_attribute("placeholder") == "Escribe un mensaje…"


async def test_suggestions_are_offered_once(visit, double, picture):
    install(double, attributes='data-suggestions="Where is my order?|Can I return it?"')
    widget = await visit(url=double.other_url)
    await widget.open("/host")
    await picture(widget, "desktop-suggestions")
    await widget.chat.get_by_role("button", name="Can I return it?").click()
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["Can I return it?"]
    assert await widget.chat.locator(".suggestions").count() == 0


async def test_no_socket_is_opened_for_a_visitor_who_does_not_chat(visit, double):
    install(double)
    widget = await visit(url=double.other_url)
    await widget.page.goto(f"{double.other_url}/host")
    await widget.launcher.wait_for()
    assert double.received == []


async def test_an_element_that_is_taken_out_leaves_nothing_running(visit, double):
    install(double)
    widget = await visit(url=double.other_url)
    await widget.open("/host")
    await widget.chat.evaluate("e => { window.kept = e; e.remove(); }")
    async with asyncio.timeout(PATIENCE_S):
        while double.only.sockets:
            await widget.page.evaluate("new Promise(requestAnimationFrame)")
    await widget.page.evaluate("document.body.append(window.kept)")
    await widget.open_chat()
    await widget.wait_status("ready")


async def test_a_page_that_reads_from_right_to_left_has_it_on_its_left(visit, double):
    install(double)
    double.host_language = "ar dir=rtl"
    widget = await visit(url=double.other_url)
    await widget.open("/host")
    await widget.ask("مرحبا، أين طلبي؟")
    await widget.wait_answer(1)
    box = await widget.panel.bounding_box()
    assert box is not None
    assert box["x"] < 100
    bubble = widget.chat.locator(".visitor .words")
    assert await bubble.evaluate("b => getComputedStyle(b).direction") == "rtl"
