"""The same conversation over HTTP and server-sent events, and its refusals as problems."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest
from gateway_house import KEY, OTHER_KEY, until


@pytest.fixture(scope="module")
async def client(house):
    async with httpx.AsyncClient(base_url=house.http, timeout=60) as made:
        yield made


async def opened(client, **headers):
    """A new conversation: its path, the headers to use it with, and its id."""
    answer = await client.post("/v1/conversations", json={"key": KEY}, headers=headers)
    assert answer.status_code == 201
    body = answer.json()
    path = f"/v1/conversations/{body['conversation']}"
    return path, {"Authorization": f"Bearer {body['token']}"}, body["conversation"]


def is_problem(answer, status, code):
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["title"]
    assert body["type"] == f"urn:tandem:problem:{code}"
    return body


async def test_a_conversation_begins_and_goes_on_over_http(client, house):
    path, bearer, conversation = await opened(client)
    assert await house.log.last(house.stream(conversation)) is None
    message = {"id": "m1", "text": " hello\x00 ", "locale": "es"}
    first = await client.post(f"{path}/messages", json=message, headers=bearer)
    again = await client.post(f"{path}/messages", json=message, headers=bearer)
    version = first.json()["version"]
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == {"id": "m1", "version": version, "duplicate": False}
    assert again.json() == {"id": "m1", "version": version, "duplicate": True}
    read = await client.get(f"{path}/events", headers=bearer)
    assert [(e["kind"], e["text"]) for e in read.json()] == [("visitor_message", "hello")]
    assert read.headers["tandem-version"] == str(version)
    assert (await client.get(f"{path}/events?after={version}", headers=bearer)).json() == []


async def test_the_key_may_stand_in_a_header(client):
    answer = await client.post("/v1/conversations", headers={"X-Tandem-Key": KEY})
    assert answer.status_code == 201


async def test_ratings_are_limited_as_messages_are(client):
    path, bearer, _ = await opened(client)
    await client.post(f"{path}/messages", json={"id": "m1", "text": "hi"}, headers=bearer)
    scores = await asyncio.gather(
        *(client.post(f"{path}/rating", json={"score": 1}, headers=bearer) for _ in range(80))
    )
    assert {answer.status_code for answer in scores} == {202, 429}
    refused = next(answer for answer in scores if answer.status_code == 429)
    assert refused.json()["code"] == "rate_limited"


async def test_a_handoff_and_a_rating_over_http(client):
    path, bearer, _ = await opened(client)
    too_early = await client.post(f"{path}/handoff", headers=bearer)
    is_problem(too_early, 409, "not_started")
    await client.post(f"{path}/messages", json={"id": "m1", "text": "hi"}, headers=bearer)
    assert (await client.post(f"{path}/handoff", headers=bearer)).status_code == 202
    rated = await client.post(f"{path}/rating", json={"score": 5}, headers=bearer)
    assert rated.status_code == 202
    events = (await client.get(f"{path}/events", headers=bearer)).json()
    kinds = [event["kind"] for event in events]
    assert kinds == ["visitor_message", "mode", "notice", "rated"]


async def test_events_can_be_read_from_within_a_commit(client, house):
    from events.conversation import AnswerRated
    from events.log.event_log import Head, NewCommit

    path, bearer, conversation = await opened(client)
    facts = tuple(AnswerRated(at=1, score=score) for score in (1, 2, 3))
    commit = await house.log.append(
        house.stream(conversation), NewCommit(commit_id="c", facts=facts), expected=Head()
    )
    read = await client.get(f"{path}/events?after={commit.version}.0", headers=bearer)
    assert [event["score"] for event in read.json()] == [2, 3]


async def test_what_is_refused_is_a_problem_with_its_code(client):
    path, bearer, _ = await opened(client)
    _, stranger, _ = await opened(client)
    message = {"id": "m1", "text": "hi"}
    post, get = client.post, client.get
    is_problem(await post("/v1/conversations", json={"key": "no"}), 401, "wrong_key")
    is_problem(await post("/v1/conversations"), 401, "wrong_key")
    is_problem(await post(f"{path}/messages", json=message), 401, "bad_token")
    wrong = {"Authorization": "Bearer x.y.z"}
    is_problem(await post(f"{path}/messages", json=message, headers=wrong), 401, "bad_token")
    is_problem(
        await post(f"{path}/messages", json=message, headers=stranger), 403, "wrong_conversation"
    )
    is_problem(await get(f"{path}/events", headers=stranger), 403, "wrong_conversation")
    for bad, code in (
        ({"id": "m1", "text": "x" * 2001}, "message_length"),
        ({"id": "m1", "text": "\x00"}, "message_length"),
        ({"id": "a b", "text": "x"}, "message_id"),
        ({"id": "m1"}, "invalid_request"),
        ([], "invalid_request"),
    ):
        is_problem(await post(f"{path}/messages", json=bad, headers=bearer), 422, code)
    is_problem(
        await post(f"{path}/rating", json={"score": 9}, headers=bearer), 422, "invalid_request"
    )
    is_problem(await get(f"{path}/events?after=x", headers=bearer), 422, "place")


async def test_a_field_that_is_wrong_is_named(client):
    path, bearer, _ = await opened(client)
    answer = await client.post(f"{path}/rating", json={"score": 9}, headers=bearer)
    problem = is_problem(answer, 422, "invalid_request")
    assert problem["errors"][0]["field"] == "body.score"


async def test_broken_json_is_a_problem(client):
    path, bearer, _ = await opened(client)
    headers = bearer | {"Content-Type": "application/json"}
    answer = await client.post(f"{path}/messages", content=b"{", headers=headers)
    is_problem(answer, 422, "invalid_request")


async def test_unknown_paths_and_methods_are_problems(client):
    is_problem(await client.get("/v1/nothing"), 404, "not_found")
    is_problem(await client.delete("/v1/conversations"), 405, "method_not_allowed")
    is_problem(await client.get("/v1/socket"), 426, "upgrade_required")


async def test_a_body_beyond_64_kib_is_refused_announced_or_not(client):
    path, bearer, _ = await opened(client)
    big = b'{"id":"m1","text":"' + b"x" * 70_000 + b'"}'

    async def in_pieces():
        for start in range(0, len(big), 1000):
            yield big[start : start + 1000]

    headers = bearer | {"Content-Type": "application/json"}
    for content in (big, in_pieces()):
        answer = await client.post(f"{path}/messages", content=content, headers=headers)
        is_problem(answer, 413, "body_size")


async def test_an_outage_is_a_503_that_says_to_try_again(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        path, bearer, _ = await opened(client)
        house.conversations.down = True
        answer = await client.post(
            f"{path}/messages", json={"id": "m1", "text": "hi"}, headers=bearer
        )
        is_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"]


async def test_too_many_messages_over_http_are_a_429(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(messages_burst=2)
    async with gateway(limits=limits) as house, httpx.AsyncClient(base_url=house.http) as client:
        path, bearer, _ = await opened(client)
        seen = [
            (
                await client.post(
                    f"{path}/messages", json={"id": f"m{n}", "text": "hi"}, headers=bearer
                )
            ).status_code
            for n in range(8)
        ]
    assert seen[0] == 202
    assert 429 in seen


async def test_the_wall_between_tenants_stands_over_http_too(client, house):
    answer = await client.post(
        "/v1/conversations", json={"key": OTHER_KEY}, headers={"Origin": "https://other.example"}
    )
    body = answer.json()
    bearer = {"Authorization": f"Bearer {body['token']}"}
    path = f"/v1/conversations/{body['conversation']}"
    message = {"id": "m1", "text": "of the other tenant"}
    assert (await client.post(f"{path}/messages", json=message, headers=bearer)).status_code == 202
    assert await house.log.last(house.stream(body["conversation"], "other")) is not None
    assert await house.log.last(house.stream(body["conversation"], "demo")) is None
    foreign = bearer | {"Origin": "https://shop.example"}  # allowed for demo, not for other
    is_problem(await client.get(f"{path}/events", headers=foreign), 403, "foreign_origin")


async def test_pages_of_allowed_origins_may_call_and_others_not(client):
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    allowed = await client.options(
        "/v1/conversations", headers={"Origin": "https://shop.example"} | ask
    )
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    refused = await client.options(
        "/v1/conversations", headers={"Origin": "https://evil.example"} | ask
    )
    is_problem(refused, 403, "foreign_origin")
    call = await client.post(
        "/v1/conversations", json={"key": KEY}, headers={"Origin": "http://localhost:3000"}
    )
    assert call.headers["access-control-allow-origin"] == "http://localhost:3000"
    evil = await client.post(
        "/v1/conversations", json={"key": KEY}, headers={"Origin": "https://evil.example"}
    )
    is_problem(evil, 403, "foreign_origin")
    assert "access-control-allow-origin" not in evil.headers


@asynccontextmanager
async def events_of(client, path, headers):
    """The stream's events as they come: (id, event, data)."""
    sent = headers | {"Accept": "text/event-stream"}
    async with client.stream("GET", f"{path}/events", headers=sent) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def read():
            fields = {}
            async for line in answer.aiter_lines():
                if line.startswith(":"):
                    yield None, "comment", line
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    if "data" in fields:
                        yield fields.get("id"), fields["event"], json.loads(fields["data"])
                    fields = {}

        yield read()


