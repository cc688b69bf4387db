"""Replay without a server's log: export, import, and what is said of files that are not right."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser

LINES = (Path(__file__).parent / "vectors" / "two_handoffs.jsonl").read_text().splitlines()


async def saved(download):
    return await anyio.Path(await download.path()).read_text()


@pytest.fixture
def told(archive):
    from vector_stories import two_handoffs

    archive.hold(two_handoffs())


async def test_the_export_is_the_servers_and_opens_again_without_it(replaying, archive, told):
    shown = await replaying("two-handoffs")
    await shown.live()
    saw = await shown.visitor_saw()
    async with shown.page.expect_download() as coming:
        await shown.page.get_by_role("button", name="Export").click()
    download = await coming.value
    assert download.suggested_filename == "two-handoffs.jsonl"
    text = await saved(download)
    assert text.splitlines() == LINES

    archive.away = archive.signed_in = False
    offline = await replaying()
    await offline.choose_file("copy.jsonl", text)
    await expect(offline.where).to_have_text("At the end of the file")
    assert await offline.visitor_saw() == saw
    told_of = offline.page.locator(".problems")
    await expect(told_of).to_contain_text(f"{len(LINES)} lines read")
    await expect(told_of).to_contain_text("The chain is whole")
    await expect(told_of).to_contain_text("State is the one that its events fold to")
    assert await offline.same.count() == 0


async def test_an_imported_conversation_is_replayed_like_any_other(replaying, archive):
    shown = await replaying()
    await shown.choose_file("two.jsonl", "\n".join(LINES))
    await shown.ready()
    await shown.press("Home")
    await shown.at(0)
    assert await shown.visitor_saw() == []
    await shown.press("ArrowRight")
    assert [one["who"] for one in await shown.visitor_saw()] == ["visitor"]
    async with shown.page.expect_download() as coming:
        await shown.page.get_by_role("button", name="Export").click()
    again = (await saved(await coming.value)).splitlines()
    assert [json.loads(line) for line in again[:-1]] == [json.loads(line) for line in LINES[:-1]]


async def test_a_file_that_is_dropped_on_the_page_is_opened(replaying, archive):
    shown = await replaying()
    await expect(shown.page.get_by_role("heading", name="Replay a conversation")).to_be_visible()
    await shown.page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], 'dropped.jsonl'));
          const target = document.querySelector('.drop');
          for (const kind of ['dragover', 'drop'])
            target.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true}));
        }""",
        "\n".join(LINES),
    )
    await expect(shown.where).to_have_text("At the end of the file")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (["{nonsense"], "line 1 is no JSON"),
        ([], "the file holds no fact"),
        (["[1, 2]"], "line 1 is no JSON object"),
    ],
)
async def test_a_file_that_is_none_of_ours_is_refused_with_the_reason(
    replaying, archive, broken, says
):
    shown = await replaying()
    await shown.choose_file("other.jsonl", "\n".join(broken))
    alert = shown.page.get_by_role("alert")
    await expect(alert).to_contain_text("other.jsonl")
    await expect(alert).to_contain_text(says)


async def test_what_is_wrong_in_a_file_is_said_with_its_line_and_the_rest_is_shown(
    replaying, archive
):
    lines = [*LINES]
    lines[2] = lines[2].replace('"text":"', '"text":"forged ')
    note = next(place for place, line in enumerate(lines) if "NoteAdded" in line)
    del lines[note]
    shown = await replaying()
    await shown.choose_file("broken.jsonl", "\n".join(lines))
    problems = shown.page.get_by_role("alert")
    await expect(problems).to_contain_text(f"Line {note + 1} a hole")
    await expect(problems).to_contain_text("State differs")
    await shown.ready()
    await shown.press("Home", "x")
    await expect(shown.page.locator(".now .fault")).to_contain_text("a hole")
    await shown.press("e")
    await expect(shown.page.locator("[data-chain=broken]")).to_contain_text("a hole")
    await problems.get_by_role("button", name="Close").click()
    await expect(problems).to_have_count(0)


async def test_an_unreadable_line_stops_the_reading_and_what_came_before_stays(replaying, archive):
    shown = await replaying()
    await shown.choose_file("cut.jsonl", "\n".join(LINES[:9]) + '\n{"version": 99, "ind')
    problems = shown.page.get_by_role("alert")
    await expect(problems).to_contain_text("Line 10 is no JSON")
    await expect(problems).to_contain_text("nothing after it was read")
    assert await shown.position() > 0


async def test_who_is_not_signed_in_is_asked_to_and_a_missing_conversation_is_said_to_be_missing(
    replaying, archive, told
):
    archive.signed_in = False
    shown = await replaying("two-handoffs", expects="Failed to load resource")
    await expect(shown.page.get_by_label("Password")).to_be_visible()
    archive.signed_in = True
    missing = await replaying("nothing-here", expects="Failed to load resource")
    await expect(missing.page.get_by_role("alert")).to_contain_text("no such conversation")


async def test_a_server_that_is_away_is_waited_for(replaying, archive, told):
    archive.away = True
    shown = await replaying("two-handoffs", expects="Failed to load resource")
    await expect(shown.page.get_by_role("alert")).to_contain_text("tries again by itself")
    archive.away = False
    await shown.live()
