"""A visitor and two operators in real browsers on the whole house, and the replay of it all.

`TANDEM_PICTURES=docs/pictures make test ARGS=-k on_the_house` takes the documents' pictures anew.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
import pytest_asyncio
from console_page import ConsolePage
from page_errors import listen
from patience import PATIENCE_MS, PATIENCE_S
from playwright.async_api import Page, expect

from events.conversation import ConversationFact, HandoffRequested, ModeChanged
from events.jetstream.log import JetStreamLog
from events.log.stream import conversation_stream

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext
    from widget_page import WidgetPage

    from benchmarks.house import House

BEN = ("ben.keller@casa-lumen.example", "a password of Ben's own")
PARCEL = "Your parcel 4711 arrives on Friday."
pytestmark = [pytest.mark.browser, pytest.mark.stack, pytest.mark.timeout(300)]
Desk = Callable[[str, str], Awaitable[ConsolePage]]
"""(e-mail, password) → that operator's console."""


@pytest_asyncio.fixture(loop_scope="session")
async def desk(browser: Browser, house: House) -> AsyncIterator[Desk]:
    """Operators at consoles of their own; a broken policy or an error in a page fails the test."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    async def sit(email: str, password: str) -> ConsolePage:
        context = await browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        contexts.append(context)
        page = await context.new_page()
        listen(page, wrong, "Failed to load resource")
        console = ConsolePage(page, house.url, patience_ms=PATIENCE_MS)
        await console.open(email, password)
        return console

    yield sit
    for context in contexts:
        await context.close()
    assert wrong == []


@pytest.fixture(scope="module")
def ana(house: House) -> tuple[str, str]:
    """The demo's operator."""
    email, password = (house.home / "demo-operator").read_text().split()
    return email, password


@pytest.fixture(scope="module")
def ben(house: House) -> tuple[str, str]:
    """A second operator, as a newcomer adds one."""
    email, password = BEN
    done = house.run(
        "operator", "add", email, "--name", "Ben", "--role", "manager", "--password", password
    )
    assert done.returncode == 0, done.stderr
    return BEN


async def picture(page: Page, name: str, tmp_path: Path) -> None:
    """Kept for the documents when `TANDEM_PICTURES` names a folder."""
    folder = Path(os.environ.get("TANDEM_PICTURES", str(tmp_path)))
    folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 nothing else runs here
    path = folder / f"{name}.png"
    await page.screenshot(path=path, animations="disabled", caret="hide")
    assert path.stat().st_size > 20_000


async def waiting_conversation(console: ConsolePage, words: str) -> str:
    """The id of the conversation that waits with `words` as its last."""
    row = console.queue.locator("[data-row]", has_text=words).first
    await expect(row).to_be_visible(timeout=PATIENCE_MS)
    found = await row.get_attribute("data-row")
    assert found
    return found


async def ask_for_a_person(widget: WidgetPage, words: str) -> None:
    await widget.open()
    await widget.ask("How long does shipping take?")
    await widget.wait_answer(1)
    await widget.ask(words)
    await widget.wait_notice("I have asked for a person")


async def facts_of(house: House, conversation: str) -> list[ConversationFact]:
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        commits = await log.load(conversation_stream("demo", conversation))
    finally:
        await log.close()
    return [fact for commit in commits for fact in commit.facts]  # type: ignore[misc]  # of this stream


async def test_two_operators_click_at_once_one_owns_and_the_ai_comes_back_knowing(  # noqa: PLR0917 fixtures
    house: House, visit, desk: Desk, ana, ben, tmp_path: Path
) -> None:
    widget = await visit(url=house.url)
    consoles = [await desk(*ana), await desk(*ben)]
    words = "I want to talk to a real person, please"
    await ask_for_a_person(widget, words)
    conversation = await waiting_conversation(consoles[0], words)
    for console in consoles:
        await console.pick(conversation)

    await asyncio.gather(*(console.do("Take over") for console in consoles))
    owner, other = await _owner_and_other(consoles)
    await expect(other.dialog).to_contain_text("has this conversation", timeout=PATIENCE_MS)
    await widget.wait_notice("You are now talking with")
    taken = [f for f in await facts_of(house, conversation) if isinstance(f, ModeChanged)]
    assert len(taken) == 1, "one owner, one change of mode"

    await other.press("Escape")
    await owner.write(PARCEL)
    await owner.wait_delivery(PARCEL, "seen")
    assert any(PARCEL in text for text in await widget.operator_messages())
    await picture(owner.page, "console", tmp_path)

    await owner.do("Release to AI")
    await widget.wait_notice("has given the conversation back")
    await widget.ask("When does my parcel 4711 arrive?")
    answer = await widget.wait_answer(2)
    assert "Friday" in answer, "the AI answers with what the person said in mind"
    assert PARCEL in (await widget.sources())[0]["quote"], "and cites the person"
    asked = [f for f in await facts_of(house, conversation) if isinstance(f, HandoffRequested)]
    assert len(asked) == 1, "what called a person once does not call again"


