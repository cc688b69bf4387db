"""Signing in to the console, and out of it."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

ANA = ("ana@casa-lumen.example", "a good long password")


async def door(operator):
    console = await operator("")
    await console.page.goto(f"{console.url}/console")
    await expect(console.page.get_by_label("E-mail")).to_be_focused()
    return console


async def test_signing_in_lasts_over_a_reload_and_keeps_no_token(operator, office):
    console = await door(operator)
    await console.sign_in(*ANA)
    await console.wait_ready()
    await console.page.reload()
    await console.wait_ready()
    kept = await console.page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
    )
    assert "token-" not in kept
    assert "cookie-" not in kept
    assert await console.page.get_by_role("button", name="Ana Ruiz").count() == 1


async def test_what_is_wrong_is_said_and_can_be_mended(operator, office):
    console = await door(operator)
    await console.sign_in("", "")
    trouble = console.page.get_by_role("alert")
    await expect(trouble).to_have_text("Enter your e-mail and your password.")
    await console.sign_in("ana@casa-lumen.example", "wrong")
    await expect(trouble).to_have_text("E-mail or password is wrong.")
    await expect(console.page.get_by_label("Password")).to_be_focused()
    await console.sign_in(*ANA)
    await console.wait_ready()


async def test_a_locked_account_says_for_how_long(operator, office):
    from console_accounts import Refusal

    console = await door(operator)
    await console.page.clock.install()
    office.accounts.refusals = [Refusal(429, "locked", headers={"Retry-After": "90"})]
    await console.sign_in(*ANA)
    shown = console.page.locator(".message-bad")
    await expect(shown).to_have_text("Too many wrong tries. You can try again in 1:30 min.")
    button = console.page.get_by_role("button", name="Sign in")
    await expect(button).to_be_disabled()
    await console.page.clock.run_for(45_000)
    await expect(shown).to_contain_text("45 s")
    await console.page.clock.run_for(46_000)
    await expect(shown).to_have_text("You can try again now.")
    await button.click()
    await console.wait_ready()


async def test_a_server_that_is_away_is_told_from_a_wrong_password(operator, office):
    console = await door(operator)
    office.away = True
    await console.sign_in(*ANA)
    await expect(console.page.get_by_role("alert")).to_contain_text("The server has a problem")
    office.away = False
    await console.page.context.set_offline(True)
    await console.page.get_by_role("button", name="Sign in").click()
    await expect(console.page.get_by_role("alert")).to_contain_text("You are offline")
    await console.page.context.set_offline(False)


async def test_who_works_for_two_companies_is_asked_which(operator, office):
    from console_accounts import Refusal

    console = await door(operator)
    tenants = [{"tenant": "casa", "company": "Casa Lumen"}, {"tenant": "b", "company": "Beta"}]
    office.accounts.refusals = [Refusal(409, "tenant_needed", tenants=tenants)]
    await console.sign_in(*ANA)
    await console.page.get_by_label("Company").select_option("Beta")
    async with console.page.expect_request("**/session") as asked:
        await console.page.get_by_role("button", name="Sign in").click()
    assert (await asked.value).post_data_json["tenant"] == "b"
    await console.wait_ready()


async def test_a_page_that_finds_no_server_tries_again_by_itself(operator, office):
    office.away = True
    console = await operator("")
    await console.page.clock.install()
    await console.page.goto(f"{console.url}/console")
    await expect(console.page.get_by_role("alert")).to_contain_text("cannot be reached")
    office.away = False
    await console.page.clock.run_for(6_000)
    await expect(console.page.get_by_label("E-mail")).to_be_visible()


async def test_signing_out_ends_it_in_every_tab(operator, office):
    office.world.waiting("c-anna")
    console = await operator()
    other = await console.page.context.new_page()
    await other.goto(f"{console.url}/console")
    await expect(other.locator('[data-status="ready"]')).to_be_attached()
    await console.page.get_by_role("button", name="Ana Ruiz").click()
    await console.page.get_by_role("button", name="Sign out").click()
    await expect(console.page.get_by_text("You are signed out.")).to_be_visible()
    await expect(other.get_by_label("E-mail")).to_be_visible()
    await console.page.reload()
    await expect(console.page.get_by_label("E-mail")).to_be_visible()


async def test_a_session_that_was_ended_elsewhere_is_said_to_be_over(operator, office):
    console = await operator()
    office.accounts.end_sessions()
    await office.drop_sockets()
    await expect(console.page.get_by_text("Your session has ended.")).to_be_visible()


async def test_a_viewer_reads_and_is_told_why_there_is_nothing_to_press(operator, office):
    office.world.waiting("c-anna")
    console = await operator("vera@casa-lumen.example")
    await expect(console.page.locator(".topbar-name")).to_contain_text("Viewer")
    await console.pick("c-anna")
    await console.wait_line("I want a person", "visitor")
    await expect(console.conversation).to_contain_text("You can read and replay.")
    for name in ("Take over", "Supervise", "Resolve", "Private note"):
        assert await console.conversation.get_by_role("button", name=name).count() == 0
    assert await console.composer.count() == 0
    await console.press("t", "s", "n", "d")
    assert not any(frame["type"] in ("take_over", "note") for frame in office.received)
