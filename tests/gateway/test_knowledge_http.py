"""The knowledge API over HTTP: documents in, looked into, searched, told; roles, bounds, walls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from gateway_house import until
from knowledge_house import knowledge_house, project
from operator_house import Clock, bearer, hired, is_problem

FAQ = "question,answer\nHow long does delivery take?,It takes two days.\nWho pays?,We do.\n"
BASE = "/v1/knowledge"


@pytest.fixture(scope="module")
async def house(database: str) -> AsyncIterator[Any]:
    """Ana manages, Vic only looks on, Ada rules; Otto is of another company."""
    clock = Clock()
    async with knowledge_house(database, clock=clock) as running:
        running.clock = clock
        for name, role in (("Ana", "manager"), ("Vic", "viewer"), ("Ada", "admin")):
            await hired(running, name, role=role)
        await hired(running, "Otto", tenant="other", role="admin")
        yield running


@pytest.fixture(scope="module")
async def people(house: Any) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """A client each, signed in."""
    names = ("Ana", "Vic", "Ada", "Otto")
    made = {name: httpx.AsyncClient(base_url=house.http, timeout=60) for name in names}
    for name, client in made.items():
        client.headers.update(await bearer(client, name))
        client.cookies.clear()
    yield made
    for client in made.values():
        await client.aclose()


@pytest.fixture
def ana(people: dict[str, httpx.AsyncClient]) -> httpx.AsyncClient:
    return people["Ana"]


def upload(content: bytes | str, name: str) -> Any:
    return ("file", (name, content, "application/octet-stream"))


async def take_in(house: Any, client: httpx.AsyncClient, *files: Any, **fields: str) -> list[Any]:
    """Hand over and work at; what was taken."""
    answer = await client.post(f"{BASE}/documents", files=list(files), data=fields)
    assert answer.status_code == 202, answer.text
    taken = answer.json()["documents"]
    for one in taken:
        await house.shelf.work("demo", one["document"])
    await house.shelf.apply()
    return taken


async def test_a_file_becomes_a_document_that_is_found(house: Any, ana: Any) -> None:
    (taken,) = await take_in(house, ana, upload(FAQ, "shop/faq.csv"), locale="en")
    assert (taken["changed"], taken["name"]) == (True, "shop/faq.csv")
    (again,) = await take_in(house, ana, upload(FAQ, "shop/faq.csv"), locale="en")
    assert again == taken | {"changed": False}

    rows = (await ana.get(f"{BASE}/documents", params={"search": "faq"})).json()["rows"]
    (row,) = [row for row in rows if row["document"] == taken["document"]]
    assert (row["state"], row["answers"], row["chunks"]) == ("indexed", taken["version"], 2)
    assert (row["origin"], row["media_type"], row["locale"]) == ("upload", "text/csv", "en")
    assert row["by"]
    assert "content_hash" not in row

    found = (await ana.post(f"{BASE}/search", json={"question": "How long is delivery?"})).json()
    best = found["hits"][0]
    assert best["text"] == "It takes two days."
    assert (best["document"], best["version"]) == (taken["document"], taken["version"])
    assert best["place"]["row"] == 2
    assert {"dense", "words", "sentence"} <= set(best["parts"])
    assert found["knowledge"] > 0
    assert found["how"] in ("exact", "cache")

    one = (await ana.get(f"{BASE}/chunks/{best['chunk']}")).json()
    assert (one["text"], one["before"], one["after"]) == ("It takes two days.", "", "We do.")
    page = (await ana.get(f"{BASE}/documents/{taken['document']}/chunks?limit=1")).json()
    assert [row["chunk"] for row in page["rows"]] == [best["chunk"]]
    rest = await ana.get(
        f"{BASE}/documents/{taken['document']}/chunks", params={"after": page["next"]}
    )
    assert [row["text"] for row in rest.json()["rows"]] == ["We do."]


async def test_replaced_and_removed_texts_stay_readable_and_are_found_as_of_then(
    house: Any, ana: Any
) -> None:
    (first,) = await take_in(house, ana, upload("# Pets\n\nParrots are welcome.", "pets.md"))
    asked = {"question": "Are parrots welcome?", "filters": {"documents": [first["document"]]}}
    then = (await ana.post(f"{BASE}/search", json=asked)).json()
    (second,) = await take_in(house, ana, upload("# Pets\n\nParrots stay outside.", "pets.md"))
    now = (await ana.post(f"{BASE}/search", json=asked)).json()
    assert (now["hits"][0]["text"], now["hits"][0]["version"]) == (
        "Parrots stay outside.",
        second["version"],
    )
    past = (await ana.post(f"{BASE}/search", json=asked | {"as_of": then["knowledge"]})).json()
    assert [hit["chunk"] for hit in past["hits"]] == [hit["chunk"] for hit in then["hits"]]

    removed = await ana.delete(f"{BASE}/documents/{first['document']}")
    assert (removed.status_code, removed.json()["changed"]) == (202, True)
    await house.shelf.apply()
    assert (await ana.post(f"{BASE}/search", json=asked)).json()["hits"] == []
    whole = (await ana.get(f"{BASE}/documents/{first['document']}")).json()
    assert [version["state"] for version in whole["versions"]] == ["removed", "replaced"]
    old = (await ana.get(f"{BASE}/chunks/{then['hits'][0]['chunk']}")).json()
    assert old["text"] == "Parrots are welcome."
    assert old["closed_at"]


async def test_who_was_told_and_what_found_nothing(house: Any, people: Any) -> None:
    from actors.conversation.commands import ReceiveMessage
    from events.conversation import Source

    ana, vic = people["Ana"], people["Vic"]
    (taken,) = await take_in(house, ana, upload("# Gifts\n\nWe wrap gifts.", "gifts.md"))
    chunk = (await ana.get(f"{BASE}/documents/{taken['document']}/chunks")).json()["rows"][0]
    source = Source(
        n=1,
        chunk=chunk["chunk"],
        document=taken["document"],
        version=taken["version"],
        title="Gifts",
        url="",
        quote="We wrap gifts.",
    )
    for conversation, answer in (("told", "We wrap gifts. [1]"), ("unknown", "I do not know.")):
        stream = house.stream(conversation)
        for name in ("a", "b") if conversation == "unknown" else ("a",):
            asked = ReceiveMessage(id=f"m-{name}", at=house.clock.now, text="Do you wrap gifts?")
            await house.conversations.ask(stream, asked)
            known = conversation == "told"
            more = {"sources": (source,)} if known else {"kind": "unknown"}
            await house.conversations.answer(stream, answer, at=house.clock.now, **more)
    await project(house)

    rows = (await vic.get(f"{BASE}/told", params={"chunk": chunk["chunk"]})).json()["rows"]
    (row,) = rows
    assert (row["conversation"], row["answer"], row["current"]) == (
        "told",
        "We wrap gifts. [1]",
        True,
    )
    assert (row["question"], row["quote"]) == ("Do you wrap gifts?", "We wrap gifts.")
    by_document = {"document": taken["document"], "version": taken["version"]}
    assert (await vic.get(f"{BASE}/told", params=by_document)).json()["rows"] == rows
    assert is_problem(await vic.get(f"{BASE}/told"), 422, "invalid_request")
    (gap,) = (await vic.get(f"{BASE}/gaps")).json()["groups"]
    assert (gap["question"], gap["count"]) == ("Do you wrap gifts?", 2)
    counts = (await vic.get(f"{BASE}/counts")).json()
    assert counts["by_state"]["indexed"] >= 1
    assert counts["documents"] >= 1


async def test_an_original_leaves_as_bytes_that_no_browser_runs(house: Any, ana: Any) -> None:
    page = b"<!doctype html><title>x</title><p>Lamps burn.<script>alert(1)</script>"
    (taken,) = await take_in(house, ana, upload(page, "a b ü.html"))
    answer = await ana.get(f"{BASE}/documents/{taken['document']}/original")
    assert answer.content == page
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"a b _.html\"; filename*=UTF-8''a%20b%20%C3%BC.html"
    )
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    wrong = await ana.get(f"{BASE}/documents/{taken['document']}/original?version=1")
    is_problem(wrong, 404, "unknown_version")


async def test_of_several_files_those_that_no_reader_knows_are_named(house: Any, ana: Any) -> None:
    files = [upload("Lamps.", "a.txt"), upload(b"\x00\x01", "a.exe")]
    answer = await ana.post(f"{BASE}/documents", files=files)
    assert answer.status_code == 202
    assert [one["name"] for one in answer.json()["documents"]] == ["a.txt"]
    (refused,) = answer.json()["refused"]
    assert (refused["name"], refused["code"]) == ("a.exe", "unsupported_document")
    alone = await ana.post(f"{BASE}/documents", files=files[1:])
    is_problem(alone, 415, "unsupported_document")


async def test_an_address_is_taken_to_be_fetched(house: Any, ana: Any) -> None:
    asked = {"url": "https://shop.example/help", "what": "sitemap", "depth": 1}
    answer = await ana.post(f"{BASE}/documents", json=asked)
    assert answer.status_code == 202, answer.text
    (taken,) = answer.json()["documents"]
    await house.shelf.apply()
    versions = (await ana.get(f"{BASE}/documents/{taken['document']}")).json()["versions"]
    assert (versions[0]["state"], versions[0]["url"]) == ("requested", asked["url"])
    for wrong, code in (("file:///etc/passwd", "refused_address"), ("nothing", "refused_address")):
        is_problem(await ana.post(f"{BASE}/documents", json={"url": wrong}), 422, code)
    is_problem(await ana.post(f"{BASE}/documents", json=asked | {"depth": 9}), 422, "depth")


@pytest.mark.parametrize(
    ("files", "fields", "status", "code"),
    [
        ([], {"title": "only"}, 422, "invalid_request"),
        ([upload("x", "a.txt"), upload("y", "a.txt")], {}, 422, "invalid_request"),
        ([upload("x", "a.txt"), upload("y", "b.txt")], {"name": "c.txt"}, 422, "invalid_request"),
        ([upload("x", "a.txt")], {"surprise": "y"}, 422, "invalid_request"),
        ([upload("x", f"{n}.txt") for n in range(21)], {}, 413, "too_large"),
        ([upload(b"x" * (10 * 2**20 + 1), "a.txt")], {}, 413, "too_large"),
        ([upload("x", "_index")], {}, 422, "document_name"),
    ],
)
async def test_a_form_that_does_not_fit_is_refused(
    ana: Any, files: list[Any], fields: dict[str, str], status: int, code: str
) -> None:
    form = files or [("nothing", (None, "x"))]
    is_problem(await ana.post(f"{BASE}/documents", files=form, data=fields), status, code)


async def test_a_request_without_end_is_cut_off_while_it_is_read(ana: Any, people: Any) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        while sent < 60 * 2**20:
            sent += 2**20
            yield b"a" * 2**20

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    try:
        answer = await ana.post(f"{BASE}/documents", content=endless(), headers=kind)
        is_problem(answer, 413, "body_size")
    except httpx.TransportError:
        pass  # the server hung up before all was sent
    assert b" 413 " in await first_line(ana, declared=2**30)
    large = await ana.post(f"{BASE}/search", json={"question": "x" * 70_000})
    is_problem(large, 413, "body_size")  # the wider bound is of that one route


async def first_line(client: Any, *, declared: int) -> bytes:
    """What is answered to the head of an upload of `declared` bytes, of which none comes."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        head = (
            f"POST {BASE}/documents HTTP/1.1",
            f"Host: {client.base_url.host}",
            f"Authorization: {client.headers['authorization']}",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {declared}",
        )
        writer.write("\r\n".join((*head, "", "")).encode())
        line = await reader.readline()
        writer.close()
        return line


