"""What the read models say of handoffs, replies and drafts: stories told through the decider."""

from __future__ import annotations

from datetime import timedelta

import pytest


async def handed_over(desk) -> None:
    """`c1`: asked for, taken, taken by a colleague, passed on, taken, rated, resolved."""
    from decided_talk import ANA, BEN

    from actors.conversation import commands as c

    await desk.visitor("c1", "Can I return a lamp?")
    await desk.answers("c1", "Within 30 days [1].")
    desk.wait(10)
    await desk.visitor("c1", "I want a person")
    turn = desk.states["c1"].turn
    await desk.done(
        "c1",
        c.RequestHandoff,
        turn=turn.turn,
        epoch=turn.epoch,
        reason="visitor_words",
        evidence="like “a person”",
        message=turn.answers[-1],
        score=0.9,
    )
    desk.wait(60)
    await desk.done("c1", c.TakeOver, **ANA)
    await desk.done("c1", c.AddNote, text="careful", **ANA)
    desk.wait(5)
    await desk.done("c1", c.ReplyAsOperator, text="Ana here.", **ANA)
    desk.wait(20)
    await desk.visitor("c1", "and the bulb?")
    desk.wait(3)
    await desk.visitor("c1", "is it included?")
    desk.wait(7)
    await desk.done("c1", c.ReplyAsOperator, text="It is.", **ANA)
    await desk.done("c1", c.ReplyAsOperator, text="Keep it.", **ANA)
    await desk.done("c1", c.TakeOver, openly=True, **BEN)
    desk.wait(4)
    await desk.done("c1", c.Release, to="queue", **BEN)
    desk.wait(30)
    await desk.done("c1", c.TakeOver, **ANA)
    await desk.done("c1", c.RateAnswer, score=4)
    await desk.done("c1", c.Resolve, **ANA)
    await desk.done("c1", c.RateAnswer, score=5)


async def supervised(desk) -> None:
    """`c2`: drafts approved, edited, rejected, void and waiting, under Ben; a lapse; unheard."""
    from decided_talk import BEN

    from actors.conversation import commands as c

    await desk.visitor("c2", "How are refunds paid?")
    await desk.done("c2", c.Supervise, **BEN)
    for text, edited in (("Within 30 days [1].", ""), ("In five days [2].", "In 5 days [2].")):
        desk.wait(2)
        await desk.answers("c2", text)
        desk.wait(9)
        await desk.done("c2", c.ApproveDraft, draft=desk.draft("c2"), text=edited, **BEN)
        await desk.visitor("c2", "and then?")
    await desk.answers("c2", "No idea.", kind="unknown", sources=())
    desk.wait(1)
    await desk.done("c2", c.RejectDraft, draft=desk.draft("c2"), reason="not helpful", **BEN)
    await desk.visitor("c2", "hello?")
    await desk.answers("c2", "Hello.", kind="smalltalk", sources=())
    await desk.visitor("c2", "anyone?")
    await desk.answers("c2", "We are here.", kind="smalltalk", sources=())
    desk.wait(500)
    await desk.done("c2", c.LapseLease, to="queue", **BEN)


async def unowned(desk) -> None:
    """`c3`: supervised by nobody, and in vain: a person is asked for, and none takes it."""
    from decided_talk import ANA

    from actors.conversation import commands as c

    await desk.visitor("c3", "hello", supervised=True)
    await desk.answers("c3", "Hello.")
    await desk.done("c3", c.RequestHandoff)
    await desk.done("c3", c.ApproveDraft, draft=desk.draft("c3"), **ANA)
    await desk.done("c3", c.RateAnswer, score=1)
    await desk.done("c3", c.Release, **ANA)


@pytest.fixture(scope="module")
async def told(prepared):
    """(desk, pool): the stories, fed in batches of three."""
    from decided_talk import Desk
    from projecting import project

    from events.log.memory import MemoryLog
    from projections.engine.database import open_pool

    pool, desk = await open_pool(prepared), Desk(MemoryLog(), "acme")
    await handed_over(desk)
    await supervised(desk)
    await unowned(desk)
    await project(pool, desk.commits, 3)
    yield desk, pool
    await pool.close()


