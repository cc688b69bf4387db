"""The console on every screen, light and dark: axe finds nothing, nothing is out of reach."""

from __future__ import annotations

import asyncio

import pytest
from patience import PATIENCE_S
from playwright.async_api import expect

pytestmark = pytest.mark.browser

DESKTOP = {"viewport": {"width": 1440, "height": 900}}
TABLET = {"viewport": {"width": 1024, "height": 768}, "has_touch": True}
PHONE = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
ZOOMED = {"viewport": {"width": 720, "height": 450}, "device_scale_factor": 2}
LONG = "I ordered two floor lamps three weeks ago and the tracking says “in transit”. " * 6
UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänsmütze" * 6


def furnish(office):
    """A day at the office: something of everything."""
    from console_world import SHIPPING

    world = office.world
    world.waiting("c-anna", "Quiero hablar con una persona, por favor", ago_s=400)
    world.waiting("c-bert", "This bot is useless", ago_s=75)
    world.take("c-bert", "op-bruno", "Bruno Keller")
    world.write("c-carl", "Do you ship to Iceland?", ago_s=20)
    world.write("c-earl", "Can I cancel my contract?", visitor="v-same", ago_s=9000)
    guard = {"reason": "low_retrieval", "cosine": 0.21, "words": 0.1}
    world.answer("c-earl", "I do not know that.", kind="unknown", guard=guard, ago_s=8990)
    world.resolve("c-earl", "op-bruno", "Bruno Keller")
    world.rate("c-earl", 4)
    world.write("c-dora", LONG, locale="es", visitor="v-same", ago_s=4000)
    world.answer(
        "c-dora",
        "We are sorry [1]. Lamps travel on a pallet.",
        sources=(SHIPPING,),
        html="<p>We are <strong>sorry</strong> [1].</p><ul><li>Lamps travel on a pallet.</li></ul>",
        guard={"claims": 4.0, "supported": 3.0, "dropped": "number"},
        ago_s=3950,
    )
    world.write("c-dora", UNBROKEN, ago_s=3910)
    world.call("c-dora", "distress", evidence="nobody answers the phone", score=0.81, ago_s=3900)
    world.note("c-dora", "op-bruno", "Bruno Keller", "Refund approved, https://intern.example/t/1.")
    office.canned["refund"] = "The money is back within five working days."


async def supervised(console, office):
    from console_world import SHIPPING

    await console.do("Supervise")
    await console.wait_holder("Supervised by you")
    if office.world.talks["c-dora"].state.turn is None:
        office.world.write("c-dora", "And the desk lamp?")
    office.world.answer("c-dora", "You may return it within 30 days [1].", sources=(SHIPPING,))
    await expect(console.draft).to_be_visible()


@pytest.fixture
def looks(axe_source, picture):
    """Nothing is wrong with what is seen now, and it is kept as a picture."""

    async def look(console, name: str) -> None:
        assert await console.violations(axe_source) == [], name
        await picture(console, name)

    return look


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_at_the_door_and_in_the_queue(operator, office, looks, scheme):
    furnish(office)
    console = await operator("", color_scheme=scheme, **DESKTOP)
    await console.page.goto(f"{console.url}/console")
    await console.page.get_by_label("E-mail").wait_for()
    await looks(console, f"console-{scheme}-door")
    await console.sign_in("ana@casa-lumen.example", "wrong")
    await expect(console.page.locator(".message-bad")).to_be_visible()
    await looks(console, f"console-{scheme}-door-wrong")
    await console.sign_in("ana@casa-lumen.example", "a good long password")
    await console.wait_ready()
    await looks(console, f"console-{scheme}-nothing-open")
    await console.show("All")
    await console.pick("c-bert")
    await console.wait_holder("With Bruno Keller")
    await console.do("Take over")
    await looks(console, f"console-{scheme}-openly")
    await console.press("Escape", "Control+k")
    await looks(console, f"console-{scheme}-commands")
    await console.press("Escape", "?")
    await looks(console, f"console-{scheme}-help")
    await console.press("Escape")
    await console.page.get_by_role("button", name="Ana Ruiz").click()
    await looks(console, f"console-{scheme}-menu")
    await console.press("Escape")
    office.closed = True
    await office.drop_sockets()
    await expect(console.page.locator(".link-banner")).to_be_visible()
    await looks(console, f"console-{scheme}-lost")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_a_conversation(operator, office, looks, scheme):
    furnish(office)
    console = await operator(color_scheme=scheme, **DESKTOP)
    await console.pick("c-dora")
    await console.wait_line("Lamps travel", "assistant")
    await console.thread.locator("summary").first.click()
    await looks(console, f"console-{scheme}-conversation")
    await supervised(console, office)
    await looks(console, f"console-{scheme}-draft")
    await console.press("e")
    await console.draft.get_by_label("Your version").fill("You may return it within 60 days [1].")
    await looks(console, f"console-{scheme}-edit")
    await console.press("Escape", "x")
    await looks(console, f"console-{scheme}-reject")
    await console.press("Escape", "a")
    await console.wait_line("Edited by Ana Ruiz", "assistant")
    await console.press("t")
    await console.wait_holder("With you")
    await console.composer.fill("/")
    await expect(console.page.get_by_role("option").first).to_be_visible()
    await looks(console, f"console-{scheme}-canned")
    await console.composer.fill("")
    office.rejections.append(("not_owner", "Bruno Keller has this conversation"))
    await console.write("This one is refused")
    await console.wait_delivery("This one is refused", "failed")
    await looks(console, f"console-{scheme}-refused")