async def test_the_documents_are_listed_page_by_page(house: Any, ana: Any) -> None:
    await take_in(house, ana, *(upload("Lamps.", f"page {n}.txt") for n in range(3)))
    names: list[str] = []
    page = {"next": ""}
    while not names or page.get("next"):
        asked = {"search": "page ", "limit": 2, "before": page["next"]}
        page = (await ana.get(f"{BASE}/documents", params=asked)).json()
        names += [row["name"] for row in page["rows"]]
    assert names == ["page 0.txt", "page 1.txt", "page 2.txt"]
    is_problem(await ana.get(f"{BASE}/documents?before=nowhere"), 422, "place")


async def test_text_that_no_database_takes_is_refused(ana: Any) -> None:
    for path in (
        "/told?chunk=a%00b",
        "/told?document=a%00b",
        "/told?chunk=a&before=%00",
        "/documents?search=%00",
        "/documents?before=%00",
        "/documents?state=%00",
    ):
        answer = await ana.get(BASE + path)
        assert (answer.status_code, path) == (422, path)
    for path, body in (
        ("/documents", {"url": "https://shop.example/\0"}),
        ("/documents", {"url": "https://shop.example", "locale": "\0"}),
        ("/search", {"question": "Lamps?", "locale": "\0"}),
        ("/search", {"question": "Lamps?", "filters": {"sources": ["\0"]}}),
        ("/search", {"question": "\0"}),
    ):
        is_problem(await ana.post(BASE + path, json=body), 422, "invalid_request")
    for path in ("/documents/a%00b", "/chunks/a%00b"):
        assert (await ana.get(BASE + path)).status_code == 404


