"""Drafts in the console: a person looks at what the AI would say, before anybody else does."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

TEXT = "You may return any lamp within 30 days [1]."


async def drafted(operator, office):
    """A console that supervises `c-anna`, with a draft in front of it."""
    from console_world import SHIPPING

    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Supervise")
    await console.wait_holder("Supervised by you")
    if office.world.talks["c-anna"].state.turn is None:
        office.world.write("c-anna", "Can I return it?")
    office.world.answer("c-anna", TEXT, sources=(SHIPPING,), confidence=0.72)
    await expect(console.draft).to_be_visible()
    return console


async def test_a_draft_shows_its_sources_and_how_sure_it_is(operator, office):
    console = await drafted(operator, office)
    await expect(console.draft).to_contain_text("You may return any lamp within 30 days")
    await expect(console.draft).to_contain_text("72 % sure")
    await expect(console.draft.get_by_role("link", name="Shipping and delivery")).to_be_visible()
    await expect(console.draft.locator("blockquote")).to_contain_text("two working days")
    await console.show("Mine")
    await expect(console.row("c-anna").locator(".badge.ai")).to_have_text("Draft")


async def test_approved_as_it_is(operator, office):
    console = await drafted(operator, office)
    await console.draft.get_by_role("button", name="Approve and send").click()
    await expect(console.draft).to_have_count(0)
    line = await console.wait_line("You may return any lamp", "assistant")
    await expect(line).to_contain_text("Approved by Ana Ruiz")
    (order,) = office.received_of("approve")
    assert "text" not in order


async def test_mended_with_the_difference_in_sight(operator, office):
    console = await drafted(operator, office)
    await console.draft.get_by_role("button", name="Edit").click()
    field = console.draft.get_by_label("Your version")
    await expect(field).to_be_focused()
    await field.fill("You may return any lamp within 60 days [1].")
    await expect(console.draft.locator("del")).to_have_text("30")
    await expect(console.draft.locator("ins")).to_have_text("60")
    await console.draft.get_by_role("button", name="Approve my version").click()
    line = await console.wait_line("within 60 days", "assistant")
    await expect(line).to_contain_text("Edited by Ana Ruiz")
    await line.locator("summary", has_text="What the AI had drafted").click()
    await expect(line.locator("del")).to_have_text("30")


async def test_rejected_with_a_reason(operator, office):
    console = await drafted(operator, office)
    await console.draft.get_by_role("button", name="Reject").click()
    no = console.draft.get_by_role("button", name="Reject the draft")
    await expect(no).to_be_disabled()
    await console.draft.get_by_role("button", name="Wrong tone").click()
    await no.click()
    await expect(console.draft).to_have_count(0)
    line = await console.wait_line("rejected a draft: Wrong tone", "system")
    await expect(line).to_contain_text("Ana Ruiz")
    assert await console.lines("assistant") == ["Two working days 1."]


async def test_a_void_draft_vanishes_with_a_word_and_what_was_mended_is_kept(operator, office):
    console = await drafted(operator, office)
    await console.draft.get_by_role("button", name="Edit").click()
    await console.draft.get_by_label("Your version").fill("Sixty days, I promise.")
    office.world.write("c-anna", "Wait, one more thing")
    await expect(console.draft).to_have_count(0)
    await console.wait_toast("The draft is void: the visitor wrote again.")
    await console.wait_line("A draft was set aside", "system")
    await expect(console.composer).to_have_value("Sixty days, I promise.")


async def test_an_edit_survives_a_reload(operator, office):
    console = await drafted(operator, office)
    await console.press("e")
    await console.draft.get_by_label("Your version").fill("Almost done")
    await console.page.reload()
    await expect(console.draft.get_by_label("Your version")).to_have_value("Almost done")


async def test_a_draft_of_a_colleague_is_seen_and_left_alone(operator, office):
    office.world.waiting("c-anna")
    office.world.supervise("c-anna", "op-bruno", "Bruno Keller")
    office.world.write("c-anna", "Can I return it?")
    office.world.answer("c-anna", TEXT)
    console = await operator()
    await console.show("All")
    await console.pick("c-anna")
    await expect(console.draft).to_contain_text("Bruno Keller decides on this draft.")
    assert await console.draft.get_by_role("button").count() == 0
    await console.press("a")
    await console.press("x")
    assert await console.draft.locator("form").count() == 0
    assert office.received_of("approve") == []


async def test_a_draft_that_was_decided_elsewhere_is_said_to_be_over(operator, office):
    console = await drafted(operator, office)
    office.rejections.append(("draft_over", "this draft was approved by Bruno Keller"))
    await console.draft.get_by_role("button", name="Approve and send").click()
    await console.wait_toast("no longer waiting")