async def rows(told, table: str, conversation: str) -> list[dict]:
    from projecting import all_rows

    return [r for r in await all_rows(told[1], table) if r["conversation"] == conversation]


async def test_every_request_and_every_take_over_is_a_handoff_with_its_end(told) -> None:
    found = await rows(told, "handoffs", "c1")
    assert [
        (r["n"], r["state"], r["reason"], r["operator_name"], r["wait_ms"], r["first_reply_ms"])
        for r in found
    ] == [
        (1, "taken_over", "visitor_words", "Ana Ruiz", 60_000, 65_000),
        (2, "released", "operator_choice", "Ben Okri", None, None),
        (3, "resolved", "operator_choice", "Ana Ruiz", 30_000, None),
    ]
    assert found[0]["evidence"] == "like “a person”"
    assert found[0]["score"] == 0.9
    assert found[0]["taken_at"] - found[0]["requested_at"] == timedelta(seconds=60)
    assert found[1]["requested_at"] is None
    assert found[2]["evidence"] == "Ben Okri passed it on"
    assert all(r["ended_at"] >= r["taken_at"] for r in found)


async def test_a_rating_counts_for_the_handoff_that_was_taken_last(told) -> None:
    assert [r["rating"] for r in await rows(told, "handoffs", "c1")] == [None, None, 5]


async def test_a_lease_that_lapsed_ends_a_handoff_and_asks_again(told) -> None:
    found = await rows(told, "handoffs", "c2")
    assert [(r["state"], r["reason"], r["operator"]) for r in found] == [
        ("lapsed", "operator_choice", "ben"),
        ("waiting", "lease_lapsed", ""),
    ]
    assert found[0]["first_reply_ms"] == 11_000  # the first draft that Ben let out
    assert found[1]["ended_at"] is None


async def test_a_handoff_that_nobody_took_has_neither_reply_nor_rating(told) -> None:
    (row,) = await rows(told, "handoffs", "c3")
    assert (row["state"], row["reason"]) == ("released", "visitor_asked")
    assert row["ended_at"] == row["requested_at"]
    assert row["taken_at"] is row["first_reply_at"] is row["rating"] is None
    (response,) = await rows(told, "response_times", "c3")
    assert (response["kind"], response["operator"], response["first"]) == ("draft", "ana", True)


async def test_a_reply_answers_the_oldest_message_that_waited(told) -> None:
    found = await rows(told, "response_times", "c1")
    assert [(r["kind"], r["operator_name"], r["ms"], r["first"]) for r in found] == [
        ("reply", "Ana Ruiz", 75_000 - 10_000, True),  # since the message that asked for a person
        ("reply", "Ana Ruiz", 10_000, False),
        ("reply", "Ana Ruiz", None, False),  # nobody waited for it
    ]
    assert found[0]["replied_at"] - found[0]["waited_since"] == timedelta(seconds=65)


async def test_an_approved_draft_is_a_response_too(told) -> None:
    found = await rows(told, "response_times", "c2")
    assert [(r["kind"], r["operator"], r["operator_name"], r["ms"], r["first"]) for r in found] == [
        ("draft", "ben", "Ben Okri", 11_000, True),
        ("draft", "ben", "Ben Okri", 11_000, False),
    ]
    approved = [r for r in await rows(told, "messages", "c2") if r["author"] == "assistant"]
    assert [r["message"] for r in found] == [r["message"] for r in approved]
    assert {r["operator_name"] for r in approved} == {"Ben Okri"}


async def test_a_clock_runs_only_where_somebody_waits_or_is_served(told) -> None:
    assert await rows(told, "reply_clocks", "c1") == []
    (clock,) = await rows(told, "reply_clocks", "c2")
    assert clock["operator"] == ""
    assert clock["unanswered_since"] < clock["requested_at"]


