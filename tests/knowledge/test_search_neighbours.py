"""Chunks beside each other in a document: side by side in a result, what they share said once."""

from __future__ import annotations

from typing import Any

FIRST = "Unplug the lamp before you clean it. Wait until the bulb is cold."
SECOND = "Wait until the bulb is cold. Wipe the shade with a dry cloth."


def hit(ordinal: int, text: str, **more: Any) -> Any:
    from events.conversation import Place
    from projections.knowledge.search.search import Hit

    return Hit(
        **{
            "chunk": f"c{ordinal}",
            "document": "d",
            "version": 1,
            "ordinal": ordinal,
            "title": "Care",
            "heading": "Care",
            "text": text,
            "url": "",
            "source": "",
            "locale": "en",
            "place": Place(),
            "start": 0,
            "end": len(text),
            "tokens": 1,
            "hash": text,
            "media_type": "text/plain",
            "opened_at": 1,
            "closed_at": None,
            "score": 0.5,
            "rank": 1.0,
            "parts": {},
            "sentences": tuple((f"{said}.", 0.5) for said in text.rstrip(".").split(". ")),
            **more,
        }
    )


def test_what_two_neighbours_share_stays_with_the_better_one() -> None:
    from projections.knowledge.search.neighbours import without_overlaps

    after = without_overlaps([hit(1, FIRST), hit(2, SECOND)])
    assert [one.text for one in after] == [FIRST, "Wipe the shade with a dry cloth."]
    assert [said for said, _ in after[1].sentences] == ["Wipe the shade with a dry cloth."]
    before = without_overlaps([hit(2, SECOND), hit(1, FIRST)])
    assert [one.text for one in before] == [SECOND, "Unplug the lamp before you clean it."]
    assert [one.chunk for one in before] == ["c2", "c1"]


def test_a_neighbour_that_has_nothing_of_its_own_is_left_out() -> None:
    from projections.knowledge.search.neighbours import without_overlaps

    inner = "Wait until the bulb is cold."
    assert [one.chunk for one in without_overlaps([hit(1, FIRST), hit(2, inner)])] == ["c1"]


def test_what_only_looks_alike_is_left_as_it_is() -> None:
    from projections.knowledge.search.neighbours import without_overlaps

    strangers: list[dict[str, Any]] = [
        {"document": "other"},
        {"version": 2},
        {"heading": "Repairs"},
        {"ordinal": 3},
    ]
    for more in strangers:
        hits = [hit(1, FIRST), hit(more.pop("ordinal", 2), SECOND, **more)]
        assert without_overlaps(hits) == hits
    apart = [hit(1, "Oil it twice."), hit(2, "Dry it well.")]
    assert without_overlaps(apart) == apart


def test_neighbours_stand_after_the_best_of_them_in_the_documents_order() -> None:
    from projections.knowledge.search.neighbours import side_by_side

    far = hit(9, "Far.")
    hits = [hit(3, "Three."), far, hit(5, "Five."), hit(2, "Two."), hit(4, "Four.")]
    assert [one.ordinal for one in side_by_side(hits)] == [3, 2, 4, 5, 9]
    assert side_by_side([far]) == [far]
    assert side_by_side([]) == []
