"""Phone and desktop, light and dark: the layout holds and axe finds nothing."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

PHONE = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
DESKTOP = {"viewport": {"width": 1200, "height": 840}}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


_COUNT_CHANGES = """line => {
  window.spoken = 0;
  const count = new MutationObserver(() => { window.spoken += 1; });
  count.observe(line, { childList: true, characterData: true, subtree: true });
}"""


async def violations(widget, axe_source):
    """What axe finds wrong on the whole page, as readable lines."""
    # An element that is still fading in has not its own colour yet.
    await widget.settle()
    await widget.page.evaluate(axe_source)
    found = await widget.page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def answers():
    from protocol_double import Answer

    source = {
        "n": 1,
        "title": "Returns and refunds",
        "url": "https://casa-lumen.example/help/returns",
        "quote": "You may return any lamp within 30 days, in its box, used or not.",
        "chunk": "returns#0",
    }
    other = source | {"n": 2, "title": "How refunds are paid", "url": ""}
    html = (
        "<p>Yes. You may return a lamp within <strong>30 days</strong> [1].</p>"
        "<ul><li>Put it back in its box.</li><li>Ask us for a label.</li></ul>"
        "<p>The money is back within five days [2]. "
        "<a href='https://casa-lumen.example'>Read more</a> or run <code>label</code>.</p>"
    )
    text = "Yes. You may return a lamp within 30 days [1]. The money is back within five days [2]."
    return [
        Answer(text, html=html, sources=[source, other]),
        Answer("I am not sure.", kind="unknown"),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
async def test_axe_finds_nothing_in_any_state(request, visit, double, device, scheme):
    picture, axe_source = map(request.getfixturevalue, ("picture", "axe_source"))
    double.answers = answers()
    widget = await visit(color_scheme=scheme, **(PHONE if device == "phone" else DESKTOP))
    name = f"{device}-{scheme}"
    await widget.page.goto(widget.url)
    await widget.launcher.wait_for()
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-0-closed")
    await widget.open()
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-1-empty")
    double.flow.clear()
    await widget.ask("Can I return a lamp that I have used?")
    await widget.wait_stream("Yes. You may")
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-2-streaming")
    double.flow.set()
    await widget.wait_answer(1)
    await widget.chat.locator(".chip").first.click()
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-3-sources")
    await widget.chat.get_by_role("button", name="More options").click()
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-4-menu")
    await widget.page.keyboard.press("Escape")
    await widget.ask("Do you also sell cars?")
    await widget.wait_answer(2)
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-5-unknown")
    double.rejections = ["message_length"]
    await widget.ask("This one will be refused")
    await widget.wait_delivery("This one will be refused", "failed")
    await widget.go_offline()
    await widget.ask("And this one waits")
    await widget.wait_delivery("And this one waits", "queued")
    await widget.input.fill("x" * 1900)
    assert await violations(widget, axe_source) == []
    await picture(widget, f"{name}-6-offline-failed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
async def test_axe_finds_nothing_while_a_person_is_asked_for_there_and_gone(
    request, visit, double, device, scheme
):
    picture, axe_source = map(request.getfixturevalue, ("picture", "axe_source"))
    widget = await visit(color_scheme=scheme, **(PHONE if device == "phone" else DESKTOP))
    name = f"{device}-{scheme}-person"

    async def looks_well(state: str) -> None:
        assert await violations(widget, axe_source) == []
        await picture(widget, f"{name}-{state}")

    await widget.open()
    await widget.ask("My lamp came broken, what can I do?")
    await widget.wait_answer(1)
    double.away = True
    await double.request(double.only, place=0)
    await widget.wait_notice("we are back on Monday")
    await looks_well("1-away")
    double.away = False
    await double.request(double.only)
    await widget.wait_waiting("You are second in the queue")
    await looks_well("2-queue")
    await widget.open_menu()
    await looks_well("3-menu")
    await widget.page.keyboard.press("Escape")
    await double.join(double.only, "Ana Ruiz")
    await widget.wait_notice("Ana Ruiz has joined")
    await double.reply(double.only, "Hello! I am sorry about that. A new one leaves today.")
    await double.push(double.only, {"type": "typing", "who": "operator", "on": True})
    await widget.typing.wait_for()
    await looks_well("4-joined")
    await double.join(double.only, "Ana Ruiz", mode="supervised")
    await widget.wait_who("Ana Ruiz checks the answers")
    await looks_well("5-supervised")
    await double.resolve(double.only)
    await widget.wait_notice("This conversation has ended.")
    await looks_well("6-resolved")


@pytest.mark.parametrize(
    "size", [(640, 420), (360, 400)], ids=["desktop at 200 %", "phone at 200 %"]
)
async def test_at_twice_the_size_all_of_it_can_be_read_and_used(visit, double, picture, size):
    from playwright.async_api import expect

    # A page at 200 % zoom has half of the screen's pixels to lay itself out in.
    viewport = {"width": size[0], "height": size[1]}
    widget = await visit(viewport=viewport, device_scale_factor=2)
    await widget.open()
    await widget.ask("My lamp came broken")
    await widget.wait_answer(1)
    await double.request(double.only, place=12)
    await widget.wait_waiting("You are number 12 in the queue")
    await expect(widget.chat.locator(".waiting")).to_be_in_viewport(ratio=1)
    await widget.open_menu()
    for choice in await widget.chat.locator(".menu .choice").all():
        await expect(choice).to_be_in_viewport(ratio=1)
    await widget.page.keyboard.press("Escape")
    await double.join(double.only, "Ana María de los Ángeles Fernández-Villaverde Ruiz")
    await double.resolve(double.only)
    fresh = widget.chat.get_by_role("button", name="Start a new conversation")
    await expect(fresh).to_be_in_viewport(ratio=1)
    await picture(widget, f"zoom-{size[0]}")
    overflow = await widget.panel.evaluate("p => p.scrollWidth - p.clientWidth")
    assert overflow == 0
    log = await widget.chat.locator(".scroller").evaluate("s => s.scrollWidth - s.clientWidth")
    assert log == 0


async def test_what_the_house_says_is_read_out_and_the_place_by_itself(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("hello")
    await widget.wait_answer(1)
    await widget.chat.locator(".log[aria-live=polite]").wait_for(state="attached")
    await double.request(double.only)
    await widget.wait_waiting("You are second in the queue")
    waiting = widget.chat.locator(".waiting")
    assert await waiting.get_attribute("role") == "status"
    assert await widget.chat.locator(".log[role=log] .notice").count() == 1
    await waiting.evaluate(_COUNT_CHANGES)
    await double.reply(double.only, "Something else happens.")
    await widget.chat.locator(".log .operator").wait_for()
    assert await widget.page.evaluate("window.spoken") == 0


async def test_a_phone_is_filled_and_keeps_the_focus_inside(visit):
    widget = await visit(**PHONE)
    await widget.open()
    await widget.settle()
    box = await widget.panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 780}
    assert await widget.panel.get_attribute("aria-modal") == "true"
    assert await widget.input.evaluate("i => getComputedStyle(i).fontSize") == "16px"
    assert not await widget.launcher.is_visible()
    for _ in range(12):
        await widget.page.keyboard.press("Tab")
        assert await widget.focused() != ""
    await widget.chat.get_by_role("button", name="Close chat").click()
    assert await widget.launcher.is_visible()
    assert await widget.focused() == "launcher"


async def test_a_low_and_narrow_screen_still_shows_where_to_write(visit):
    widget = await visit(viewport={"width": 320, "height": 420})
    await widget.open()
    box = await widget.input.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 420
    overflow = await widget.panel.evaluate("p => p.scrollWidth - p.clientWidth")
    assert overflow == 0


async def test_the_stream_is_not_read_out_token_by_token(visit, double):
    double.flow.clear()
    widget = await visit()
    await widget.open()
    await widget.chat.locator(".log[aria-live=polite]").wait_for(state="attached")
    await widget.ask("How long does shipping take?")
    await widget.wait_stream("We ship within")
    assert await widget.chat.locator(".live").get_attribute("aria-hidden") == "true"
    spoken = widget.chat.locator(".panel > .hidden[role=status]")
    assert await spoken.text_content() == "Assistant is writing…"
    double.flow.set()
    await widget.wait_answer(1)
    assert await spoken.text_content() == ""


async def test_motion_is_reduced_for_those_who_wish_it(visit, double):
    double.turn.clear()
    widget = await visit(reduced_motion="reduce")
    await widget.open()
    await widget.ask("Hello")
    dot = widget.chat.locator(".dots i").first
    await dot.wait_for()
    assert await dot.evaluate("d => getComputedStyle(d).animationIterationCount") == "1"
    double.turn.set()
    await widget.wait_answer(1)


@pytest.mark.parametrize("path", ["/", "/?lang=es"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_our_own_pages(visit, picture, axe_source, path, scheme):
    widget = await visit(color_scheme=scheme)
    await widget.page.goto(widget.url + path)
    await widget.launcher.wait_for()
    await widget.settle()
    await widget.page.evaluate(axe_source)
    found = await widget.page.evaluate("rules => axe.run(document, rules)", RULES)
    assert [one["id"] for one in found["violations"]] == []
    await picture(widget, f"page-{path.strip('/?').replace('=', '-') or 'shop'}-{scheme}")


async def test_the_docs_show_the_interface_without_anything_from_elsewhere(visit, picture):
    widget = await visit()
    asked: list[str] = []
    widget.page.on("request", lambda request: asked.append(request.url))
    await widget.page.goto(f"{widget.url}/docs")
    await widget.page.get_by_text("/healthz").wait_for()
    await picture(widget, "page-docs")
    assert [url for url in asked if not url.startswith((widget.url, "data:"))] == []
