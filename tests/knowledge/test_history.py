"""Whatever happened to documents and spaces: what was valid at a version is told by the tables as
by the log."""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from knowledge_shelf import OTHER_SPACE

from events.spaces import DEFAULT_SPACE

if TYPE_CHECKING:
    from knowledge_shelf import Shelf

NAMES = ("a.md", "b.md")
TEXTS = (
    "# One\n\nThe lamp is red.",
    "# One\n\nThe lamp is blue.\n\n# Two\n\nIt has a switch.",
    "# Three\n\nNothing of the lamp is left.",
    "",  # cannot be read: what answered goes on answering
)
SUBMIT = st.tuples(st.just("submit"), st.sampled_from(NAMES), st.sampled_from(TEXTS))
OF_A_DOCUMENT = st.tuples(
    st.sampled_from(("remove", "reingest", "fill")), st.sampled_from(NAMES), st.just("")
)
OF_A_SPACE = st.tuples(
    st.sampled_from(("open", "switch", "close")),
    st.sampled_from((DEFAULT_SPACE, OTHER_SPACE)),
    st.just(""),
)
TENANTS = (f"history-{n}" for n in itertools.count())


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(SUBMIT, OF_A_DOCUMENT, OF_A_SPACE), min_size=4, max_size=9))
async def test_what_was_valid_at_each_version_is_what_the_log_says(
    shelf: Shelf, moves: list[tuple[str, str, str]]
) -> None:
    tenant = next(TENANTS)
    began = shelf.applied
    for move in (("submit", NAMES[0], TEXTS[1]), *moves):
        await make(shelf, tenant, *move)
    valid = await by_the_log(shelf, tenant, began)
    rows = await shelf.rows("chunks", tenant)
    for version in range(began, shelf.applied + 1):
        of_table = {
            row["chunk"]
            for row in rows
            if row["opened_at"] <= version and (row["closed_at"] or version + 1) > version
        }
        assert of_table == valid[version], f"{version} of {moves}"
    await only_the_living_are_searched(shelf, tenant, valid[shelf.applied])


async def make(shelf: Shelf, tenant: str, what: str, name: str, text: str) -> None:
    from actors.documents.decide import DocumentRefused
    from actors.documents.embedding_spaces import CloseSpace, OpenSpace, SpaceRefused, SwitchSpace
    from actors.documents.index_settings import change_index

    at = {"tenant": tenant, "space": name, "at": shelf.tick()}
    try:
        match what:
            case "submit":
                await shelf.submit(tenant, name, text)
            case "remove":
                await shelf.library.remove(tenant, shelf_id(name), at=shelf.tick())
            case "reingest":
                await shelf.library.reingest(tenant, shelf_id(name), at=shelf.tick())
                await shelf.work(tenant, shelf_id(name))
            case "fill":
                for space in (DEFAULT_SPACE, OTHER_SPACE):
                    await shelf.embed_again(tenant, shelf_id(name), space)
            case "open":
                await change_index(shelf.log, tenant, OpenSpace(**at))
            case "switch":
                await change_index(shelf.log, tenant, SwitchSpace(**at))
            case "close":
                await change_index(shelf.log, tenant, CloseSpace(**at))
    except (DocumentRefused, SpaceRefused):
        pass  # not possible as things stand
    await shelf.apply()


def shelf_id(name: str) -> str:
    from actors.documents.service import document_id

    return document_id(name)


async def by_the_log(shelf: Shelf, tenant: str, began: int) -> dict[int, set[str]]:
    """The ids that were valid behind each version, folded from facts and blobs."""
    from events.knowledge import DocumentIndexed, DocumentRemoved
    from events.objects.artifacts import decode_chunks
    from projections.knowledge.index.rows import chunk_id

    living: dict[str, set[str]] = defaultdict(set)
    valid: dict[int, set[str]] = {began: set()}
    for commit in await shelf.commits(after=began):
        for fact in commit.facts:
            document = commit.stream.id
            if isinstance(fact, DocumentRemoved):
                living[document] = set()
            elif isinstance(fact, DocumentIndexed):
                chunks = decode_chunks(await shelf.documents.get(tenant, fact.chunks_hash))
                living[document] = {
                    chunk_id(tenant, document, fact.version, fact.chunks_hash, chunk.ordinal)
                    for chunk in chunks.chunks
                }
        valid[commit.version] = set().union(*living.values())
    return valid


async def only_the_living_are_searched(shelf: Shelf, tenant: str, living: set[str]) -> None:
    """And each table of the past holds what was closed, and nothing that answers."""
    from actors.documents.index_settings import load_spaces

    opened = set((await load_spaces(shelf.log, tenant)).open)
    states = {row["space"]: row["state"] for row in await shelf.rows("spaces", tenant)}
    assert {space for space, state in states.items() if state != "closed"} == opened
    terms = await shelf.rows("chunk_terms", tenant)
    assert {row["chunk"] for row in terms} == living
    generations = await shelf.rows("generations", tenant)
    assert [row["chunks"] for row in generations] in ([len(living)], [])
    assert generations or not living
    complete: dict[str, set[str]] = defaultdict(set)
    for table in ("chunk_vectors", "sentences"):
        for row in await shelf.rows(table, tenant):
            assert row["chunk"] in living, f"{table} holds what is closed"
            assert row["space"] in opened
            complete[row["space"]].add(row["chunk"])
    (active,) = (space for space, state in states.items() if state == "active")
    embedded: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for row in await shelf.rows("embeddings", tenant):
        embedded[row["space"]].add((row["document"], row["version"]))
    for space in opened:
        wanted = {
            row["chunk"]
            for row in await shelf.rows("chunks", tenant)
            if row["chunk"] in living and (row["document"], row["version"]) in embedded[space]
        }
        assert complete[space] == wanted, space
    assert active in opened
    for table in ("past_chunk_vectors", "past_sentences", "past_chunk_terms"):
        assert not {row["chunk"] for row in await shelf.rows(table, tenant)} & living
    closed = {row["chunk"] for row in await shelf.rows("chunks", tenant)} - living
    assert {row["chunk"] for row in await shelf.rows("past_chunk_terms", tenant)} == closed