async def test_an_event_stream_is_live_and_resumes_exactly(client, house):
    from events.live.frames import Delta

    path, bearer, conversation = await opened(client)
    stream = house.stream(conversation)
    async with asyncio.timeout(60), events_of(client, path, bearer) as events:
        for number in (1, 2):
            message = {"id": f"m{number}", "text": "hi"}
            await client.post(f"{path}/messages", json=message, headers=bearer)
        place, name, event = await anext(events)
        assert (name, event["message"]) == ("event", "m1")
        assert place == f"{event['version']}.{event['index']}"
        assert (await anext(events))[2]["message"] == "m2"
        await house.live.publish(stream, Delta("turn-m2", 0, "He"))
        delta = await anext(events)
        assert delta[:2] == (None, "delta")
    await house.conversations.answer(stream, "the answer")
    resumed = bearer | {"Last-Event-ID": place}
    async with asyncio.timeout(60), events_of(client, path, resumed) as events:
        assert (await anext(events))[2]["message"] == "m2"
        assert (await anext(events))[2]["text"] == "the answer"


async def test_a_quiet_stream_has_heartbeats_and_ends_of_age(gateway):
    from serve_apps.gateway.shared.limits import GatewayLimits

    limits = GatewayLimits(heartbeat_s=0.05, stream_s=0.3)
    async with gateway(limits=limits) as house, httpx.AsyncClient(base_url=house.http) as client:
        path, bearer, _ = await opened(client)
        async with asyncio.timeout(60), events_of(client, path, bearer) as events:
            seen = [name async for _, name, _ in events]
        assert seen
        assert set(seen) == {"comment"}
        await until(lambda: not house.hub._connected)


