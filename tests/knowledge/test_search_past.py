"""A past version is searched as it was: the same chunks, in the same order, with their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from knowledge_shelf import OTHER_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

QUESTIONS = ("how long does a lamp take?", "return a lamp", "who pays the parcel?")
SHIPPING = "# Shipping\n\nA lamp takes two days.\n\n# Cost\n\nYou pay for the parcel."
RETURNS = "# Returns\n\nYou have thirty days to return a lamp.\n\n# Refunds\n\nWe pay in a week."


async def seen(shelf: Shelf, tenant: str, **more: Any) -> list[list[tuple[Any, ...]]]:
    """What each question finds, without what only tells of the time after."""
    return [
        [told(hit) for hit in await shelf.search(tenant, question, **more)]
        for question in QUESTIONS
    ]


def told(hit: Any) -> tuple[Any, ...]:
    scores = (hit.rank, hit.score, *hit.parts.values())
    exact = (hit.chunk, hit.text, hit.version, hit.place, hit.sentences)
    return (*exact, *(pytest.approx(value, abs=1e-9) for value in scores))


async def test_a_search_as_of_a_version_equals_the_one_made_then(shelf: Shelf) -> None:
    await shelf.submit("past", "shipping.md", SHIPPING)
    returns = await shelf.submit("past", "returns.md", RETURNS)
    first = (await shelf.knowledge.standing("past")).knowledge
    then = await seen(shelf, "past")
    assert all(then), "something was found"

    await shelf.submit("past", "shipping.md", SHIPPING.replace("two days", "a lamp year"))
    second = (await shelf.knowledge.standing("past")).knowledge
    later = await seen(shelf, "past")
    assert later != then
    await shelf.remove("past", returns.document)
    await shelf.submit("past", "new.md", "# Lamps\n\nEvery lamp takes a bulb.")

    assert await seen(shelf, "past", as_of=first) == then
    assert await seen(shelf, "past", as_of=second) == later
    assert await seen(shelf, "past", as_of=second - 1) == then, "it changed with that commit"
    assert await seen(shelf, "past", as_of=0) == [[], [], []]
    newest = (await shelf.knowledge.standing("past")).knowledge
    assert await seen(shelf, "past", as_of=newest) == await seen(shelf, "past")


async def test_filters_hold_in_the_past_too(shelf: Shelf) -> None:
    from projections.knowledge.search.search import Filters

    await shelf.submit("past-filters", "shipping.md", SHIPPING)
    returns = await shelf.submit("past-filters", "returns.md", RETURNS)
    then = (await shelf.knowledge.standing("past-filters")).knowledge
    await shelf.remove("past-filters", returns.document)
    only = Filters(documents=(returns.document,))
    assert await shelf.search("past-filters", "lamp", filters=only) == []
    found = await shelf.search("past-filters", "lamp", filters=only, as_of=then)
    assert {hit.document for hit in found} == {returns.document}
    assert {hit.closed_at for hit in found} != {None}


async def test_a_past_version_is_searched_in_the_space_of_then(shelf: Shelf) -> None:
    from events.knowledge import SpaceClosed, SpaceOpened, SpaceSwitched
    from events.spaces import DEFAULT_SPACE
    from projections.knowledge.search.search import SpaceGone

    tenant = "past-space"
    submitted = await shelf.submit(tenant, "shipping.md", SHIPPING)
    before = (await shelf.knowledge.standing(tenant)).knowledge
    then = await seen(shelf, tenant)
    await shelf.say(tenant, SpaceOpened(at=1, tenant=tenant, space=OTHER_SPACE))
    await shelf.embed_again(tenant, submitted.document, OTHER_SPACE)
    switched = await shelf.say(
        tenant, SpaceSwitched(at=2, tenant=tenant, space=OTHER_SPACE, previous=DEFAULT_SPACE)
    )
    assert await shelf.knowledge.space_at(tenant, before) == DEFAULT_SPACE
    assert await shelf.knowledge.space_at(tenant, switched.version) == OTHER_SPACE
    assert await shelf.knowledge.space_at("nobody", 1) == ""
    assert await seen(shelf, tenant, as_of=before) == then
    await shelf.say(tenant, SpaceClosed(at=3, tenant=tenant, space=DEFAULT_SPACE))
    with pytest.raises(SpaceGone, match=DEFAULT_SPACE):
        await shelf.knowledge.space_at(tenant, before)

    await shelf.remove(tenant, submitted.document)
    opened = await shelf.say(tenant, SpaceOpened(at=4, tenant=tenant, space=DEFAULT_SPACE))
    with pytest.raises(SpaceGone, match=DEFAULT_SPACE):  # of what ended meanwhile it has nothing
        await shelf.knowledge.space_at(tenant, before)
    assert await shelf.knowledge.space_at(tenant, opened.version) == OTHER_SPACE
    back = SpaceSwitched(at=5, tenant=tenant, space=DEFAULT_SPACE, previous=OTHER_SPACE)
    switched = await shelf.say(tenant, back)
    assert await shelf.knowledge.space_at(tenant, switched.version) == DEFAULT_SPACE
