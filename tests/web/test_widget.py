"""The widget in a real browser, against the double of the protocol."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

SHIPPING = {
    "n": 1,
    "title": "Shipping and delivery",
    "url": "https://casa-lumen.example/help/shipping",
    "quote": "Orders leave our warehouse within two working days.",
    "chunk": "shipping#0",
}
LAMPS = {
    "n": 2,
    "title": "Large lamps",
    "url": "javascript:alert(1)",
    "quote": "Floor lamps travel on a pallet.",
    "chunk": "shipping#3",
}


def answer_about_shipping():
    from protocol_double import Answer

    return Answer(
        "Orders leave within two working days [1]. Floor lamps take longer [2].",
        html="<p>Orders leave within <strong>two working days</strong> [1]."
        " Floor lamps take longer [2].</p>",
        sources=[SHIPPING, LAMPS],
    )


async def test_an_answer_streams_and_is_replaced_by_the_final_one(visit, double, picture):
    double.answers = [answer_about_shipping()]
    double.flow.clear()
    widget = await visit()
    await widget.open()
    await picture(widget, "desktop-empty")
    await widget.ask("How long does shipping take?")
    await widget.wait_stream("Orders leave within")
    await picture(widget, "desktop-streaming")
    assert await widget.answers() == []
    double.flow.set()
    answer = await widget.wait_answer(1)
    assert answer == "Orders leave within two working days [1]. Floor lamps take longer [2]."
    assert await widget.stream.count() == 0
    assert await widget.chat.locator(".log strong").inner_text() == "two working days"


async def test_sources_are_chips_that_open_and_link_only_to_the_web(visit, double, picture):
    double.answers = [answer_about_shipping()]
    widget = await visit()
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_answer(1)
    shown = await widget.sources()
    assert [(s["n"], s["title"], s["url"]) for s in shown] == [
        (1, SHIPPING["title"], SHIPPING["url"]),
        (2, LAMPS["title"], None),
    ]
    assert shown[0]["quote"] == SHIPPING["quote"]
    assert "noopener" in str(shown[0]["rel"])
    assert shown[0]["target"] == "_blank"
    await widget.chat.locator(".cite").first.click()
    assert await widget.chat.locator(".chip").first.get_attribute("aria-expanded") == "true"
    await picture(widget, "desktop-sources")


async def test_hostile_html_becomes_harmless(visit, double):
    from protocol_double import Answer

    hostile = (
        "<p onclick=alert(1) style='color:red' class=x>Plain <b>bold</b></p>"
        "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'>"
        "<a href='javascript:window.hacked=1'>one</a>"
        "<a href='https://ok.example' onclick='window.hacked=1'>two</a>"
        "<svg><script>window.hacked=1</script><a href='https://x.example'>three</a></svg>"
        "<iframe src='/'></iframe><form action=/><input name=x></form>"
        "<style>*{display:none}</style>"
        "<template><p>four</p></template><table><tr><td>cell</td></tr></table>"
        "<math><mtext><style><img src=x onerror=window.hacked=1></style></mtext></math>"
        + "<div>" * 500 + "deep" + "</div>" * 500
    )  # fmt: skip
    double.answers = [Answer("Plain text", html=hostile)]
    # On a page without any policy, so that nothing but the widget stands in the way.
    double.host_page = (
        f'<script async src="{double.url}/widget.js" data-tandem-key=pk_demo></script>'
    )
    widget = await visit()
    await widget.open("/host")
    await widget.ask("Hello?")
    await widget.wait_answer(1)
    drawn = widget.chat.locator(".log .assistant .words")
    kept = await drawn.evaluate(
        "b => [...b.querySelectorAll('*')].map(e => [e.tagName,"
        " [...e.attributes].map(a => a.name)])"
    )
    assert kept == [["P", []], ["STRONG", []], ["A", ["href", "target", "rel"]]]
    assert await drawn.locator("a").get_attribute("href") == "https://ok.example/"
    assert await widget.page.evaluate("window.hacked") is None


async def test_after_a_reload_the_conversation_is_there_again_once(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("First question")
    await widget.wait_answer(1)
    await widget.reload()
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["First question"]
    assert len(double.conversations) == 1
    assert "after" not in double.received_of("hello")[-1]


async def test_a_broken_socket_is_mended_and_what_was_missed_is_caught_up(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("First question")
    await widget.wait_answer(1)
    double.closed = True
    await double.drop_sockets()
    await widget.wait_status("waiting")
    said = {"kind": "assistant_message", "message": "late", "text": "What you missed."}
    await double.say(double.only, said)
    double.closed = False
    assert await widget.wait_answer(2) == "What you missed."
    assert len(await widget.answers()) == 2
    hello = double.received_of("hello")[-1]
    assert (hello["after"], hello["after_index"]) == (4, 0)


async def test_offline_messages_wait_and_go_out_once_when_the_network_is_back(
    visit, double, picture
):
    widget = await visit()
    await widget.open()
    await widget.ask("First question")
    await widget.wait_answer(1)
    await widget.go_offline()
    await widget.ask("Written offline")
    await widget.wait_delivery("Written offline", "queued")
    await picture(widget, "desktop-offline")
    assert len(double.received_of("message")) == 1
    await widget.go_online()
    await widget.wait_answer(2)
    assert await widget.visitor_messages() == ["First question", "Written offline"]
    assert len(double.received_of("message")) == 2


async def test_a_lost_acknowledgement_does_not_double_a_message(visit, double):
    double.lost_acknowledgements = 1
    widget = await visit()
    await widget.open()
    await widget.ask("Only once, please")
    await widget.wait_answer(1)
    await widget.wait_delivery("Only once", "logged")
    assert await widget.visitor_messages() == ["Only once, please"]
    stored = [e for e in double.only.events if e["kind"] == "visitor_message"]
    assert len(stored) == 1


async def test_a_message_written_before_the_connection_survives_a_reload(visit, double):
    double.closed = True
    widget = await visit()
    await widget.page.goto(widget.url)
    await widget.open_chat()
    await widget.ask("Written in the dark")
    await widget.wait_delivery("Written in the dark", "queued")
    double.closed = False
    await widget.reload()
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["Written in the dark"]


async def test_a_rejected_message_is_retried_under_the_same_id(visit, double, picture):
    double.rejections = ["message_id"]
    widget = await visit()
    await widget.open()
    await widget.ask("Refused at first")
    await widget.wait_delivery("Refused at first", "failed")
    await picture(widget, "desktop-failed")
    await widget.chat.get_by_role("button", name="Retry").click()
    await widget.wait_answer(1)
    first, second = double.received_of("message")
    assert first == second
    assert await widget.focused() == "TEXTAREA"


async def test_what_the_gateway_cannot_take_for_the_moment_goes_again_by_itself(visit, double):
    double.rejections = ["unavailable"]
    widget = await visit()
    await widget.open()
    await widget.ask("Patience")
    await widget.wait_answer(1)
    first, second = double.received_of("message")
    assert first == second


async def test_a_turn_that_failed_says_so_and_can_be_asked_again(visit, double, picture):
    from protocol_double import Answer

    double.answers = [Answer("", fails=True), Answer("Now it works.")]
    widget = await visit()
    await widget.open()
    await widget.ask("Where is my order?")
    again = widget.chat.get_by_role("button", name="Try again")
    await again.wait_for()
    assert await widget.chat.get_by_role("button", name="Talk to a person").count() == 1
    await picture(widget, "desktop-turn-failed")
    await again.click()
    assert await widget.wait_answer(1) == "Now it works."
    first, second = double.received_of("message")
    assert first["text"] == second["text"]
    assert first["id"] != second["id"]


async def test_an_unknown_answer_offers_a_person(visit, double, picture):
    from protocol_double import Answer

    double.answers = [Answer("I do not know that.", kind="unknown")]
    widget = await visit()
    await widget.open()
    await widget.ask("Do you sell cars?")
    await widget.wait_answer(1)
    await widget.chat.get_by_role("button", name="Talk to a person").click()
    await widget.wait_notice("I have asked a colleague")
    assert await widget.chat.get_by_role("button", name="Talk to a person").count() == 0
    await picture(widget, "desktop-person-asked")


async def test_a_rating_is_given_once_and_thanked_for(visit, double, picture):
    widget = await visit()
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_answer(1)
    star = widget.chat.locator(".star-button").nth(3)
    before = await star.bounding_box()
    await widget.rate(4)
    await widget.chat.get_by_text("Thank you for your rating.").wait_for()
    await picture(widget, "desktop-rated")
    assert await star.bounding_box() == before
    assert await widget.chat.locator(".star-button.filled").count() == 4
    assert [frame["score"] for frame in double.received_of("rate")] == [4]
    assert await widget.focused() != ""


async def test_never_more_messages_in_flight_than_allowed(visit, double):
    double.limits = double.limits | {"unacknowledged": 2}
    widget = await visit()
    await widget.open()
    double.silent = True
    for n in range(5):
        await widget.ask(f"Message {n}")
    await widget.wait_delivery("Message 1", "flying")
    await widget.wait_delivery("Message 2", "queued")
    assert len(double.received_of("message")) <= 2


async def test_it_speaks_spanish_on_a_spanish_page(visit, double, picture):
    from protocol_double import Answer

    double.answers = [Answer("No lo sé.", kind="unknown")]
    widget = await visit()
    await widget.open(lang="es")
    assert double.received_of("hello")[0]["locale"] == "es"
    await widget.ask("¿Venden coches?")
    await widget.wait_answer(1)
    await widget.chat.get_by_role("button", name="Hablar con una persona").wait_for()
    await picture(widget, "desktop-spanish")


async def test_the_keyboard_alone_is_enough(visit, double):
    widget = await visit()
    await widget.page.goto(widget.url)
    await widget.launcher.focus()
    await widget.page.keyboard.press("Enter")
    await widget.wait_status("ready")
    assert await widget.focused() == "TEXTAREA"
    await widget.page.keyboard.type("Line one")
    await widget.page.keyboard.press("Shift+Enter")
    await widget.page.keyboard.type("line two")
    await widget.page.keyboard.press("Enter")
    await widget.wait_answer(1)
    assert double.received_of("message")[0]["text"] == "Line one\nline two"
    await widget.page.keyboard.press("Escape")
    assert not await widget.panel.is_visible()
    assert await widget.focused() == "launcher"


async def test_escape_closes_the_menu_before_the_chat(visit):
    widget = await visit()
    await widget.open()
    await widget.chat.get_by_role("button", name="More options").click()
    assert await widget.focused() == "choice"
    await widget.page.keyboard.press("Escape")
    assert await widget.focused() == "round"
    assert await widget.panel.is_visible()


async def test_a_new_message_while_closed_is_counted_on_the_launcher(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("Hello")
    await widget.wait_answer(1)
    await widget.page.keyboard.press("Escape")
    said = {"kind": "assistant_message", "message": "m2", "text": "One thing more."}
    await double.say(double.only, said)
    await widget.chat.get_by_role("button", name="Open chat, 1 new message").wait_for()
    await widget.open_chat()
    await widget.page.keyboard.press("Escape")
    await widget.chat.get_by_role("button", name="Open chat", exact=True).wait_for()


async def test_a_new_conversation_leaves_the_old_one_behind(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("My secret")
    await widget.wait_answer(1)
    await widget.chat.get_by_role("button", name="More options").click()
    await widget.chat.get_by_role("button", name="Start a new conversation").click()
    await widget.wait_status("ready")
    await widget.ask("Hello again")
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["Hello again"]
    assert len(double.conversations) == 2


async def test_the_limit_is_counted_and_kept(visit, double, picture):
    widget = await visit()
    await widget.open()
    await widget.input.fill("x" * 1990)
    assert await widget.chat.locator(".counter").inner_text() == "10 left"
    await widget.input.fill("x" * 2001)
    assert await widget.chat.locator(".counter").inner_text() == "1 too many"
    await picture(widget, "desktop-too-long")
    await widget.input.press("Enter")
    assert await widget.chat.locator(".send").is_disabled()
    assert double.received_of("message") == []


async def test_the_last_word_stays_in_sight_while_a_long_message_is_written(visit, double):
    from playwright.async_api import expect
    from protocol_double import Answer

    double.answers = [Answer("A long answer. " * 200 + "The end.")]
    widget = await visit()
    await widget.open()
    await widget.ask("Tell me all")
    await widget.wait_answer(1)
    end = widget.chat.locator(".star-button").first
    await expect(end).to_be_in_viewport()
    await widget.input.fill("line\n" * 12)
    await expect(end).to_be_in_viewport()
    await widget.chat.locator(".scroller").evaluate("s => s.scrollTo(0, 0)")
    said = {"kind": "assistant_message", "message": "m2", "text": "One thing more."}
    await double.say(double.only, said)
    await widget.wait_answer(2)
    assert await widget.chat.locator(".scroller").evaluate("s => s.scrollTop") == 0


async def test_it_works_where_storage_is_blocked(visit, double):
    widget = await visit()
    await widget.page.add_init_script(
        "Object.defineProperty(window, 'localStorage',"
        " { get() { throw new DOMException('blocked', 'SecurityError') } })"
    )
    await widget.open()
    await widget.ask("Without storage")
    await widget.wait_answer(1)
    await double.drop_sockets()
    await widget.ask("After the break")
    await widget.wait_answer(2)
    assert await widget.visitor_messages() == ["Without storage", "After the break"]
    assert len(double.conversations) == 1


async def test_a_forgotten_conversation_is_begun_anew(visit, double):
    widget = await visit()
    await widget.open()
    await widget.ask("Before")
    await widget.wait_answer(1)
    double.conversations.clear()
    await widget.reload()
    await widget.ask("After")
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["After"]


async def test_the_page_may_ask_through_the_element(visit, double):
    widget = await visit()
    await widget.page.goto(widget.url)
    await widget.page.get_by_role("button", name="How long is the warranty?").click()
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["How long is the warranty?"]