async def test_an_upload_that_does_not_come_gives_up_its_place(
    house: Any, ana: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = msgspec.structs.replace(house.hub.limits, upload_s=0.05)
    monkeypatch.setattr(house.hub, "limits", limits)
    waiting = [first_line(ana, declared=1000) for _ in range(limits.uploads_at_once + 1)]
    assert all(b" 408 " in line for line in await asyncio.gather(*waiting))
    assert not house.hub.uploads.locked()


async def test_who_may_what(house: Any, people: Any) -> None:
    vic, ana, ada = people["Vic"], people["Ana"], people["Ada"]
    (taken,) = await take_in(house, ana, upload("Lamps are warm.", "roles.txt"))
    one = f"{BASE}/documents/{taken['document']}"
    for refused in (
        await vic.post(f"{BASE}/documents", files=[upload("x", "a.txt")]),
        await vic.post(f"{BASE}/documents", json={"url": "https://shop.example"}),
        await vic.post(f"{one}/reingest"),
        await vic.delete(one),
        await ana.put(f"{BASE}/settings", json={"max_tokens": 100}),
    ):
        is_problem(refused, 403, "forbidden")
    set_now = await ada.put(f"{BASE}/settings", json={"max_tokens": 100, "overlap_tokens": 10})
    assert set_now.status_code == 200, set_now.text
    assert (await vic.get(f"{BASE}/settings")).json() == {"max_tokens": 100, "overlap_tokens": 10}
    is_problem(await ada.put(f"{BASE}/settings", json={"max_tokens": 1}), 422, "settings")
    again = await ana.post(f"{one}/reingest")
    assert (again.status_code, again.json()["changed"]) == (202, True)


async def test_another_company_sees_nothing_of_it(house: Any, people: Any) -> None:
    ana, otto = people["Ana"], people["Otto"]
    (taken,) = await take_in(house, ana, upload("A secret recipe.", "secret.txt"))
    one = f"{BASE}/documents/{taken['document']}"
    chunk = (await ana.get(f"{one}/chunks")).json()["rows"][0]["chunk"]
    assert (await otto.get(f"{BASE}/documents")).json()["rows"] == []
    for path in (one, f"{one}/chunks", f"{one}/original"):
        is_problem(await otto.get(path), 404, "unknown_document")
    is_problem(await otto.delete(one), 404, "unknown_document")
    is_problem(await otto.get(f"{BASE}/chunks/{chunk}"), 404, "unknown_chunk")
    assert (await otto.get(f"{BASE}/told", params={"chunk": chunk})).json()["rows"] == []
    found = await otto.post(f"{BASE}/search", json={"question": "A secret recipe."})
    assert found.json()["hits"] == []


async def test_another_sites_page_cannot_ask_and_nobody_without_a_token(
    house: Any, ana: Any
) -> None:
    foreign = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}
    is_problem(await ana.get(f"{BASE}/documents", headers=foreign), 403, "foreign_origin")
    async with httpx.AsyncClient(base_url=house.http, timeout=60) as nobody:
        for method, path in (
            ("GET", "/documents"),
            ("POST", "/documents"),
            ("POST", "/search"),
            ("GET", "/events"),
            ("GET", "/chunks/x"),
            ("GET", "/settings"),
        ):
            is_problem(await nobody.request(method, BASE + path), 401, "bad_token")


