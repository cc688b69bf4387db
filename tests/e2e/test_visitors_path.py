"""The first whole path: a visitor asks on a real socket and reads an answer with its sources."""

from __future__ import annotations

import json

import asyncpg
import pytest

from benchmarks.house import House
from tandem.clients.visitor import Frame, Visitor

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


async def rows(house: House, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(house.addresses["postgres_dsn"], timeout=60)
    try:
        return await connection.fetch(query, *arguments)
    finally:
        await connection.close()


async def test_an_answer_streams_in_and_each_source_is_a_text_that_exists(house: House) -> None:
    deltas: list[str] = []

    def note(frame: Frame) -> None:
        if frame["type"] == "delta":
            deltas.append(frame["text"])

    async with Visitor(house.socket_url, on_frame=note) as visitor:
        reply = await visitor.ask("How long does shipping take?")
    assert reply["kind"] == "assistant_message"
    assert "".join(deltas).strip() == reply["text"].strip()
    assert reply["sources"]
    for source in reply["sources"]:
        [chunk] = await rows(
            house, "select text from read.chunks where chunk = $1", source["chunk"]
        )
        assert source["quote"] in chunk["text"]


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("¿Cuánto cuesta el envío?", "es/ayuda"),
        ("How can I return a lamp?", "en/help"),
    ],
)
async def test_the_answer_comes_from_a_page_in_the_visitors_language(
    house: House, question: str, holds: str
) -> None:
    async with Visitor(house.socket_url, locale="") as visitor:
        reply = await visitor.ask(question)
    assert reply["kind"] == "assistant_message"
    assert holds in reply["sources"][0]["url"]


async def test_what_the_sources_do_not_hold_is_not_known(house: House) -> None:
    async with Visitor(house.socket_url) as visitor:
        reply = await visitor.ask("Who won the chess championship of Mongolia in 1987?")
    assert (reply["answer"], reply["sources"]) == ("unknown", [])


async def test_two_messages_at_once_get_one_answer_that_addresses_both(house: House) -> None:
    async with Visitor(house.socket_url) as visitor:
        first = await visitor.say("Can I return a lamp?")
        second = await visitor.say("And how long does the refund take?")
        reply = await visitor.reply_to(second)
        answers = [e for e in visitor.events if first in e.get("in_reply_to", ())]
    assert len(answers) == 1
    assert second in reply["in_reply_to"]


async def test_who_comes_back_gets_each_event_once(house: House) -> None:
    async with Visitor(house.socket_url) as visitor:
        await visitor.ask("What does the warranty cover?")
        await visitor.drop()
        await visitor.ask("Which bulb fits?")
        assert visitor.connections == 2
        assert visitor.repeats == 0
        seen = [(e["version"], e["index"]) for e in visitor.events]
    async with Visitor(
        house.socket_url, token=visitor.token, conversation=visitor.conversation
    ) as again:
        await again.until(lambda: len(again.events) >= len(seen), timeout_s=20)
        assert [(e["version"], e["index"]) for e in again.events] == seen


async def test_replay_shows_every_event_and_the_state_at_a_version(house: House) -> None:
    async with Visitor(house.socket_url) as visitor:
        await visitor.ask("What are your opening hours?")
        await visitor.ask("thanks")
    done = house.run("replay", visitor.conversation, "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    facts = [line["fact"].split(".")[0] for line in lines[:-1]]
    assert facts == [
        "ConversationStarted",
        "MessageReceived",
        "TurnBegun",
        "AnswerRecorded",
        "MessageReceived",
        "TurnBegun",
        "AnswerRecorded",
    ]
    first_answer = lines[3]["version"]
    early = house.run("replay", visitor.conversation, "--json", "--at", str(first_answer))
    state = json.loads(early.stdout.splitlines()[-1])["state"]
    assert state["version"] == first_answer
    assert len(state["memory"]["window"]) == 2


async def test_the_read_models_hold_the_conversation(house: House) -> None:
    async with Visitor(house.socket_url) as visitor:
        ident = await visitor.say("Do you ship to Portugal?")
        reply = await visitor.reply_to(ident)
    found: list[asyncpg.Record] = []
    while len(found) < 2:
        found = await rows(
            house,
            "select author, text, sources from read.messages where conversation = $1"
            " order by version, index",
            visitor.conversation,
        )
    assert [row["author"] for row in found] == ["visitor", "assistant"]
    assert found[1]["text"] == reply["text"]
    [turn] = await rows(
        house, "select * from read.turns where conversation = $1", visitor.conversation
    )
    assert (turn["state"], turn["model"]) == ("answered", "extractive")


async def test_a_dedicated_tenant_gets_a_ray_actor_for_each_conversation(house: House) -> None:
    await _configure_dedicated(house)
    async with Visitor(house.socket_url, key="pk_alone") as visitor:
        reply = await visitor.ask("hello")
        assert reply["answer"] == "smalltalk"
        titles = [" ".join(p.cmdline()[:1]) for p in house.descendants()]
    assert sum(title.startswith("ray::ConversationShard") for title in titles) >= 3


async def _configure_dedicated(house: House) -> None:
    from events.jetstream.log import JetStreamLog
    from events.log.event_log import EMPTY, NewCommit
    from events.log.stream import tenancy_stream
    from events.tenancy import TenantConfigured

    fact = TenantConfigured(
        at=1,
        tenant="alone",
        name="Alone Ltd",
        keys=("pk_alone",),
        origins=("loopback",),
        placement="dedicated",
    )
    log = await JetStreamLog.connect(house.addresses["nats_url"])
    try:
        new = NewCommit(commit_id="alone-1", facts=(fact,))
        await log.append(tenancy_stream("alone"), new, expected=EMPTY)
    finally:
        await log.close()


async def test_no_tenant_sees_anothers_knowledge(house: House) -> None:
    await _configure_dedicated(house)
    async with Visitor(house.socket_url, key="pk_alone") as visitor:
        reply = await visitor.ask("How long does shipping take?")
    assert (reply["answer"], reply["sources"]) == ("unknown", [])


def test_a_document_is_searchable_when_ingest_returns(house: House, tmp_path: object) -> None:
    page = house.home.parent / "gift-cards.md"
    page.write_text(
        "# Gift cards\n\nGift cards are valid for 27 months from the day of purchase.\n"
    )
    done = house.run("ingest", str(page))
    assert done.returncode == 0, done.stderr
    asked = house.run("ask", "How long are gift cards valid?")
    assert "27 months" in asked.stdout
    assert "Gift cards" in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("replay", "nothing-there"), "no conversation nothing-there"),
        (("ingest", "/nowhere.csv"), "no such file"),
        (("rebuild", "nonsense"), "no read model is called nonsense"),
        (("ingest", "README.md", "--tenant", "nobody"), "there is no tenant nobody"),
    ],
)
def test_an_error_is_one_line_and_a_code_that_is_not_zero(
    house: House, arguments: tuple[str, ...], says: str
) -> None:
    done = house.run(*arguments)
    assert done.returncode != 0
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