async def _owner_and_other(consoles: list[ConsolePage]) -> tuple[ConsolePage, ConsolePage]:
    """Who of the two has it, once both know."""
    mine = [console.conversation.locator(".holder", has_text="With you") for console in consoles]
    async with asyncio.timeout(PATIENCE_S):
        while True:
            owns = [await found.count() > 0 for found in mine]
            if any(owns):
                break
            await asyncio.sleep(0.05)
    assert owns != [True, True], "two owners"
    return (consoles[0], consoles[1]) if owns[0] else (consoles[1], consoles[0])


async def test_the_visitor_of_a_supervised_conversation_reads_only_what_a_person_approved(
    house: House, visit, desk: Desk, ana
) -> None:
    widget, console = await visit(url=house.url), await desk(*ana)
    words = "please get me a human being"
    await ask_for_a_person(widget, words)
    conversation = await waiting_conversation(console, words)
    await console.pick(conversation)
    await console.do("Supervise")
    await widget.wait_notice("looks over my answers")

    await widget.ask("Can I return a lamp?")
    await expect(console.draft).to_be_visible(timeout=PATIENCE_MS)
    drafted = await console.draft.inner_text()
    mended = "You can return any lamp within 30 days, and I will send you the label."
    await console.draft.get_by_role("button", name="Edit").click()
    await console.draft.locator("textarea").fill(mended)
    await console.draft.get_by_role("button", name="Approve").click()
    assert await widget.wait_answer(2) == mended
    assert mended not in drafted
    assert await widget.answers() == [await widget.wait_answer(1), mended], "nothing of the draft"

    row = await _ledger_row(house, conversation)
    assert (row["outcome"], row["final_text"]) == ("edited", mended)
    assert row["edit_distance"] > 0
    assert row["operator"]


async def _ledger_row(house: House, conversation: str) -> asyncpg.Record:
    connection = await asyncpg.connect(house.addresses["postgres_dsn"], timeout=10)
    query = "select * from read.drafts where conversation = $1 and final_text is not null"
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (row := await connection.fetchrow(query, conversation)) is None:  # noqa: ASYNC110 the row is in another process
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
    return row


async def test_replay_shows_both_handoffs_as_each_side_saw_them(  # noqa: PLR0917 fixtures
    house: House, visit, desk: Desk, ana, ben, tmp_path: Path
) -> None:
    widget, console, second = await visit(url=house.url), await desk(*ana), await desk(*ben)
    words = "can a human help me with this?"
    await ask_for_a_person(widget, words)
    conversation = await waiting_conversation(console, words)
    await console.pick(conversation)
    await console.do("Take over")
    await widget.wait_notice("You are now talking with Ana")
    await console.write("Hello, this is Ana. What is it about?")
    await console.wait_delivery("Hello, this is Ana.", "seen")
    await console.do("Release to AI")
    await widget.wait_notice("has given the conversation back")
    await widget.talk_to_a_person()
    await second.pick(conversation)
    await second.do("Take over")
    await widget.wait_notice("You are now talking with Ben")
    await second.write("Ben here, I will send you a new lamp.")
    await second.wait_delivery("Ben here", "seen")

    page = second.page
    await page.goto(f"{house.url}/replay?c={conversation}")
    panes = {name: page.locator(f'[data-pane="{name}"]') for name in ("visitor", "operator")}
    await expect(panes["visitor"]).to_contain_text("Ben here", timeout=PATIENCE_MS)
    versions = await _versions(house, conversation)
    for version, said in versions:
        await page.goto(f"{house.url}/replay?c={conversation}&v={version}")
        await expect(page.locator('[data-same="same"]')).to_be_visible(timeout=PATIENCE_MS)
        for text in said:
            await expect(panes["visitor"]).to_contain_text(text, timeout=PATIENCE_MS)
        later = {text for after, texts in versions if after > version for text in texts}
        seen = await panes["visitor"].inner_text()
        assert not [text for text in later if text in seen], f"version {version} knows the future"
    handoffs = [version for version, said in versions if any("asked for" in text for text in said)]
    await page.goto(f"{house.url}/replay?c={conversation}&v={handoffs[-1]}")
    await expect(page.locator('[data-same="same"]')).to_be_visible(timeout=PATIENCE_MS)
    await picture(page, "replay", tmp_path)


async def _versions(house: House, conversation: str) -> list[tuple[int, list[str]]]:
    """Each version, and what a visitor read in it, by the gateway's own rule."""
    from serve_apps.gateway.visitors.visible import visible

    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        commits = await log.load(conversation_stream("demo", conversation))
    finally:
        await log.close()
    return [
        (commit.version, [_first_words(frame) for frame in visible(commit) if _first_words(frame)])
        for commit in commits
    ]


def _first_words(frame: object) -> str:
    """What stands before the first citation: citations are buttons on the page."""
    return str(getattr(frame, "text", "")).split(" [", maxsplit=1)[0]
