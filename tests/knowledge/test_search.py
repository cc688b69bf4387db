"""What a search finds: within its filters, each text once, neighbours side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from knowledge_shelf import OTHER_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

LAMPS = "# Lamps\n\nA lamp is sent within two days."
BULBS = "question,answer,source,locale\nHow is a lamp sent?,By parcel.,shop,en\n" + (
    "¿Cómo se envía una lamp?,Por paquete.,tienda,es\n"
)


@pytest.fixture(scope="module")
async def stocked(shelf: Shelf) -> Shelf:
    await shelf.submit("filters", "lamps.md", LAMPS)
    await shelf.submit("filters", "bulbs.csv", BULBS)
    return shelf


@pytest.mark.parametrize(
    ("allowed", "titles"),
    [
        ({}, {"Lamps", "How is a lamp sent?", "¿Cómo se envía una lamp?"}),
        ({"locales": ("es",)}, {"¿Cómo se envía una lamp?"}),
        ({"sources": ("shop", "tienda")}, {"How is a lamp sent?", "¿Cómo se envía una lamp?"}),
        ({"sources": ("shop",), "locales": ("es",)}, set[str]()),
        ({"media_types": ("text/markdown",)}, {"Lamps"}),
        ({"documents": ("nowhere",)}, set[str]()),
    ],
)
async def test_only_what_the_filters_allow_is_found(
    stocked: Shelf, allowed: dict[str, Any], titles: set[str]
) -> None:
    from projections.knowledge.search.search import Filters

    hits = await stocked.search("filters", "lamp", filters=Filters(**allowed))
    assert {hit.title for hit in hits} == titles


async def test_a_document_can_be_searched_alone(stocked: Shelf) -> None:
    from projections.knowledge.search.search import Filters

    every = await stocked.search("filters", "lamp")
    wanted = next(hit.document for hit in every if hit.title == "Lamps")
    (only,) = await stocked.search("filters", "lamp", filters=Filters(documents=(wanted,)))
    assert only.document == wanted


async def test_a_hit_says_where_it_stands_and_what_each_part_gave(stocked: Shelf) -> None:
    hits = await stocked.search("filters", "how is a lamp sent?", locale="en")
    best = hits[0]
    assert (best.title, best.ordinal, best.place.row) == ("How is a lamp sent?", 0, 2)
    assert 0 < best.version < best.opened_at, "it answers from where it was indexed"
    assert best.closed_at is None
    assert best.parts["dense"] == best.score
    assert best.parts["words"] > 0
    assert best.parts["sentence"] == pytest.approx(0.9, abs=0.2), "the heading counts as one"


async def test_the_same_text_in_two_documents_is_found_once(shelf: Shelf) -> None:
    for name in ("one.md", "two.md"):
        await shelf.submit("doubles", name, "# Post\n\nWe send your parcel by train and by ship.")
    await shelf.submit("doubles", "three.csv", "question,answer\nBy train?,Yes.\nBy ship?,Yes.\n")
    hits = await shelf.search("doubles", "parcel by train or by ship?")
    assert [hit.text for hit in hits].count("We send your parcel by train and by ship.") == 1
    titles = {hit.title for hit in hits if hit.text == "Yes."}
    assert titles == {"By train?", "By ship?"}, "a short text is a double under one heading"


async def test_each_space_is_searched_by_its_own_vectors(shelf: Shelf) -> None:
    from events.knowledge import SpaceOpened
    from events.spaces import DEFAULT_SPACE

    await shelf.say("spaces", SpaceOpened(at=1, tenant="spaces", space=OTHER_SPACE))
    await shelf.submit("spaces", "lamps.md", LAMPS)
    (hit,) = await shelf.search("spaces", "lamp days")
    (other,) = await shelf.search("spaces", "lamp days", space=OTHER_SPACE)
    assert other.chunk == hit.chunk
    wide = (await shelf.embed(DEFAULT_SPACE, ["lamp days"]))[0]
    with pytest.raises(asyncpg.DataError, match="different halfvec dimensions"):
        await shelf.knowledge.search("spaces", "lamp days", wide, space=OTHER_SPACE)
    assert await shelf.search("spaces", "lamp", space="never.d384.l2.t256") == []


async def test_a_tenants_standing_says_what_its_searches_go_by(shelf: Shelf) -> None:
    from events.spaces import DEFAULT_SPACE
    from projections.knowledge.search.search import Standing

    assert await shelf.knowledge.standing("nobody") == Standing()
    submitted = await shelf.submit("stands", "lamps.md", LAMPS)
    first = await shelf.knowledge.standing("stands")
    assert (first.space, first.chunks, first.indexed) == (DEFAULT_SPACE, 1, ())
    assert first.knowledge > submitted.version
    removed = await shelf.remove("stands", submitted.document)
    assert await shelf.knowledge.standing("stands") == Standing(
        knowledge=removed.version, space=DEFAULT_SPACE
    )
