"""Short-term memory: what is kept, what falls out, what is recalled."""

from __future__ import annotations

from actors.conversation.memory import (
    SUMMARY_CHARS,
    WINDOW_MESSAGES,
    Memory,
    recall,
    remember,
    resummarize,
)


def talk(count: int, *, length: int = 20) -> Memory:
    memory = Memory()
    for n in range(count):
        memory = remember(memory, "visitor", f"m{n}", f"Message {n}. " + "x" * length)
    return memory


def test_what_falls_out_leaves_its_first_sentence_in_the_summary():
    memory = talk(WINDOW_MESSAGES + 2)
    assert [item.message for item in memory.window][:1] == ["m2"]
    assert memory.summary.splitlines() == ["visitor: Message 0.", "visitor: Message 1."]
    assert memory.summarized_through == "m1"


def test_the_summary_drops_its_oldest_lines_when_it_is_full():
    memory = talk(400, length=200)
    assert len(memory.summary) <= SUMMARY_CHARS
    assert "Message 0." not in memory.summary
    assert f"Message {400 - len(memory.window) - 1}." in memory.summary


def test_the_newest_message_is_kept_however_long_it_is():
    memory = remember(talk(3), "visitor", "long", "y" * 50_000)
    assert memory.window[-1].message == "long"


def test_a_models_summary_replaces_the_extractive_one_unless_more_fell_out_meanwhile():
    memory = talk(WINDOW_MESSAGES + 2)
    assert resummarize(memory, "They asked about lamps.", "m1").summary == "They asked about lamps."
    assert resummarize(memory, "Too late.", "m0") == memory


def test_recall_takes_the_newest_and_then_the_most_relevant_within_the_budget():
    memory = remember(Memory(), "visitor", "old", "The copper pendant lamp flickers at night.")
    for n in range(10):
        memory = remember(memory, "visitor", f"m{n}", f"Unrelated remark number {n}. " + "z" * 60)
    recalled = recall(memory, "Why does the pendant lamp flicker?", budget=80)
    names = [item.message for item in recalled]
    assert names[0] == "old"
    assert names[-1] == "m9"
    assert sum(item.tokens for item in recalled) <= 80
