"""The committed vectors are what the server's decider, fold and visitor's view give today.

`fold.test.ts` holds the browser's fold to them.
"""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    from make_vectors import files

    return files()


def test_the_committed_vectors_are_up_to_date(made):
    from make_vectors import FOLDER

    there = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.iterdir()}
    assert set(there) == set(made)
    old = [name for name, text in made.items() if there[name] != text]
    assert old == [], "run `python tests/web/make_vectors.py` and look at what changed"


def test_the_vectors_come_out_the_same_every_time(made):
    from make_vectors import files

    assert files() == made


def test_the_vectors_hold_every_fact_and_every_end_of_a_draft(made):
    from make_vectors import wire
    from vector_stories import STORIES

    from events.conversation import ConversationFact

    facts = [
        fact for _, tell in STORIES.values() for commit in tell() for fact in wire(commit)["facts"]
    ]
    assert len({fact["fact"] for fact in facts}) == len(ConversationFact.__args__)
    voided = {fact["reason"] for fact in facts if fact["fact"] == "DraftVoided.v1"}
    assert voided == {"visitor_wrote", "operator_replied", "mode_changed", "resolved"}
    cancelled = {fact["reason"] for fact in facts if fact["fact"] == "TurnCancelled.v1"}
    assert cancelled == {"superseded", "taken_over", "handed_off", "closed"}
