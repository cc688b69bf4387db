"""What was found is remembered for as long as it would be found again, and no longer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from knowledge_shelf import OTHER_SPACE

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

SHIPPING = "# Shipping\n\nA lamp takes two days."


class Counted:
    """A retriever over the shelf, and what it asked of the embedder and of the index."""

    def __init__(self, shelf: Shelf) -> None:
        from serve_apps.retrieval.retriever import KnowledgeRetriever

        self.embedded: list[tuple[str, str]] = []
        self.searched: list[str] = []
        self._shelf = shelf
        search = self

        class Watched(type(shelf.knowledge)):
            async def search(self, tenant: str, question: str, *given: Any, **more: Any) -> Any:
                search.searched.append(question)
                return await super().search(tenant, question, *given, **more)

        self.retriever = KnowledgeRetriever(
            Watched(shelf.pool, timeout=60), self._embed, search_timeout_s=60
        )

    async def _embed(self, text: str, *, space: str = DEFAULT_SPACE) -> Any:
        self.embedded.append((space, text))
        return (await self._shelf.embed(space, [text]))[0]

    async def titles(self, tenant: str, question: str, **more: Any) -> tuple[str, list[str]]:
        """How it was searched, and the titles that were found."""
        looked = await self.retriever.look(tenant, question, **more)
        return looked.how, [hit.title for hit in looked.hits]


async def test_a_question_asked_again_is_not_searched_again(shelf: Shelf) -> None:
    await shelf.submit("cached", "shipping.md", SHIPPING)
    counted = Counted(shelf)
    assert await counted.titles("cached", "how long?") == ("exact", ["Shipping"])
    assert await counted.titles("cached", "  how   long? ") == ("cache", ["Shipping"])
    assert counted.searched == ["how long?"]
    assert await counted.titles("cached", "how long?", limit=1) == ("exact", ["Shipping"])
    assert await counted.titles("cached", "how long?", locale="es") == ("exact", ["Shipping"])
    assert await counted.titles("stranger", "how long?") == ("exact", [])
    found = await counted.retriever.search("cached", "how long?", locale="", limit=8)
    assert (len(found.passages), found.knowledge, found.space) == (
        1,
        (await shelf.knowledge.standing("cached")).knowledge,
        DEFAULT_SPACE,
    )
    assert len(counted.searched) == 4


async def test_a_document_indexed_now_is_found_by_the_next_question(shelf: Shelf) -> None:
    counted = Counted(shelf)
    question = "how long does a lamp take?"
    assert await counted.titles("fresh", question) == ("exact", [])
    assert await counted.titles("fresh", question) == ("cache", [])
    submitted = await shelf.submit("fresh", "shipping.md", SHIPPING)
    assert await counted.titles("fresh", question) == ("exact", ["Shipping"])
    assert await counted.titles("fresh", question) == ("cache", ["Shipping"])
    await shelf.submit("fresh", "shipping.md", SHIPPING.replace("Shipping", "Delivery"))
    assert await counted.titles("fresh", question) == ("exact", ["Delivery"])
    await shelf.remove("fresh", submitted.document)
    assert await counted.titles("fresh", question) == ("exact", [])


async def test_another_tenants_document_forgets_nothing(shelf: Shelf) -> None:
    await shelf.submit("calm", "shipping.md", SHIPPING)
    counted = Counted(shelf)
    await counted.titles("calm", "how long?")
    await shelf.submit("busy", "shipping.md", SHIPPING)
    assert await counted.titles("calm", "how long?") == ("cache", ["Shipping"])


async def test_after_a_switch_the_question_is_embedded_in_the_new_space(shelf: Shelf) -> None:
    from events.knowledge import SpaceOpened, SpaceSwitched

    counted, tenant = Counted(shelf), "switched"
    submitted = await shelf.submit(tenant, "shipping.md", SHIPPING)
    before = (await shelf.knowledge.standing(tenant)).knowledge
    await counted.titles(tenant, "how long?")
    await shelf.say(tenant, SpaceOpened(at=1, tenant=tenant, space=OTHER_SPACE))
    await shelf.embed_again(tenant, submitted.document, OTHER_SPACE)
    assert (await counted.titles(tenant, "how long?"))[0] == "cache"
    await shelf.say(
        tenant, SpaceSwitched(at=2, tenant=tenant, space=OTHER_SPACE, previous=DEFAULT_SPACE)
    )
    counted.embedded.clear()
    looked = await counted.retriever.look(tenant, "how long?")
    assert (looked.how, looked.space, len(looked.hits)) == ("exact", OTHER_SPACE, 1)
    assert [space for space, _ in counted.embedded] == [DEFAULT_SPACE, OTHER_SPACE]
    await counted.retriever.look(tenant, "how far?")
    assert counted.embedded[2:] == [(OTHER_SPACE, "how far?")], "it is known from here on"

    past = await counted.retriever.look(tenant, "how long?", as_of=before)
    assert (past.space, past.knowledge, len(past.hits)) == (DEFAULT_SPACE, before, 1)


async def test_the_least_recently_asked_is_forgotten() -> None:
    from projections.knowledge.search.search import NO_FILTERS, SearchResult, Standing
    from serve_apps.retrieval.result_cache import Asked, ResultCache

    cache = ResultCache(size=2)
    standing = Standing(knowledge=3, space="s")
    found = SearchResult(hits=(), knowledge=3, space="s")

    def asked(question: str) -> Asked:
        return Asked(tenant="t", question=question, locale="", limit=8, filters=NO_FILTERS)

    for question in ("a", "b"):
        cache.put(asked(question), found)
    assert cache.get(asked("a"), standing, "s") is found
    cache.put(asked("c"), found)
    assert cache.get(asked("b"), standing, "s") is None
    assert cache.get(asked("a"), Standing(knowledge=4, space="s"), "s") is None
    assert cache.get(asked("a"), standing, "other") is None


@pytest.mark.parametrize(("one", "other"), [("é\t x\n", "é x"), ("a  b", " a b ")])
async def test_what_reads_alike_is_one_question(one: str, other: str) -> None:
    from serve_apps.retrieval.result_cache import normalised

    assert normalised(one) == normalised(other)
    assert normalised("Rosa") != normalised("rosa"), "it may make a difference to a model"
