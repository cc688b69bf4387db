"""A person takes over, gives back, ends: what the visitor sees of it, against the double."""

from __future__ import annotations

import asyncio

import pytest
from patience import PATIENCE_S

pytestmark = pytest.mark.browser

SAID = "We ship within two days."
_TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
_WATCH_FOR_GHOSTS = """chat => {
  window.ghosts = [];
  const live = chat.shadowRoot.querySelector('.live');
  new MutationObserver(() => { if (live.firstChild) window.ghosts.push(live.innerHTML); })
    .observe(live, { childList: true, subtree: true, characterData: true });
}"""


async def _begun(visit, **options):
    """A visitor who has had one answer, with a chat that is open."""
    widget = await visit(**options)
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_answer(1)
    return widget


async def _heard(double, kind, count):
    """Wait until the double has had `count` frames of `kind`; all of them."""
    await _until(lambda: len(double.received_of(kind)) >= count)
    return double.received_of(kind)


def _frames(widget):
    """The frames that the page receives from now on, as they stand on the wire."""
    received: list[str] = []

    def note(frame):
        received.append(str(frame))

    widget.page.on("websocket", lambda socket: socket.on("framereceived", note))
    return received


async def _drawn(widget, received, text):
    """Wait until the frame that holds `text` has come, and has had its chance to be drawn."""
    await _until(lambda: any(text in frame for frame in received))
    await widget.page.evaluate(_TWO_FRAMES)


async def _until(holds):
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 what is waited for happens in a browser
            await asyncio.sleep(0.01)


async def test_who_asks_for_a_person_sees_the_bridge_and_a_place_that_moves(visit, double, picture):
    widget = await _begun(visit)
    await widget.talk_to_a_person()
    await widget.wait_notice("I have asked a colleague to join.")
    await widget.wait_waiting("You are second in the queue")
    await picture(widget, "desktop-queue")
    await double.queue(double.only, 1)
    await widget.wait_waiting("You are first in the queue")
    await double.queue(double.only, 12)
    await widget.wait_waiting("You are number 12 in the queue")
    await widget.ask("And to Portugal?")
    assert await widget.wait_answer(2) == SAID
    await widget.wait_waiting("You are number 12 in the queue")
    await double.join(double.only)
    await widget.wait_notice("Ana has joined")
    await widget.wait_waiting("")
    assert len(double.received_of("handoff")) == 1


async def test_in_spanish_the_place_is_told_in_spanish(visit, double):
    widget = await visit()
    await widget.open(lang="es")
    await widget.ask("hola")
    await widget.wait_answer(1)
    await widget.talk_to_a_person()
    await widget.wait_waiting("Eres el segundo de la cola")
    await widget.open_menu()
    assert await widget.person_choice.inner_text() == "Hemos avisado a una persona"
    await double.join(double.only)
    await widget.wait_who("Te atiende Ana")


async def test_the_control_says_how_the_wish_stands(visit, double, picture):
    from playwright.async_api import expect

    double.heeds_handoffs = False
    widget = await _begun(visit)
    await widget.open_menu()
    assert await widget.person_choice.inner_text() == "Talk to a person"
    await widget.person_choice.click()
    await widget.wait_waiting("Asking for a person…")
    await widget.open_menu()
    for words, step in (
        ("Asking for a person…", None),
        ("A person has been asked", double.request),
        ("Ana is here", double.join),
    ):
        if step:
            await step(double.only)
        await expect(widget.person_choice).to_have_text(words)
        assert await widget.person_choice.is_disabled()
    await picture(widget, "desktop-menu-person-here")
    await double.release(double.only)
    await expect(widget.person_choice).to_have_text("Talk to a person")
    assert await widget.person_choice.is_enabled()


async def test_outside_of_the_hours_the_visitor_is_told_so(visit, double, picture):
    double.away = True
    widget = await _begun(visit)
    await widget.talk_to_a_person()
    await widget.wait_notice("we are back on Monday")
    await widget.open_menu()
    assert await widget.person_choice.inner_text() == "Asked · the team is away"
    assert await widget.person_choice.is_disabled()
    await widget.page.keyboard.press("Escape")
    await picture(widget, "desktop-away")


