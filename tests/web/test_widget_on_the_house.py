"""The widget in a real browser on the whole house: real gateway, actors, search, answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from benchmarks.house import House

pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(600)]


async def test_ask_read_the_sources_reload_and_it_is_still_there(house: House, visit):
    widget = await visit(url=house.url)
    await widget.open()
    await widget.open_chat()
    await widget.ask("How long does shipping take?")
    answer = await widget.wait_answer(1)
    assert "working days" in answer
    sources = await widget.sources()
    assert sources[0]["url"].startswith("https://casalumen.example/en/help/")
    assert "working days" in sources[0]["quote"]
    await widget.wait_delivery("How long does shipping take?", "logged")
    await widget.reload()
    assert await widget.wait_answer(1) == answer
    assert await widget.visitor_messages() == ["How long does shipping take?"]
    assert (await widget.sources())[0]["quote"] == sources[0]["quote"]


async def test_a_visitor_in_spanish_reads_spanish(house: House, visit):
    widget = await visit(url=house.url, locale="es-ES")
    await widget.open(lang="es")
    await widget.open_chat()
    await widget.ask("¿Cuánto tarda el envío a Portugal?")
    await widget.wait_answer(1)
    sources = await widget.sources()
    assert "/es/ayuda/" in sources[0]["url"]


async def test_offline_what_is_written_waits_and_is_sent_once_when_back(house: House, visit):
    widget = await visit(url=house.url, expects="ERR_INTERNET_DISCONNECTED")
    await widget.open()
    await widget.open_chat()
    await widget.ask("hello")
    await widget.wait_answer(1)
    await widget.go_offline()
    await widget.wait_status("offline")
    await widget.ask("Can I return a lamp?")
    await widget.go_online()
    await widget.wait_answer(2)
    assert await widget.visitor_messages() == ["hello", "Can I return a lamp?"]


async def test_who_asks_for_a_person_is_told_that_one_was_asked_for(house: House, visit):
    widget = await visit(url=house.url)
    await widget.open()
    await widget.open_chat()
    await widget.ask("hello")
    await widget.wait_answer(1)
    await widget.talk_to_a_person()
    await widget.wait_notice("I have asked for a person")
    await widget.wait_waiting(re.compile("^You are .+ in the queue$"))
    await widget.start_afresh()
    await widget.wait_status("ready")
    await widget.ask("hello again")
    await widget.wait_answer(1)
    assert await widget.visitor_messages() == ["hello again"]
    assert await widget.notices() == []


async def test_the_readmes_screenshot_is_what_a_visitor_sees(house: House, visit, tmp_path):
    """`TANDEM_PICTURES=docs/pictures make test ARGS=-k screenshot` takes it anew."""
    widget = await visit(url=house.url, viewport={"width": 1180, "height": 760})
    await widget.open()
    await widget.open_chat()
    await widget.ask("How long does shipping to Portugal take?")
    await widget.wait_answer(1)
    await widget.chat.locator(".chip").first.click()
    await widget.settle()
    import os

    folder = Path(os.environ.get("TANDEM_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 nothing else runs here
    picture = folder / "widget.png"
    await widget.page.screenshot(path=picture, animations="disabled", caret="hide")
    assert picture.stat().st_size > 20_000