@pytest.mark.parametrize(
    ("name", "screen"), [("tablet", TABLET), ("phone", PHONE), ("zoomed", ZOOMED)]
)
async def test_axe_finds_nothing_on_small_screens_and_all_is_in_reach(
    operator, office, looks, name, screen
):
    furnish(office)
    console = await operator(**screen)
    await looks(console, f"console-{name}-1-queue")
    await console.pick("c-dora")
    await console.wait_line("Lamps travel", "assistant")
    await looks(console, f"console-{name}-2-conversation")
    await supervised(console, office)
    await expect(console.draft.get_by_role("button", name="Approve and send")).to_be_in_viewport()
    await expect(console.composer).to_be_in_viewport()
    await looks(console, f"console-{name}-3-draft")
    await console.page.get_by_role("button", name="Details", exact=True).click()
    await expect(console.context.get_by_text("Why a person")).to_be_in_viewport()
    await looks(console, f"console-{name}-4-details")
    await console.context.get_by_role("button", name="Close").click()
    await expect(console.composer).to_be_in_viewport()
    sideways = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await console.page.evaluate(sideways)
    if name != "tablet":
        await console.page.get_by_role("button", name="Back to the queue").click()
        await console.wait_rows("c-anna")


async def test_a_very_small_window_scrolls_and_loses_nothing(operator, office):
    furnish(office)
    console = await operator(viewport={"width": 320, "height": 256})
    await console.pick("c-dora")
    await console.wait_holder("AI answers")
    for name in ("Take over", "Private note"):
        button = console.conversation.get_by_role("button", name=name)
        await button.scroll_into_view_if_needed()
        await expect(button).to_be_in_viewport()
    sideways = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await console.page.evaluate(sideways)


async def test_the_colours_are_chosen_and_remembered(operator, office):
    console = await operator(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = await console.page.evaluate(paper)
    await console.page.get_by_role("button", name="Ana Ruiz").click()
    await console.page.get_by_label("Dark").check()
    dark = await console.page.evaluate(paper)
    assert dark != light
    await console.page.reload()
    await console.wait_ready()
    assert await console.page.evaluate(paper) == dark


async def test_who_wants_no_motion_gets_none(operator, office):
    office.world.write("c-anna", "Hello?")
    console = await operator(reduced_motion="reduce")
    await console.show("All")
    await console.pick("c-anna")
    await expect(console.thread.locator(".dots i").first).to_be_visible()
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    await console.settle()
    assert await console.page.evaluate(moving) == 0


async def test_no_style_attribute_comes_into_the_page(operator, office):
    furnish(office)
    console = await operator()
    await console.pick("c-dora")
    await supervised(console, office)
    assert await console.page.locator("[style], style").count() == 0


async def test_the_title_and_a_tone_call_who_looks_elsewhere(operator, office):
    console = await operator("")
    await console.page.add_init_script(
        "window.tones = 0; const start = OscillatorNode.prototype.start;"
        "OscillatorNode.prototype.start = function (...at) { window.tones += 1;"
        " return start.apply(this, at); };"
        "document.hasFocus = () => window.looks !== false;"
    )
    await console.open("ana@casa-lumen.example", "a good long password")
    await console.page.evaluate("window.looks = false")
    office.world.waiting("c-anna", ago_s=0)
    await expect(console.page).to_have_title("● New in the queue: Said they want a person")
    async with asyncio.timeout(PATIENCE_S):
        while await console.page.evaluate("window.tones") < 2:
            await console.page.evaluate("new Promise(requestAnimationFrame)")
    await console.page.evaluate("window.looks = true; window.dispatchEvent(new Event('focus'))")
    assert await console.page.title() == "(1) Tandem console"
    await console.page.get_by_role("button", name="Ana Ruiz").click()
    await console.page.get_by_label("Sound when").uncheck()
    await console.page.get_by_label("Flash the title").uncheck()
    await console.page.evaluate("window.looks = false; window.tones = 0")
    office.world.waiting("c-bert", ago_s=0)
    await expect(console.page).to_have_title("(2) Tandem console")
    assert await console.page.evaluate("window.tones") == 0
