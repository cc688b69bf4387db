"""The queue's row is a pure fold that agrees with the State that the decider works on."""

from __future__ import annotations

import msgspec
import pytest


async def wandered(seed: int, steps: int = 150):
    """(desk, rows after each commit): random conversations and their rows, folded."""
    from decided_talk import Desk, wander

    from events.log.memory import MemoryLog

    desk = Desk(MemoryLog(), "acme", seed=seed)
    await wander(desk, steps=steps)
    return desk


def folded(commits):
    from projections.read_models.queue import taken_in

    rows = {}
    for commit in commits:
        rows[commit.stream.id] = taken_in(rows.get(commit.stream.id), commit)
    return rows


@pytest.mark.parametrize("seed", range(20))
async def test_the_row_says_what_the_state_says_after_every_commit(seed: int) -> None:
    from actors.conversation.decide import fold, initial
    from projections.read_models.queue import taken_in

    rows, states = {}, {}
    for commit in (await wandered(seed)).commits:
        name = commit.stream.id
        row = rows[name] = taken_in(rows.get(name), commit)
        state = states[name] = fold(
            states.get(name) or initial("acme", name), commit.version, commit.facts
        )
        assert (row.version, row.commits) == (commit.version, commit.number)
        assert (row.mode, row.epoch) == (state.mode, state.epoch)
        assert (row.operator, row.operator_name) == (state.operator, state.operator_name)
        assert row.draft == (state.draft.draft if state.draft else "")
        assert (row.status == "resolved") == state.resolved
        assert (row.resolved_at is not None) == state.resolved
        assert (row.rating or 0) == state.rating
        assert row.visitor == state.visitor
        assert row.waiting_since == (state.handoff.at if state.handoff else None)
        if state.handoff:
            assert (row.reason, row.evidence) == (state.handoff.reason, state.handoff.evidence)
        # a turn that failed leaves its messages without an answer, but owes none any more
        assert row.unanswered >= len(state.unanswered)


@pytest.mark.parametrize("seed", range(5))
async def test_a_commit_that_comes_again_changes_nothing(seed: int) -> None:
    from projections.read_models.queue import taken_in

    commits = [c for c in (await wandered(seed)).commits if c.stream.id == "c0"]
    rows = folded(commits)
    for commit in commits:
        assert taken_in(rows["c0"], commit) is rows["c0"]


async def test_taking_a_commit_in_leaves_the_row_before_it_as_it_was() -> None:
    from projections.read_models.queue import taken_in

    row = None
    for commit in (c for c in (await wandered(3)).commits if c.stream.id == "c1"):
        before = msgspec.json.encode(row)
        after = taken_in(row, commit)
        assert msgspec.json.encode(row) == before
        row = after
    assert row is not None
    assert row.commits > 10


async def test_the_row_shows_what_people_and_the_ai_say_and_no_notice_or_note() -> None:
    from decided_talk import ANA, Desk

    from actors.conversation import commands as c
    from events.log.memory import MemoryLog

    desk = Desk(MemoryLog(), "acme")
    await desk.visitor("c0", "where is my lamp?")
    await desk.answers("c0", "On its way [1].")
    await desk.visitor("c0", "I want a person")
    desk.wait(5)
    await desk.done("c0", c.RequestHandoff)
    await desk.done("c0", c.AddNote, text="she is angry", **ANA)
    (row,) = folded(desk.commits).values()
    assert (row.last_text, row.last_who) == ("I want a person", "visitor")
    assert (row.messages, row.unanswered) == (3, 1)
    assert row.last_at == desk.at
    assert row.handoffs == 1


async def test_a_person_is_needed_where_one_was_asked_for_or_a_draft_is_nobodys() -> None:
    from decided_talk import ANA, Desk

    from actors.conversation import commands as c
    from events.log.memory import MemoryLog
    from projections.read_models.queue import needs_a_person

    desk = Desk(MemoryLog(), "acme")

    def needed(conversation: str) -> bool:
        return needs_a_person(folded(desk.commits)[conversation])

    await desk.visitor("asks", "hello")
    assert not needed("asks")  # the AI owes an answer, that is all
    await desk.done("asks", c.RequestHandoff)
    assert needed("asks")
    await desk.done("asks", c.TakeOver, **ANA)
    assert not needed("asks")
    await desk.done("asks", c.Release, to="queue", **ANA)
    assert needed("asks")
    await desk.done("asks", c.Resolve, **ANA)
    assert not needed("asks")

    await desk.visitor("watched", "hello", supervised=True)
    await desk.answers("watched", "Hello.")
    assert needed("watched")
    await desk.done("watched", c.RejectDraft, draft=desk.draft("watched"), reason="no", **ANA)
    assert needed("watched")
