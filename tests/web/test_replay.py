"""Replay in a browser: what each side saw at every version, live and back, keys, search, why."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

pytestmark = pytest.mark.browser


@pytest.fixture
def told(archive):
    """Both told stories are in the archive; their steps, with what the visitor saw of each."""
    from make_vectors import steps_of
    from vector_stories import supervised, two_handoffs

    stories = {"two-handoffs": two_handoffs(), "supervised": supervised()}
    for commits in stories.values():
        archive.hold(commits)
    return {name: steps_of(commits) for name, commits in stories.items()}


def shown_to_the_visitor(frames):
    """What a widget draws of frames: who, and the words."""
    who = {
        "visitor_message": "visitor",
        "assistant_message": "assistant",
        "operator_message": "operator",
        "notice": "notice",
    }
    drawn = []
    for frame in frames:
        if frame["kind"] in who:
            drawn.append((who[frame["kind"]], _plain(frame["text"])))
        elif frame["kind"] == "turn_failed":
            drawn.append(("notice", None))
    return drawn


def _plain(text):
    """Words alone, however they are broken into lines or marked up."""
    unlinked = re.sub(r"\[([^\]]+)\]\(http[^)]*\)", r"\1", text)
    return re.sub(r"[\s*`]+|\d\.|- ", "", unlinked)


@pytest.mark.parametrize("name", ["two-handoffs", "supervised"])
async def test_at_every_version_each_pane_shows_what_that_side_saw_then(
    replaying, archive, told, name
):
    steps = told[name]
    last = steps[-1]["commit"]["version"]
    shown = await replaying(name, version=steps[0]["commit"]["version"])
    await shown.ready()
    frames, private = [], []
    for position, step in enumerate(steps, start=1):
        if position > 1:
            await shown.press("ArrowRight")
        await shown.at(position)
        if position < len(steps):
            await shown.at_version(step["commit"]["version"], last)
        frames += step["visible"]
        private += [f["text"] for f in step["commit"]["facts"] if f["fact"] == "NoteAdded.v1"]
        seen = await shown.visitor_saw()
        wanted = shown_to_the_visitor(frames)
        assert [one["who"] for one in seen] == [who for who, _ in wanted], position
        for one, (_, text) in zip(seen, wanted, strict=True):
            if text is not None:
                assert _plain(one["text"]) == text, position
        operator = "\n".join(await shown.operator_saw())
        for note in private:
            assert note in operator
            assert not any(note in one["text"] for one in seen)
        row = await shown.row("version")
        assert row["value"] == str(step["commit"]["version"])


async def test_the_state_pane_marks_what_a_take_over_changed(replaying, told):
    steps = told["two-handoffs"]
    taken = next(
        step["commit"]["version"]
        for step in steps
        if step["commit"]["facts"][0]["fact"] == "ModeChanged.v1"
    )
    shown = await replaying("two-handoffs", version=taken)
    await shown.ready()
    assert await shown.row("mode") == {
        "value": "human: a person answers",
        "was": "ai: AI answers",
        "change": "changed",
    }
    owner = await shown.row("operator")
    assert (owner["was"], owner["value"]) == ("nobody", "Ana (ana)")
    assert "handoff" in await shown.changed()
    assert "rating" not in await shown.changed()
    await shown.page.get_by_label("only what changed").check()
    assert await shown.state.locator('[data-row="rating"]').count() == 0


async def test_a_live_conversation_grows_and_becomes_replay_when_dragged_back(
    replaying, archive, told
):
    commits = list(archive.conversations["two-handoffs"])
    archive.conversations["two-handoffs"] = commits[:10]
    shown = await replaying("two-handoffs")
    await shown.live()
    await shown.at(10)
    await archive.commit(commits[10])
    await shown.at(11)
    await shown.live()
    assert "v=" not in shown.page.url, "what is followed has no version in its address"

    box = await shown.slider.bounding_box()
    await shown.page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 10)
    await shown.page.mouse.down()
    await shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 10, steps=4)
    await shown.page.mouse.up()
    back = await shown.position()
    assert 3 <= back <= 8
    await shown.at_version(commits[back - 1].version, commits[10].version)

    await archive.commit(*commits[11:14])
    await expect(shown.page.get_by_text(f"{14 - back} later versions")).to_be_visible()
    await shown.at(back)
    await shown.page.get_by_role("button", name="Back to live").click()
    await shown.at(14)
    await shown.live()


async def test_after_a_broken_line_nothing_is_missing_and_nothing_twice(replaying, archive, told):
    commits = list(archive.conversations["two-handoffs"])
    archive.conversations["two-handoffs"] = commits[:5]
    shown = await replaying("two-handoffs")
    await shown.live()
    await archive.drop_sockets()
    archive.conversations["two-handoffs"] = commits[:9]
    await shown.at(9)
    await shown.live()
    await archive.commit(commits[9])
    await shown.at(10)
    assert len(await shown.visitor_saw()) == len(
        shown_to_the_visitor([f for s in told["two-handoffs"][:10] for f in s["visible"]])
    )


async def test_a_permalink_opens_where_it_was_taken(replaying, told):
    version = told["two-handoffs"][6]["commit"]["version"]
    shown = await replaying("two-handoffs", version=version)
    await shown.at(7)
    await shown.press("ArrowRight")
    await shown.at(8)
    following = told["two-handoffs"][7]["commit"]["version"]
    await expect(shown.page).to_have_url(re.compile(rf"c=two-handoffs&v={following}$"))
    again = await replaying("two-handoffs", version=following)
    await again.at(8)
    between = await replaying("two-handoffs", version=10**9)
    await between.at(len(told["two-handoffs"]))


async def test_the_keys_step_jump_and_play(replaying, told):
    steps = told["two-handoffs"]
    shown = await replaying("two-handoffs")
    await shown.live()
    await shown.press("Home")
    await shown.at(0)
    handoffs = [
        place
        for place, step in enumerate(steps, start=1)
        if {"HandoffRequested.v1", "ModeChanged.v1"} & {f["fact"] for f in step["commit"]["facts"]}
    ]
    for place in handoffs[:3]:
        await shown.press("h")
        await shown.at(place)
    await shown.press("H")
    await shown.at(handoffs[1])
    errors = [
        place
        for place, step in enumerate(steps, start=1)
        if any(f["fact"] == "TurnFailed.v1" for f in step["commit"]["facts"])
    ]
    await shown.press("x")
    await shown.at(errors[0])
    turns = [
        place
        for place, step in enumerate(steps, start=1)
        if any(f["fact"] == "TurnBegun.v1" for f in step["commit"]["facts"])
    ]
    await shown.press("Home", "Shift+ArrowRight", "Shift+ArrowRight")
    await shown.at(turns[1])
    await shown.press("End")
    await shown.at(len(steps))
    await shown.page.get_by_label("Speed").select_option("32")
    await shown.press("Escape", "Home")
    await shown.slider.focus()
    await shown.press("Home", " ")
    await shown.at(len(steps))
    await expect(shown.page.get_by_role("button", name="Play")).to_be_visible()


async def test_a_mark_on_a_lane_is_gone_to_with_a_click_in_both_scales(replaying, told):
    shown = await replaying("two-handoffs")
    await shown.live()
    for scale in ("Versions", "Time"):
        await shown.page.get_by_role("button", name=scale, exact=True).click()
        await shown.press("End")
        mark = shown.page.locator(".lanes .mark.error").first
        box = await mark.bounding_box()
        await shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        failed = next(
            place
            for place, step in enumerate(told["two-handoffs"], start=1)
            if any(f["fact"] == "TurnFailed.v1" for f in step["commit"]["facts"])
        )
        await shown.at(failed)
    await expect(shown.page.locator(".lanes .gap text").first).to_be_visible()


async def test_search_counts_and_goes_on_and_back(replaying, told):
    shown = await replaying("two-handoffs")
    await shown.live()
    await shown.press("Home", "/")
    await shown.page.keyboard.type("lamp")
    found = shown.page.locator(".found")
    count = sum(
        "lamp" in str(fact).lower()
        for step in told["two-handoffs"]
        for fact in step["commit"]["facts"]
    )
    await expect(found).to_have_text(f"{count} found")
    await shown.press("Enter")
    await expect(found).to_have_text(f"1 of {count}")
    first = await shown.position()
    await shown.press("Enter")
    await expect(found).to_have_text(f"2 of {count}")
    assert await shown.position() > first
    await shown.press("Shift+Enter")
    await shown.at(first)
    await shown.page.get_by_label("Search in this conversation").fill("")
    await shown.page.get_by_label("Kind of event").select_option("NoteAdded.v1")
    await expect(found).to_have_text("1 found")
    await shown.page.get_by_role("button", name="Next found").click()
    note = next(
        place
        for place, step in enumerate(told["two-handoffs"], start=1)
        if step["commit"]["facts"][0]["fact"] == "NoteAdded.v1"
    )
    await shown.at(note)


async def test_the_raw_events_are_one_key_away_with_their_chain(replaying, archive, told):
    commit = told["two-handoffs"][3]["commit"]
    shown = await replaying("two-handoffs", version=commit["version"])
    await shown.at(4)
    await shown.press("e")
    raw = shown.page.locator(".raw")
    await expect(raw.locator("[data-chain=whole]")).to_be_visible()
    text = await raw.inner_text()
    assert commit["hash"] in text
    assert commit["previous_hash"] in text
    assert '"fact": "TurnCancelled.v1"' in text
    row = shown.page.locator(".event.here").first
    await expect(row).to_contain_text("TurnCancelled")
    await shown.page.locator(".event").first.click()
    await shown.at(1)


async def test_the_browsers_state_is_compared_with_the_servers(replaying, archive, told):
    version = told["two-handoffs"][9]["commit"]["version"]
    # The browser itself tells of a refused call.
    shown = await replaying("two-handoffs", version=version, expects="Failed to load resource")
    await expect(shown.same).to_have_attribute("data-same", "same")
    archive.forged = True
    await shown.press("ArrowRight")
    await expect(shown.same).to_have_attribute("data-same", "differs")
    await expect(shown.same).to_contain_text("epoch")
    archive.forged, archive.away = False, True
    await shown.press("ArrowRight")
    await expect(shown.same).to_have_attribute("data-same", "unknown")
    archive.away = False
    await shown.same.click()
    await expect(shown.same).to_have_attribute("data-same", "same")


async def test_why_an_edited_draft_became_what_it_is(replaying, told):
    steps = told["supervised"]
    edited = [any(fact.get("edit_distance") for fact in step["commit"]["facts"]) for step in steps]
    place = edited.index(True) + 1
    shown = await replaying("supervised", version=steps[place - 1]["commit"]["version"])
    await shown.at(place)
    why = shown.page.locator(".turn-view")
    await expect(why.locator("[data-outcome=edited]")).to_contain_text("Ana")
    assert "hábiles" in "".join(await why.locator(".changes ins").all_inner_texts())
    await expect(why.locator(".why-sources li")).to_have_count(2)
    await expect(why.locator(".why-sources .score").first).to_have_text("0.813")
    await expect(why.locator(".why-sources .quote").first).to_contain_text("within 30 days")
    await expect(why.locator(".latency tr")).to_have_count(5)
    text = await why.inner_text()
    for part in ("extractive", "quotes-3", "812", "41", "81.3 %"):
        assert part in text
    await shown.press("ArrowLeft")
    await expect(why.locator("[data-outcome=waiting]")).to_be_visible()
    assert await why.locator(".changes").count() == 0, "what came later is not known yet"
    await expect(shown.operator.locator(".draft-waiting")).to_contain_text("Seguro")
    assert "Seguro [" not in str(await shown.visitor_saw())
