"""What goes into a b-tree is short enough for it: one that is not would stop the index for all."""

from __future__ import annotations

import pytest

from projections.knowledge.index.rows import MOST_LOCALE, MOST_NAME, MOST_SOURCE, bounded

B_TREE_ROW = 2704
TOKENS = 3 * 64
"""A tenant's and a document's id, and what a row has around them."""


@pytest.mark.parametrize("most", [MOST_NAME, MOST_SOURCE, MOST_LOCALE])
@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u6f22", "\U0001f600"])
def test_a_long_text_is_cut_between_two_characters(letter: str, most: int):
    cut = bounded(letter * 5000, most)
    assert most - 4 < len(cut.encode()) <= most < B_TREE_ROW - TOKENS
    assert set(cut) == {letter}


def test_a_text_of_usual_length_stays():
    assert bounded("Who\x00", MOST_SOURCE) == "Who\ufffd"