async def test_a_person_who_joins_is_named_wherever_they_speak(visit, double, picture):
    widget = await _begun(visit)
    await double.join(double.only, "Ana Ruiz")
    await widget.wait_who("Ana Ruiz is here")
    await double.push(double.only, {"type": "typing", "who": "operator", "on": True})
    await widget.typing.wait_for()
    assert await widget.chat.locator(".live .name").inner_text() == "Ana Ruiz"
    spoken = widget.chat.locator(".panel > .hidden[role=status]")
    assert await spoken.text_content() == "Ana Ruiz is writing…"
    await picture(widget, "desktop-operator-typing")
    await double.reply(double.only, "Hello, I am Ana.", operator_name="Ana Ruiz")
    await widget.chat.locator(".log .operator", has_text="I am Ana").wait_for()
    assert await widget.chat.locator(".log .name").inner_text() == "Ana Ruiz"
    assert await widget.typing.count() == 0
    await picture(widget, "desktop-operator")
    await double.release(double.only)
    await widget.wait_notice("The assistant is back.")
    await widget.wait_who("Assistant · answers at once")
    joined, back = await widget.notices()
    assert (joined, back) == ("Ana Ruiz has joined the conversation.", "The assistant is back.")


@pytest.mark.parametrize("mode", ["human", "supervised"])
async def test_a_half_streamed_answer_vanishes_at_once_and_never_comes_back(visit, double, mode):
    double.flow.clear()
    widget = await visit()
    received = _frames(widget)
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_stream("We ship within")
    await double.join(double.only, mode=mode)
    await widget.wait_notice("Ana")
    assert await widget.stream.count() == 0
    await widget.chat.evaluate(_WATCH_FOR_GHOSTS)
    # The rest of the turn is still on its way, and pieces of turns that nobody has seen.
    double.flow.set()
    for turn in ("another", "turn-x"):
        delta = {"type": "delta", "turn": turn, "index": 0, "text": "a ghost"}
        await double.push(double.only, delta)
    await double.push(double.only, {"type": "typing", "who": "assistant", "on": True})
    await _drawn(widget, received, '"assistant"')
    await double.reply(double.only, "I am here.")
    await widget.chat.locator(".log .operator", has_text="I am here").wait_for()
    await double.release(double.only)
    late = {"type": "delta", "turn": "another", "index": 1, "text": "a late ghost"}
    await double.push(double.only, late)
    await _drawn(widget, received, "a late ghost")
    await double.reply(double.only, "The last word.")
    await widget.chat.locator(".log .operator", has_text="The last word").wait_for()
    assert await widget.page.evaluate("window.ghosts") == []
    assert await widget.answers() == []


async def test_the_half_of_an_answer_is_out_of_sight_when_its_turn_ended_in_a_request(
    visit, double
):
    double.flow.clear()
    widget = await visit()
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_stream("We ship within")
    await double.request(double.only)
    await widget.wait_waiting("You are second in the queue")
    assert await widget.stream.count() == 0
    assert await widget.typing.count() == 0
    # It had not ended: the rest comes, and the whole of it is there again.
    double.flow.set()
    assert await widget.wait_answer(1) == SAID


async def test_a_supervised_visitor_knows_who_looks_on_and_sees_no_dots(visit, double, picture):
    widget = await _begun(visit)
    await double.join(double.only, mode="supervised")
    await widget.wait_who("Ana checks the answers")
    await widget.ask("And to Portugal?")
    await widget.wait_delivery("And to Portugal?", "logged")
    assert await widget.typing.count() == 0
    said = {"kind": "assistant_message", "message": "checked", "text": "Three days."}
    await double.say(double.only, said)
    assert await widget.wait_answer(2) == "Three days."
    await picture(widget, "desktop-supervised")


