"""The console when the line breaks: nothing is lost, nothing is done twice, nothing is hidden."""

from __future__ import annotations

import asyncio

import pytest
from patience import PATIENCE_S
from playwright.async_api import expect

pytestmark = pytest.mark.browser


async def mine(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    await console.pick("c-anna")
    await console.do("Take over")
    await console.wait_holder("With you")
    return console


async def test_what_was_missed_is_caught_up_once(operator, office):
    console = await mine(operator, office)
    office.closed = True
    await office.drop_sockets()
    await console.wait_status("waiting")
    await expect(console.page.locator(".link-banner")).to_contain_text("Connection lost")
    office.world.write("c-anna", "Said while you were away")
    office.world.waiting("c-bert")
    office.closed = False
    await console.wait_ready()
    await console.wait_line("Said while you were away", "visitor")
    assert (await console.lines("visitor")).count("Said while you were away") == 1
    await console.wait_rows("c-bert")
    watches = office.received_of("watch")
    assert watches[-1]["after"] > 0


async def test_a_message_whose_acknowledgement_was_lost_is_sent_again_and_stands_once(
    operator, office
):
    console = await mine(operator, office)
    office.lost_acknowledgements = 1
    await console.write("Only once, please")
    await console.wait_delivery("Only once, please", "saved")
    sent = office.received_of("reply")
    assert len(sent) == 2
    assert sent[0]["id"] == sent[1]["id"]
    assert await console.lines("operator") == ["Only once, please"]


async def test_what_is_written_without_a_line_waits_and_goes_out_when_it_is_back(operator, office):
    console = await mine(operator, office)
    office.closed = True
    await office.drop_sockets()
    await console.wait_status("waiting")
    await console.write("Written in the dark")
    await console.wait_delivery("Written in the dark", "waiting")
    await expect(console.page.locator(".link-banner")).to_contain_text("1 message waits")
    await expect(console.conversation.get_by_role("button", name="Resolve")).to_be_disabled()
    office.closed = False
    await console.wait_delivery("Written in the dark", "saved")
    assert len(office.received_of("reply")) == 1


async def test_an_unsent_message_survives_a_reload(operator, office):
    console = await mine(operator, office)
    office.closed = True
    await office.drop_sockets()
    await console.wait_status("waiting")
    await console.write("Not lost by a reload")
    await console.wait_delivery("Not lost by a reload", "waiting")
    await console.page.reload()
    await console.wait_status("waiting")
    office.closed = False
    await console.wait_delivery("Not lost by a reload", "saved")
    assert await console.lines("operator") == ["Not lost by a reload"]


async def test_a_refused_message_stays_and_can_go_back_or_out_again(operator, office):
    console = await mine(operator, office)
    office.rejections = [("stale_epoch", "changed hands"), ("not_owner", "Bruno has it")]
    await console.write("First")
    await console.wait_delivery("First", "failed")
    await console.thread.get_by_role("button", name="Send again").click()
    await console.wait_delivery("First", "failed")
    await expect(console.thread.get_by_role("alert")).to_contain_text("Bruno has it")
    await console.thread.get_by_role("button", name="Back to the composer").click()
    await expect(console.composer).to_have_value("First")
    await console.composer.press("Enter")
    await console.wait_delivery("First", "saved")
    assert await console.lines("operator") == ["First"]


async def test_a_server_that_is_busy_is_asked_again_with_the_same_id(operator, office):
    console = await mine(operator, office)
    office.rejections = [("unavailable", "not now")]
    await console.write("Patience")
    await console.wait_delivery("Patience", "saved")
    first, second = office.received_of("reply")
    assert first["id"] == second["id"]


async def test_offline_is_said_at_once(operator, office):
    console = await mine(operator, office)
    await console.page.context.set_offline(True)
    await console.wait_status("offline")
    await expect(console.page.locator(".link-banner")).to_contain_text("You are offline")
    await console.page.context.set_offline(False)
    await console.wait_ready()
    await expect(console.page.locator(".link-banner")).to_contain_text("nothing was missed")


async def test_what_is_being_written_is_kept_by_conversation(operator, office):
    office.world.waiting("c-bert", ago_s=30)
    office.world.take("c-bert", "op-ana", "Ana Ruiz")
    console = await mine(operator, office)
    await console.composer.fill("For Anna")
    await console.show("Mine")
    await console.pick("c-bert")
    await expect(console.composer).to_have_value("")
    await console.composer.fill("For Bert")
    await console.pick("c-anna")
    await expect(console.composer).to_have_value("For Anna")
    await console.page.reload()
    await expect(console.composer).to_have_value("For Anna")


async def test_a_fresh_token_is_told_to_the_open_socket(operator, office):
    # By this page's clock a token is renewed a minute before its end, but never at once.
    office.accounts.token_life_s = 61
    console = await operator("")
    await console.page.clock.install()
    await console.open("ana@casa-lumen.example", "a good long password")
    office.accounts.token_life_s = 900
    async with console.page.expect_response("**/session/refresh"):
        await console.page.clock.run_for(31_000)
    await expect(console.banner).to_have_attribute("data-status", "ready")
    async with asyncio.timeout(PATIENCE_S):
        while len({hello["token"] for hello in office.received_of("hello")}) < 2:  # noqa: ASYNC110 a browser sends it
            await asyncio.sleep(0.02)
    assert len(office.consoles) == 1