async def test_streams_end_when_the_gateway_stops_and_when_the_client_goes(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        path, bearer, _ = await opened(client)
        async with asyncio.timeout(60), events_of(client, path, bearer):
            await until(lambda: len(house.hub._connected) == 1)
        await until(lambda: not house.hub._connected and not house.live._watches)
        async with asyncio.timeout(60), events_of(client, path, bearer) as events:
            await until(lambda: len(house.hub._connected) == 1)
            leaving = asyncio.create_task(house.hub.leave())
            assert [event async for event in events] == []
            await leaving


async def test_health_and_readiness_say_what_is_missing(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        assert (await client.get("/healthz")).json() == {"status": "up"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert not house.log._messages.get("conversation")  # the probe changed nothing
        house.conversations.down = True
        problem = is_problem(await client.get("/readyz"), 503, "not_ready")
        assert [error["field"] for error in problem["errors"]] == ["conversations"]
        house.conversations.down = False
        await house.hub.leave()
        problem = is_problem(await client.get("/readyz"), 503, "not_ready")
        assert [error["field"] for error in problem["errors"]] == ["gateway"]


async def test_figures_are_for_prometheus_and_name_no_conversation(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        visitor = await house.visitor().__aenter__()
        welcome = await visitor.hello()
        await visitor.say("m1", "hi")
        await visitor.send("message", id="m2", text="")
        await visitor.until("rejected")
        figures = (await client.get("/metrics")).text
        await visitor.socket.close()
    assert "tandem_gateway_sockets 1.0" in figures
    assert "tandem_gateway_messages_total 1.0" in figures
    assert 'tandem_gateway_rejected_total{code="message_length"} 1.0' in figures
    assert "tandem_gateway_accept_seconds_count 1.0" in figures
    assert welcome["conversation"] not in figures


async def test_the_api_describes_itself(client):
    described = (await client.get("/openapi.json")).json()
    of_operators = ("/v1/operator", "/v1/knowledge")
    assert {path for path in described["paths"] if not path.startswith(of_operators)} == {
        "/v1/conversations",
        "/v1/conversations/{conversation}/messages",
        "/v1/conversations/{conversation}/events",
        "/v1/conversations/{conversation}/handoff",
        "/v1/conversations/{conversation}/rating",
        "/healthz",
        "/readyz",
        "/metrics",
    }
