"""The console in a real browser, against the double of the operator API."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def test_the_queue_shows_who_waits_longest_first_and_why(operator, office):
    office.world.waiting("c-bert", "This bot is useless", ago_s=75)
    office.world.waiting("c-anna", "Quiero hablar con una persona", ago_s=400)
    office.world.write("c-carl", "Do you ship to Iceland?")
    console = await operator()
    await console.wait_rows("c-anna", "c-bert")
    row = console.row("c-anna")
    await expect(row).to_contain_text("Said they want a person")
    await expect(row).to_contain_text("Quiero hablar con una persona")
    await expect(row.locator(".row-age")).to_contain_text(re.compile(r"6:\d\d"))
    await expect(row).to_contain_text("Web chat")
    await expect(row).to_contain_text("EN")
    await console.wait_count("Unassigned", 2)
    await console.wait_count("All", 3)
    assert await console.page.title() == "(2) Tandem console"


async def test_what_happens_now_is_seen_now(operator, office):
    console = await operator()
    await console.wait_count("Unassigned", 0)
    office.world.waiting("c-anna", ago_s=0)
    await console.wait_rows("c-anna")
    await console.pick("c-anna")
    office.world.write("c-anna", "Is anybody there?")
    await console.wait_line("Is anybody there?", "visitor")
    await expect(console.row("c-anna")).to_contain_text("Is anybody there?")
    await expect(console.page.locator("[data-herald]")).to_contain_text("Is anybody there?")


async def test_each_voice_looks_different(operator, office):
    office.world.waiting("c-anna")
    office.world.note("c-anna", "op-bruno", "Bruno Keller", "She called yesterday.")
    office.world.take("c-anna", "op-bruno", "Bruno Keller")
    office.world.reply("c-anna", "op-bruno", "Bruno Keller", "Hello, Bruno here.")
    console = await operator()
    await console.show("All")
    await console.pick("c-anna")
    await console.wait_line("I want a person", "visitor")
    await console.wait_line("Two working days", "assistant")
    await console.wait_line("Hello, Bruno here.", "operator")
    note = await console.wait_line("She called yesterday.", "note")
    await expect(note).to_contain_text("Private note")
    await console.wait_line("Bruno Keller took over", "system")
    told = await console.wait_line("The visitor read", "system")
    await expect(told).to_contain_text("I have asked for a person")
    colours = await console.page.evaluate(
        "['visitor','assistant','operator','note'].map(kind => getComputedStyle("
        "document.querySelector(`.line.${kind} .bubble`)).backgroundColor)"
    )
    assert len(set(colours)) == 4


async def test_take_over_answer_and_release(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.wait_holder("AI answers")
    assert await console.composer.count() == 0
    await console.do("Take over")
    await console.wait_holder("With you")
    await expect(console.composer).to_be_focused()
    await console.write("Hello, I am Ana.")
    await console.wait_delivery("Hello, I am Ana.", "saved")
    await console.wait_count("Mine", 1)
    await console.do("Release to AI")
    await console.wait_holder("AI answers")
    await console.wait_line("Ana Ruiz released it", "system")
    assert await console.lines("operator") == ["Hello, I am Ana."]
    (reply,) = office.received_of("reply")
    assert office.world.talks["c-anna"].state.epoch == reply["epoch"] + 1


async def test_what_the_visitor_has_seen_is_told(operator, office):
    from serve_apps.gateway.operators.frames import PresentShown

    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Take over")
    await console.write("Hello")
    await console.wait_delivery("Hello", "saved")
    version = office.world.talks["c-anna"].state.version
    seen = {"conversation": "c-anna", "who": "visitor", "on": True}
    await office.push("c-anna", PresentShown(**seen, version=version - 1))
    await console.wait_delivery("Hello", "saved")
    await office.push("c-anna", PresentShown(**seen, version=version))
    await console.wait_delivery("Hello", "seen")
    await expect(console.conversation.locator(".presence.here")).to_be_visible()


async def test_both_sides_typing(operator, office):
    from serve_apps.gateway.operators.frames import TypingShown

    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Take over")
    await office.push("c-anna", TypingShown(conversation="c-anna", who="visitor", on=True))
    await expect(console.thread.get_by_text("The visitor is typing…")).to_be_visible()
    office.world.write("c-anna", "Done typing")
    await expect(console.thread.get_by_text("The visitor is typing…")).to_have_count(0)
    await console.composer.press_sequentially("Hi there")
    await console.composer.press("Enter")
    await console.wait_delivery("Hi there", "saved")
    told = [frame["on"] for frame in office.received_of("typing")]
    assert told == [True, False]


async def test_the_answer_of_the_ai_streams_and_stops_when_a_person_takes_over(operator, office):
    from serve_apps.gateway.operators.frames import OperatorDelta

    office.world.write("c-anna", "How long does shipping take?")
    turn = office.world.talks["c-anna"].state.turn.turn
    console = await operator()
    await console.show("All")
    await console.pick("c-anna")
    await expect(console.thread.get_by_text("The AI is writing…")).to_be_visible()
    pieces = ["Two ", "working "]
    for index, text in enumerate(pieces):
        delta = OperatorDelta(conversation="c-anna", turn=turn, index=index, text=text)
        await office.push("c-anna", delta)
    await expect(console.thread.locator(".streaming")).to_contain_text("Two working")
    await console.do("Take over")
    await console.wait_holder("With you")
    await expect(console.thread.locator(".streaming")).to_have_count(0)
    assert await console.lines("assistant") == []


async def test_a_colleague_is_named_and_asked_for_once_openly(operator, office):
    office.world.waiting("c-anna")
    office.world.take("c-anna", "op-bruno", "Bruno Keller")
    console = await operator()
    await console.show("All")
    await console.pick("c-anna")
    await console.wait_holder("With Bruno Keller")
    await expect(console.conversation).to_contain_text("Bruno Keller has this conversation")
    await console.do("Take over")
    await expect(console.dialog).to_contain_text("Take it from Bruno Keller?")
    await console.dialog.get_by_role("button", name="Cancel").click()
    assert office.received_of("take_over") == []
    await console.do("Take over")
    await console.dialog.get_by_role("button", name="Take over openly").click()
    await console.wait_holder("With you")
    (order,) = office.received_of("take_over")
    assert order["openly"] is True


async def test_when_two_click_at_once_one_owns_and_the_other_is_told(operator, office):
    office.world.waiting("c-anna")
    ana = await operator()
    bruno = await operator("bruno@casa-lumen.example")
    await ana.pick("c-anna")
    await bruno.pick("c-anna")
    epoch = office.world.talks["c-anna"].state.epoch
    # Bruno's click is on its way while Ana's is decided.
    office.rejections.append(("taken", "Ana Ruiz has this conversation"))
    await bruno.do("Take over")
    await expect(bruno.dialog).to_contain_text("Somebody was a moment faster than you.")
    await ana.do("Take over")
    await ana.wait_holder("With you")
    await expect(bruno.dialog).to_contain_text("Take it from Ana Ruiz?")
    await bruno.dialog.get_by_role("button", name="Cancel").click()
    await bruno.wait_holder("With Ana Ruiz")
    assert office.world.talks["c-anna"].state.epoch == epoch + 1


async def test_back_to_the_queue_resolve_and_reopen(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Take over")
    await console.wait_holder("With you")
    await console.do("Back to queue")
    await console.wait_holder("AI answers")
    await console.wait_count("Unassigned", 1)
    await expect(console.row("c-anna")).to_contain_text("Passed on by a colleague")
    await console.do("Resolve")
    await console.wait_line("Ana Ruiz resolved the conversation", "system")
    await console.wait_count("Unassigned", 0)
    await console.show("Resolved")
    await console.wait_rows("c-anna")
    await console.do("Reopen")
    await console.wait_line("Reopened by a colleague", "system")
    await console.wait_rows()


async def test_notes_are_written_without_owning_and_seen_in_the_context(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.conversation.get_by_role("button", name="Private note").click()
    await expect(console.composer).to_be_focused()
    await console.write("Ask Marta about the refund.")
    await console.wait_line("Ask Marta about the refund.", "note")
    await expect(console.context).to_contain_text("Ask Marta about the refund.")
    assert office.received_of("reply") == []


async def test_the_context_says_why_and_what_the_ai_relied_on(operator, office):
    world = office.world
    world.write("c-old", "An old question", visitor="v-same")
    world.resolve("c-old", "op-bruno", "Bruno Keller")
    world.write("c-anna", "Cancel my contract", visitor="v-same")
    world.answer("c-anna", "I cannot do that.", kind="unknown", guard={"reason": "low_retrieval"})
    world.call("c-anna", "authority", evidence="Cancel my contract", score=0.91)
    world.rate("c-anna", 2)
    console = await operator()
    await console.pick("c-anna")
    context = console.context
    await expect(context).to_contain_text("Needs a person’s authority")
    await expect(context.locator("blockquote").first).to_have_text("Cancel my contract")
    await expect(context).to_contain_text("91 % sure")
    await expect(context).to_contain_text("nothing close enough in the knowledge base")
    await expect(context).to_contain_text("The visitor rated 2 of 5")
    await expect(context.locator(".past-row")).to_contain_text("An old question")
    version = world.talks["c-anna"].state.version
    link = context.get_by_role("link", name="Open replay")
    await expect(link).to_have_attribute("href", f"/replay?c=c-anna&v={version}")
    await context.locator(".past-row").click()
    await console.wait_opened("c-old")
    await console.wait_line("An old question", "visitor")


async def test_search_looks_through_all_and_asks_the_server_too(operator, office):
    office.world.waiting("c-anna")
    office.world.write("c-carl", "Do you ship to Iceland?")
    office.world.write("c-dora", "Iceland, long ago")
    office.world.resolve("c-dora", "op-bruno", "Bruno Keller")
    console = await operator()
    await console.press("/")
    await console.page.keyboard.type("iceland")
    await console.wait_rows("c-carl", "c-dora")
    await console.press("Enter")
    assert "row" in await console.focused()
    await console.press("/", "Escape")
    await console.wait_rows("c-anna")


async def test_resolved_ones_come_by_the_page(operator, office):
    for i in range(60):
        office.world.write(f"c-{i}", f"Question {i}")
        office.world.resolve(f"c-{i}", "op-bruno", "Bruno Keller")
    console = await operator()
    await console.show("Resolved")
    await expect(console.queue.locator("[data-row]")).to_have_count(50)
    await console.queue.get_by_role("button", name="Show older").click()
    await expect(console.queue.locator("[data-row]")).to_have_count(60)


async def test_a_link_opens_its_conversation_and_back_goes_to_the_queue(operator, office):
    office.world.waiting("c-anna")
    console = await operator(path="/console?c=c-anna")
    await console.wait_line("I want a person", "visitor")
    await console.page.goto(f"{console.url}/console?c=c-nobody")
    await expect(console.conversation.get_by_role("alert")).to_contain_text("does not exist")
    await console.page.goto(f"{console.url}/console")
    await console.pick("c-anna")
    await console.page.go_back()
    await expect(console.conversation).to_contain_text("No conversation is open")


async def test_a_long_conversation_shows_its_end_and_fetches_up_the_rest(operator, office):
    for i in range(150):
        office.world.write("c-anna", f"Message {i}")
        office.world.answer("c-anna", f"Answer {i}")
    console = await operator()
    await console.show("All")
    await console.pick("c-anna")
    last = await console.wait_line("Answer 149", "assistant")
    await expect(last).to_be_in_viewport()
    assert await console.thread.locator(".line").count() == 120
    await console.thread.get_by_role("button", name="earlier").click()
    await expect(console.thread.locator(".line")).to_have_count(240)
    await console.thread.evaluate("thread => thread.scrollTo(0, 0)")
    office.world.write("c-anna", "One more")
    await expect(console.page.get_by_role("button", name="To the newest")).to_be_visible()
    await console.page.get_by_role("button", name="To the newest").click()
    await expect(await console.wait_line("One more")).to_be_in_viewport()