async def test_what_was_shown_is_told_as_seen_and_nothing_that_was_not(visit, double):
    widget = await _begun(visit)
    first = (await _heard(double, "seen", 1))[-1]
    assert first["version"] == double.only.version
    for n in range(5):
        await double.reply(double.only, f"One more, {n}.")
    await widget.chat.locator(".log .operator", has_text="One more, 4.").wait_for()
    told = await _heard(double, "seen", 2)
    assert told[-1]["version"] == double.only.version
    assert len(told) == 2, "each event of a burst was told"
    await widget.page.keyboard.press("Escape")
    await double.reply(double.only, "While the chat is closed.")
    await widget.chat.get_by_role("button", name="Open chat, 1 new message").wait_for()
    await widget.open_chat()
    told = await _heard(double, "seen", 3)
    assert [frame["version"] for frame in told[2:]] == [double.only.version]


async def test_what_comes_to_a_hidden_tab_is_seen_when_it_is_looked_at(visit, double):
    widget = await visit()
    await widget.page.clock.install()
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_answer(1)
    await _heard(double, "seen", 1)
    hidden = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    told = "document.dispatchEvent(new Event('visibilitychange'))"
    await widget.page.evaluate(hidden % "true" + told)
    await double.reply(double.only, "Are you there?")
    await widget.chat.locator(".log .operator", has_text="Are you there?").wait_for()
    await widget.page.clock.fast_forward(5_000)
    # Had it been told, it would stand before this.
    await widget.ask("Hello?")
    await _heard(double, "message", 2)
    assert len(double.received_of("seen")) == 1
    await widget.page.evaluate(hidden % "false" + told)
    await widget.wait_answer(2)
    await _until(lambda: double.received_of("seen")[-1]["version"] == double.only.version)


async def test_an_end_is_said_rated_and_followed_by_a_new_beginning(visit, double, picture):
    widget = await _begun(visit)
    await double.join(double.only)
    await double.reply(double.only, "That is done.")
    await double.resolve(double.only)
    await widget.wait_notice("This conversation has ended.")
    await widget.chat.get_by_text("How was this conversation?").wait_for()
    await picture(widget, "desktop-resolved")
    await widget.rate(5)
    await widget.chat.get_by_text("Thank you for your rating.").wait_for()
    assert [frame["score"] for frame in double.received_of("rate")] == [5]
    old = double.only
    await widget.chat.get_by_role("button", name="Start a new conversation").click()
    await widget.wait_status("ready")
    assert await widget.visitor_messages() == []
    assert await widget.notices() == []
    assert await widget.focused() == "TEXTAREA"
    hello = double.received_of("hello")[-1]
    assert hello == {"type": "hello", "key": "pk_demo", "locale": "en", "token": old.token} | {
        "fresh": True
    }
    await widget.ask("Something else")
    await widget.wait_answer(1)
    (new,) = [c for c in double.conversations.values() if c is not old]
    assert new.visitor == old.visitor
    await widget.reload()
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["Something else"]


async def test_a_message_after_the_end_goes_on_with_the_same_conversation(visit, double):
    widget = await _begun(visit)
    await double.resolve(double.only)
    await widget.wait_notice("This conversation has ended.")
    await widget.ask("One thing more")
    await widget.wait_answer(2)
    assert await widget.chat.get_by_role("button", name="Start a new conversation").count() == 0
    assert len(double.conversations) == 1


async def test_after_a_reload_and_a_break_all_of_it_is_as_it_was(visit, double):
    widget = await _begun(visit)
    await widget.talk_to_a_person()
    await widget.wait_waiting("You are second in the queue")
    await widget.reload()
    await widget.wait_waiting("You are second in the queue")
    double.closed = True
    await double.drop_sockets()
    await widget.wait_status("waiting")
    await double.join(double.only)
    await double.reply(double.only, "I am here.")
    double.closed = False
    await widget.wait_who("Ana is here")
    await widget.wait_waiting("")
    await widget.reload()
    await widget.wait_who("Ana is here")
    await double.resolve(double.only)
    await widget.wait_notice("This conversation has ended.")
    notices = await widget.notices()
    await widget.reload()
    await widget.chat.get_by_text("How was this conversation?").wait_for()
    assert await widget.notices() == notices
    assert len(notices) == 3
