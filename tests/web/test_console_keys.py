"""The console without a mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_from_the_queue_to_an_answer_by_keys_alone(operator, office):
    office.world.waiting("c-anna", ago_s=300)
    office.world.waiting("c-bert", ago_s=30)
    console = await operator()
    await console.wait_rows("c-anna", "c-bert")
    await console.press("j", "j", "k", "j", "Enter")
    await console.wait_opened("c-bert")
    await console.press("t")
    await console.wait_holder("With you")
    await expect(console.composer).to_be_focused()
    await console.page.keyboard.type("By keys.")
    await console.press("Shift+Enter")
    await console.page.keyboard.type("Two lines: j t g d.")
    await console.press("Enter")
    await console.wait_delivery("Two lines", "saved")
    assert await console.lines("operator") == ["By keys.\nTwo lines: j t g d."]
    await console.press("Escape", "n")
    await console.page.keyboard.type("A note")
    await console.press("Enter")
    await console.wait_line("A note", "note")
    await console.press("Escape", "r")
    await expect(console.page.get_by_label("Reply to the visitor")).to_be_focused()
    await console.press("Escape", "g")
    await console.wait_holder("AI answers")
    await console.press("d")
    await console.wait_holder("Resolved")


async def test_a_draft_by_keys_alone(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.press("j", "Enter")
    await console.wait_opened("c-anna")
    await console.wait_holder("AI answers")
    await console.press("s")
    await console.wait_holder("Supervised by you")
    if office.world.talks["c-anna"].state.turn is None:
        office.world.write("c-anna", "And then?")
    office.world.answer("c-anna", "Thirty days.")
    await expect(console.draft).to_be_visible()
    await console.press("x", "Escape", "e")
    await expect(console.draft.get_by_label("Your version")).to_be_focused()
    await console.press("Control+a")
    await console.page.keyboard.type("Sixty days.")
    await console.press("Escape", "a")
    await console.wait_line("Sixty days.", "assistant")


async def test_letters_are_letters_while_something_is_written(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.press("/")
    await console.page.keyboard.type("t?jd1")
    await expect(console.page.get_by_label("Search conversations")).to_have_value("t?jd1")
    assert await console.dialog.count() == 0
    assert office.received_of("take_over") == []


async def test_letters_can_be_switched_off_and_stay_so(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.wait_holder("AI answers")
    await console.page.get_by_role("button", name="Ana Ruiz").click()
    await console.page.get_by_label("Letter keys as shortcuts").uncheck()
    await console.press("Escape")
    await console.page.reload()
    await console.wait_holder("AI answers")
    await console.press("t")
    await console.press("Control+k")
    await expect(console.dialog).to_be_visible()
    assert office.received_of("take_over") == []


async def test_the_command_bar_finds_commands_views_and_conversations(operator, office):
    office.world.waiting("c-anna", "Where is my floor lamp?", ago_s=90)
    office.world.waiting("c-bert", ago_s=60)
    console = await operator()
    await console.press("Control+k")
    await console.page.keyboard.type("floor lamp")
    await console.press("Enter")
    await console.wait_opened("c-anna")
    await console.wait_holder("AI answers")
    await console.press("Control+k")
    await console.page.keyboard.type("tov")
    selected = console.dialog.get_by_role("option", selected=True)
    await expect(selected).to_contain_text("Take over")
    await console.press("ArrowDown", "ArrowUp", "Enter")
    await console.wait_holder("With you")
    await console.press("Escape", "Control+k")
    await console.page.keyboard.type("queue mine")
    await console.press("Enter")
    await console.wait_rows("c-anna")


async def test_canned_replies_come_with_a_slash(operator, office):
    office.canned |= {"refund": "Five working days.", "return": "Thirty days, used or not."}
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Take over")
    await expect(console.composer).to_be_focused()
    await console.page.keyboard.type("Good day. /re")
    options = console.page.get_by_role("option")
    await expect(options).to_have_count(2)
    await console.press("ArrowDown")
    await expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    await console.press("Enter")
    await expect(console.composer).to_have_value("Good day. Thirty days, used or not.")
    await console.page.keyboard.type(" Bye.")
    await console.press("Enter")
    await console.wait_delivery("Thirty days", "saved")
    await console.page.keyboard.type("/re")
    await console.press("Escape", "Enter")
    await console.wait_delivery("/re", "saved")


async def test_the_help_names_the_keys_and_gives_the_focus_back(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.press("j", "?")
    await expect(console.dialog).to_contain_text("Keyboard shortcuts")
    await expect(console.dialog).to_contain_text("Release to the AI")
    await console.press("Escape")
    await expect(console.row("c-anna")).to_be_focused()


async def test_the_way_through_the_page_by_tab_is_short(operator, office):
    for i in range(30):
        office.world.waiting(f"c-{i}", ago_s=i + 1)
    console = await operator()
    await console.pick("c-29")
    await console.wait_holder("AI answers")
    await console.row("c-29").focus()
    stops = []
    for _ in range(8):
        await console.press("Tab")
        stops.append(
            await console.page.evaluate("document.activeElement.closest('.pane')?.className")
        )
    assert "pane queue" not in stops
    assert "pane conversation" in stops
    seen = await console.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert seen != "none"