async def test_the_ledger_keeps_what_was_drafted_and_what_became_of_it(told) -> None:
    found = await rows(told, "drafts", "c2")
    found.sort(key=lambda row: row["proposed_at"])
    assert [(r["text"], r["outcome"], r["final_text"], r["edit_distance"]) for r in found] == [
        ("Within 30 days [1].", "approved", "Within 30 days [1].", 0),
        ("In five days [2].", "edited", "In 5 days [2].", 4),
        ("No idea.", "rejected", None, None),
        ("Hello.", "void", None, None),
        ("We are here.", "void", None, None),
    ]
    assert [r["operator_name"] for r in found] == ["Ben Okri"] * 3 + [""] * 2
    assert [r["decided_ms"] for r in found] == [9000, 9000, 1000, 0, 500_000]
    assert [r["reason"] for r in found] == ["", "", "not helpful", "visitor_wrote", "mode_changed"]
    assert found[0]["model"] == "extractive"
    assert found[0]["confidence"] == 0.75
    assert found[0]["message"] == f"answer-{found[0]['turn']}"


async def test_a_turn_says_whether_its_draft_went_out(told) -> None:
    found = await rows(told, "turns", "c2")
    states = {r["turn"]: r["state"] for r in found}
    ledger = {r["turn"]: r["outcome"] for r in await rows(told, "drafts", "c2")}
    assert {turn: states[turn] for turn in ledger} == {
        turn: "answered" if outcome in ("approved", "edited") else "drafted"
        for turn, outcome in ledger.items()
    }
    approved = next(r for r in found if r["state"] == "answered")
    assert approved["latency_ms"] == '{"search": 1.5}'
    assert approved["ended_at"] - approved["begun_at"] == timedelta(seconds=2)


async def test_the_conversation_tells_who_has_it_and_that_it_is_over(told) -> None:
    (over,) = await rows(told, "conversations", "c1")
    assert (over["status"], over["mode"], over["operator_name"]) == ("resolved", "ai", "")
    assert over["visitor"] == "v1"
    (waits,) = await rows(told, "conversations", "c2")
    assert (waits["status"], waits["handoff_requested"]) == ("open", True)


async def test_messages_tell_who_said_what_notices_and_notes_included_and_drafts_not(told) -> None:
    found = await rows(told, "messages", "c1")
    assert [(r["author"], r["kind"], r["operator_name"]) for r in found][2:8] == [
        ("visitor", "message", None),
        ("system", "handoff_queued", None),
        ("system", "operator_joined", "Ana Ruiz"),
        ("note", "message", "Ana Ruiz"),
        ("operator", "message", "Ana Ruiz"),
        ("visitor", "message", None),
    ]
    texts = [r["text"] for r in await rows(told, "messages", "c2") if r["author"] == "assistant"]
    assert texts == ["Within 30 days [1].", "In 5 days [2]."]


async def test_the_queue_is_what_the_live_board_folds(told) -> None:
    import msgspec
    from projecting import all_rows

    from projections.read_models.queue import taken_in

    folded: dict = {}
    for commit in told[0].commits:
        folded[commit.stream.id] = taken_in(folded.get(commit.stream.id), commit)
    stored = {r["conversation"]: r for r in await all_rows(told[1], "queue")}
    for conversation, row in folded.items():
        assert stored[conversation].pop("rank") > 0
        assert stored[conversation] == msgspec.structs.asdict(row)


async def test_a_decision_on_a_draft_that_was_never_proposed_is_refused(pool) -> None:
    from projection_talk import Talk

    from events import conversation as e
    from events.log.memory import MemoryLog
    from projections.engine.builds import ensure_live
    from projections.engine.projection import OrphanFact
    from projections.engine.runner import Batch, feed_live
    from projections.read_models.drafts import DraftsProjection

    talk = Talk(MemoryLog(), "orphan")
    await talk.ask("c9", 0)
    voided = await talk.commit("c9", e.DraftVoided(at=1, draft="d9", reason="resolved"))
    after = (await ensure_live(pool, DraftsProjection())).checkpoint
    with pytest.raises(OrphanFact, match="orphan/c9/d9: DraftVoided"):
        await feed_live(
            pool,
            DraftsProjection(),
            Batch(after=after, commits=(at(voided, after + 1),), through=after + 1),
        )


def at(commit, version: int):
    import msgspec

    return msgspec.structs.replace(commit, version=version)