async def test_the_openapi_document_shows_these_routes(ana: Any) -> None:
    shown = (await ana.get("/openapi.json")).json()
    upload_route = shown["paths"]["/v1/knowledge/documents"]["post"]
    assert set(upload_route["requestBody"]["content"]) == {
        "application/json",
        "multipart/form-data",
    }
    assert {"HitView", "DocumentView", "ToldPage"} <= set(shown["components"]["schemas"])


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    name = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, msgspec.json.decode(line.removeprefix("data: "))


async def test_what_happens_is_followed_live(house: Any, ana: Any, people: Any) -> None:
    from events.live.frames import DocumentProgress
    from events.log.stream import documents_live

    async with (
        asyncio.timeout(60),
        people["Vic"].stream("GET", f"{BASE}/events") as answer,
        people["Otto"].stream("GET", f"{BASE}/events") as elsewhere,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        coming = events(answer)
        (taken,) = await take_in(house, ana, upload("Lamps hang.", "live.txt"))
        frame = DocumentProgress(
            document=taken["document"], version=taken["version"], stage="embed", done=1, total=2
        )
        await house.live.publish(documents_live("demo"), frame)
        seen: dict[str, dict[str, Any]] = {}
        while set(seen) != {"document", "progress"}:
            name, data = await anext(coming)
            seen[name] = data
        assert seen["progress"] == msgspec.structs.asdict(frame)
        assert (seen["document"]["document"], seen["document"]["state"]) == (
            taken["document"],
            "indexed",
        )
        await ana.delete(f"{BASE}/documents/{taken['document']}")
        await house.shelf.apply()
        while (await anext(coming))[1].get("state") != "removed":
            pass
        (own,) = [await house.shelf.submit("other", "theirs.txt", "Chairs stand.")]
        first = await anext(events(elsewhere))
        assert first[1]["document"] == own.document  # nothing of demo's came before


async def test_a_stream_ends_with_its_session_and_one_person_has_a_few(
    house: Any, people: Any
) -> None:
    from contextlib import AsyncExitStack

    await hired(house, "Eva", role="viewer")
    async with httpx.AsyncClient(base_url=house.http, timeout=60) as eva, AsyncExitStack() as open_:
        eva.headers.update(await bearer(eva, "Eva"))
        most = house.hub.limits.document_streams
        streams = [
            await open_.enter_async_context(eva.stream("GET", f"{BASE}/events"))
            for _ in range(most)
        ]
        is_problem(await eva.get(f"{BASE}/events"), 429, "rate_limited")
        out = await eva.delete("/v1/operator/session", headers={"X-Tandem-Console": "1"})
        assert out.status_code == 204, out.text
        async with asyncio.timeout(60):
            for stream in streams:
                async for _ in stream.aiter_bytes():
                    pass
    await until(lambda: not house.hub.document_streams, 60)


async def test_a_keyed_request_is_carried_out_once_whatever_happened_since(
    house: Any, ana: Any
) -> None:
    (first,) = await take_in(house, ana, upload("# Keys\n\nOne.", "keys.md"))
    path, key = f"{BASE}/documents/{first['document']}/reingest", {"Idempotency-Key": "again-1"}
    once = (await ana.post(path, headers=key)).json()
    assert once["changed"]
    await take_in(house, ana, upload("# Keys\n\nTwo.", "keys.md"))
    twice = (await ana.post(path, headers=key)).json()
    assert twice == once | {"changed": False}
    other = (await ana.post(path, headers={"Idempotency-Key": "again-2"})).json()
    assert other["changed"]

    sent = {"files": [upload("# Keys\n\nThree.", "keys.md")], "headers": key}
    three = (await ana.post(f"{BASE}/documents", **sent)).json()["documents"][0]
    assert three["changed"], "the same key of another command is another key"
    await take_in(house, ana, upload("# Keys\n\nFour.", "keys.md"))
    late = (await ana.post(f"{BASE}/documents", **sent)).json()["documents"][0]
    assert late == three | {"changed": False}, "what comes again late takes nothing back"

    page = {"url": "https://shop.example/keyed"}
    asked = [(await ana.post(f"{BASE}/documents", json=page, headers=key)) for _ in range(2)]
    versions = [answer.json()["documents"][0]["version"] for answer in asked]
    assert versions[0] == versions[1]
    gone = f"{BASE}/documents/{first['document']}"
    removed = (await ana.delete(gone, headers=key)).json()
    await take_in(house, ana, upload("# Keys\n\nFive.", "keys.md"))
    assert (await ana.delete(gone, headers=key)).json() == removed | {"changed": False}
    await house.shelf.apply()
    assert (await ana.get(gone)).json()["versions"][0]["state"] == "indexed"


@pytest.mark.parametrize("key", ["x" * 129, "with space"])
async def test_a_key_that_is_none_is_refused(ana: Any, key: str) -> None:
    answer = await ana.post(f"{BASE}/documents/any/reingest", headers={"Idempotency-Key": key})
    is_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("locale", ["x" * 36, "english please", "en_US", "de-"])
async def test_a_locale_that_is_none_is_refused_at_the_door(ana: Any, locale: str) -> None:
    answers = [
        await ana.post(
            f"{BASE}/documents", files=[upload("# A\n\nB.", "a.md")], data={"locale": locale}
        ),
        await ana.post(
            f"{BASE}/documents", json={"url": "https://shop.example/", "locale": locale}
        ),
        await ana.post(f"{BASE}/search", json={"question": "Why?", "locale": locale}),
    ]
    for answer in answers:
        is_problem(answer, 422, "invalid_request")
        assert [error["field"] for error in answer.json()["errors"]] == ["locale"]
