"""The operator API over HTTP: conversations, orders, the company's settings; roles and walls."""

from __future__ import annotations

import asyncio
import json

import httpx
import msgspec
import pytest
from gateway_house import until
from operator_house import Clock, bearer, hired, is_problem

from actors.conversation.commands import ReceiveMessage, RequestHandoff
from actors.conversation.decide import fold, initial
from events.json_lines import commit_lines


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
async def house():
    """Ana answers, Vic only looks on, Ada rules; Otto is of another company."""
    from gateway_house import serving

    clock = Clock()
    async with serving(clock=clock) as running:
        running.clock = clock
        running.ids = {
            "Ana": await hired(running),
            "Vic": await hired(running, "Vic", role="viewer"),
            "Ada": await hired(running, "Ada", role="admin"),
            "Otto": await hired(running, "Otto", tenant="other", role="admin"),
        }
        yield running


@pytest.fixture(scope="module")
async def client(house):
    async with httpx.AsyncClient(base_url=house.http, timeout=60) as made:
        house.tokens = {name: await bearer(made, name) for name in house.ids}
        made.cookies.clear()
        yield made


@pytest.fixture
async def ask(house, client):
    """`await ask("Ana", "GET", "/me")`"""

    async def call(name, method, path, **options):
        headers = house.tokens[name] | options.pop("headers", {})
        return await client.request(method, f"/v1/operator{path}", headers=headers, **options)

    return call


@pytest.fixture
async def talk(house):
    """A conversation where the visitor has asked something and then for a person."""
    names = iter(range(1000))

    async def begin(name="", *, tenant="demo", visitor="", wants_person=True):
        name = name or f"c{house.clock.now}-{next(names)}"
        stream = house.stream(name, tenant)
        house.clock.now += 1000
        at = house.clock.now
        said = ReceiveMessage(id=f"{name}-m1", at=at, text="Where is my order?", visitor=visitor)
        await house.conversations.ask(stream, said)
        if wants_person:
            await house.conversations.ask(stream, RequestHandoff(id=f"{name}-h", at=at + 1))
        return name

    return begin


async def epoch(ask, conversation):
    return (
        (await ask("Ana", "GET", f"/conversations/{conversation}")).json()["state"].get("epoch", 1)
    )


async def taken_over(ask, conversation):
    seen = await epoch(ask, conversation)
    order = {"type": "take_over", "id": f"{conversation}-take", "epoch": seen}
    answer = await ask("Ana", "POST", f"/conversations/{conversation}/orders", json=order)
    assert answer.status_code == 202, answer.text
    return seen + 1


# Reading.


async def test_the_queue_shows_who_waits_and_pages(ask, talk):
    first, second = await talk(), await talk()
    quiet = await talk(wants_person=False)
    page = (await ask("Vic", "GET", "/conversations?view=unassigned&limit=200")).json()
    names = [row["conversation"] for row in page["rows"]]
    assert names.index(first) < names.index(second)
    assert quiet not in names
    row = page["rows"][names.index(first)]
    assert (row["reason"], row["last_text"]) == ("visitor_asked", "Where is my order?")
    assert "tenant" not in row
    got, before = [], ""
    while True:
        query = f"?view=unassigned&limit=1&before={before}"
        page = (await ask("Vic", "GET", f"/conversations{query}")).json()
        got += [row["conversation"] for row in page["rows"]]
        if not (before := page.get("next", "")):
            break
    assert got == names


@pytest.mark.parametrize("kind", ["approve", "reject"])
async def test_a_draft_may_be_decided_on_however_long_the_visitors_own_id_is(
    ask, talk, house, kind
):
    name = await talk("v" * 61, wants_person=False)  # its message's id has 64 characters
    order = {"type": "supervise", "id": f"s-{kind}", "epoch": await epoch(ask, name)}
    assert (await ask("Ana", "POST", f"/conversations/{name}/orders", json=order)).is_success
    said = ReceiveMessage(id=f"{name}-{kind[0]}2", at=house.clock.now, text="Is it there?")
    await house.conversations.ask(house.stream(name), said)
    await house.conversations.answer(house.stream(name), "Tomorrow.")
    state = (await ask("Ana", "GET", f"/conversations/{name}")).json()["state"]
    decision = {
        "type": kind,
        "id": f"d-{kind}",
        "epoch": state["epoch"],
        "draft": state["draft"]["draft"],
        "reason": "no",
    }
    answer = await ask("Ana", "POST", f"/conversations/{name}/orders", json=decision)
    assert answer.status_code == 202, answer.text


async def test_mine_is_the_askers(ask, talk):
    name = await talk()
    await taken_over(ask, name)
    for who, sees in (("Ana", True), ("Ada", False)):
        rows = (await ask(who, "GET", "/conversations?view=mine")).json()["rows"]
        assert (name in [row["conversation"] for row in rows]) is sees


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("view=secret", 422, "invalid_request"),
        ("limit=0", 422, "invalid_request"),
        ("limit=100000", 422, "invalid_request"),
        (f"search={'x' * 300}", 422, "invalid_request"),
        ("before=' or 1=1", 422, "place"),
        ("before=1.a%00b", 422, "place"),
        (f"before={'9' * 30}.c1", 422, "place"),
    ],
)
async def test_a_wrong_query_is_a_problem(ask, query, status, code):
    is_problem(await ask("Ana", "GET", f"/conversations?{query}"), status, code)


async def test_a_search_may_hold_anything(ask):
    for text in ("%00", "'; DROP TABLE", "%25_%5C", "\U0001f9e6"):
        answer = await ask("Ana", "GET", "/conversations", params={"view": "all", "search": text})
        assert answer.status_code == 200, text


async def test_a_conversation_is_folded_as_it_stands_and_as_it_stood(ask, talk, house):
    name = await talk()
    commits = await house.log.load(house.stream(name))
    state = initial("demo", name)
    for commit in commits:
        state = fold(state, commit.version, commit.facts)
        then = await ask("Vic", "GET", f"/conversations/{name}?version={commit.version}")
        assert then.json()["state"] == json.loads(msgspec.json.encode(state))
        assert then.json()["version"] == then.json()["row"]["version"] == commit.version
        later = await ask("Vic", "GET", f"/conversations/{name}?version={commit.version + 1}")
        if commit is not commits[-1] and commits[-1].version == commit.version + 1:
            continue
        assert later.json()["version"] == commit.version
    now = (await ask("Vic", "GET", f"/conversations/{name}")).json()
    assert now["version"] == commits[-1].version
    assert now["row"]["waiting_since"] is not None
    early = await ask("Vic", "GET", f"/conversations/{name}?version={commits[0].version - 1}")
    is_problem(early, 404, "unknown_conversation")


async def test_commits_are_read_from_a_version_on(ask, talk, house):
    name = await talk()
    whole = (await ask("Vic", "GET", f"/conversations/{name}/commits")).json()
    kept = await house.log.load(house.stream(name))
    assert [one["version"] for one in whole] == [commit.version for commit in kept]
    assert [one["hash"] for one in whole] == [commit.hash for commit in kept]
    assert {one["type"] for one in whole} == {"commit"}
    facts = [fact["fact"] for one in whole for fact in one["facts"]]
    assert facts[:3] == ["ConversationStarted.v1", "MessageReceived.v1", "TurnBegun.v1"]
    after = whole[0]["version"]
    rest = (await ask("Vic", "GET", f"/conversations/{name}/commits?after={after}")).json()
    assert rest == whole[1:]
    one = (await ask("Vic", "GET", f"/conversations/{name}/commits?limit=1")).json()
    assert one == whole[:1]
    last = whole[-1]["version"]
    assert (await ask("Vic", "GET", f"/conversations/{name}/commits?after={last}")).json() == []


async def test_an_export_is_what_the_command_line_prints(ask, talk, house):
    name = await talk()
    answer = await ask("Vic", "GET", f"/conversations/{name}/export")
    assert answer.headers["content-type"].startswith("application/jsonl")
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}.jsonl"'
    *lines, last = answer.text.splitlines()
    commits = await house.log.load(house.stream(name))
    assert lines == [line.decode() for commit in commits for line in commit_lines(commit)]
    shown = (await ask("Vic", "GET", f"/conversations/{name}")).json()["state"]
    assert json.loads(last) == {"state": shown}


async def test_a_long_conversation_is_read_page_by_page(gateway, monkeypatch):
    from events.conversation import AnswerRated, ConversationStarted
    from events.log.event_log import Head, NewCommit
    from serve_apps.gateway.operators.board import history

    monkeypatch.setattr(history, "PAGE_COMMITS", 10)
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        await hired(house)
        stream, head = house.stream("long"), Head()
        for n in range(40):
            rated = AnswerRated(at=n + 1, score=1 + n % 5)
            began = ConversationStarted(at=1, tenant="demo", conversation="long")
            facts = (rated,) if n else (began,)
            commit = await house.log.append(
                stream, NewCommit(commit_id=f"k{n}", facts=facts), expected=head
            )
            head = commit.head
        headers = await bearer(client)
        path = "/v1/operator/conversations/long"
        shown = (await client.get(path, headers=headers)).json()
        assert (shown["version"], shown["row"]["rating"]) == (head.version, 5)
        exported = (await client.get(f"{path}/export", headers=headers)).text.splitlines()
        assert len(exported) == 41


async def test_related_are_the_same_visitors_others(ask, talk):
    one, two = await talk(visitor="v-7"), await talk(visitor="v-7")
    await talk(visitor="v-8")
    rows = (await ask("Vic", "GET", f"/conversations/{one}/related")).json()["rows"]
    assert [row["conversation"] for row in rows] == [two]


# Orders.


async def test_an_operator_takes_over_replies_and_resolves(ask, talk, house):
    name = await talk()
    path = f"/conversations/{name}/orders"
    now = await taken_over(ask, name)
    reply = {"type": "reply", "id": f"{name}-r1", "epoch": now, "text": " On its way.\x00 "}
    first = await ask("Ana", "POST", path, json=reply)
    again = await ask("Ana", "POST", path, json=reply)
    assert (first.status_code, first.json()["duplicate"]) == (202, False)
    assert again.json() == first.json() | {"duplicate": True}
    note = {"type": "note", "id": f"{name}-n1", "text": "A patient one."}
    assert (await ask("Ada", "POST", path, json=note)).status_code == 202
    done = {"type": "resolve", "id": f"{name}-done", "epoch": now}
    assert (await ask("Ana", "POST", path, json=done)).status_code == 202
    assert (await ask("Ana", "POST", path, json={"type": "reopen", "id": f"{name}-o"})).is_success
    facts = [fact for commit in await house.log.load(house.stream(name)) for fact in commit.facts]
    said = next(fact for fact in facts if type(fact).__name__ == "OperatorReplied")
    assert (said.message, said.text) == (f"{name}-r1", "On its way.")
    assert (said.operator, said.operator_name) == (house.ids["Ana"], "Ana")
    noted = next(fact for fact in facts if type(fact).__name__ == "NoteAdded")
    assert (noted.operator, noted.operator_name) == (house.ids["Ada"], "Ada")


async def test_a_colleague_is_told_who_has_it_and_may_take_it_openly(ask, talk, house):
    name = await talk()
    now = await taken_over(ask, name)
    path = f"/conversations/{name}/orders"
    order = {"type": "take_over", "id": f"{name}-ada", "epoch": now}
    refused = is_problem(await ask("Ada", "POST", path, json=order), 409, "taken")
    assert "Ana" in refused["detail"]
    reply = {"type": "reply", "id": f"{name}-x", "epoch": now, "text": "Hi"}
    is_problem(await ask("Ada", "POST", path, json=reply), 409, "not_owner")
    openly = order | {"id": f"{name}-ada2", "openly": True}
    assert (await ask("Ada", "POST", path, json=openly)).status_code == 202
    is_problem(await ask("Ana", "POST", path, json=reply), 409, "not_owner")


async def test_who_gives_an_order_stands_in_no_order(ask, talk, house):
    """What a client says of who it is, and of which conversation, is not listened to."""
    name, other = await talk(), await talk()
    note = {
        "type": "note",
        "id": f"{name}-forged",
        "text": "Mine",
        "conversation": other,
        "operator": house.ids["Ada"],
        "operator_name": "Ada",
        "tenant": "other",
        "at": 1,
    }
    answer = await ask("Ana", "POST", f"/conversations/{name}/orders", json=note)
    assert answer.status_code == 202
    (fact,) = (await house.log.last(house.stream(name))).facts
    assert (fact.operator, fact.operator_name, fact.at) == (
        house.ids["Ana"],
        "Ana",
        house.clock.now,
    )


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"id": "a"}, "type"),
        ({"type": "obey", "id": "a"}, "type"),
        ({"type": "take_over", "id": "a"}, "epoch"),
        ({"type": "take_over", "id": "a", "epoch": -1}, "epoch"),
        ({"type": "take_over", "id": "a b", "epoch": 1}, "id"),
        ({"type": "reply", "id": "a", "epoch": 1, "text": ""}, "text"),
        ({"type": "reply", "id": "a", "epoch": 1, "text": "x" * 4001}, "text"),
        ({"type": "reply", "id": "a", "epoch": "1", "text": "x"}, "epoch"),
        ({"type": "release", "id": "a", "epoch": 1, "to": "nobody"}, "to"),
        ({"type": "reject", "id": "a", "epoch": 1, "draft": "d", "reason": ""}, "reason"),
    ],
)
async def test_a_malformed_order_names_its_field(ask, talk, order, field):
    name = await talk()
    answer = await ask("Ana", "POST", f"/conversations/{name}/orders", json=order)
    problem = is_problem(answer, 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_text_of_which_nothing_is_left_is_refused(ask, talk):
    name = await talk()
    order = {"type": "note", "id": "n", "text": " \x00\n "}
    answer = await ask("Ana", "POST", f"/conversations/{name}/orders", json=order)
    is_problem(answer, 422, "message_length")


async def test_every_order_becomes_its_command(house):
    from actors.conversation import commands as c
    from serve_apps.gateway.operators import frames as f
    from serve_apps.gateway.operators.orders.orders import to_command

    me = f.OperatorView(
        operator="op_ana", email="a@b", name="Ana", role="manager", tenant="demo", company=""
    )
    who = {"id": "i", "at": 7, "operator": "op_ana", "operator_name": "Ana"}
    for order, command in [
        (f.TakeOverOrder(id="i", epoch=3, openly=True), c.TakeOver(**who, epoch=3, openly=True)),
        (f.SuperviseOrder(id="i", epoch=3), c.Supervise(**who, epoch=3)),
        (f.ReleaseOrder(id="i", epoch=3, to="queue"), c.Release(**who, epoch=3, to="queue")),
        (f.ReplyOrder(id="i", epoch=3, text=" a "), c.ReplyAsOperator(**who, epoch=3, text="a")),
        (f.NoteOrder(id="i", text="a"), c.AddNote(**who, text="a")),
        (f.ApproveOrder(id="i", epoch=3, draft="d"), c.ApproveDraft(**who, epoch=3, draft="d")),
        (
            f.ApproveOrder(id="i", epoch=3, draft="d", text="b "),
            c.ApproveDraft(**who, epoch=3, draft="d", text="b"),
        ),
        (
            f.RejectOrder(id="i", epoch=3, draft="d", reason="no"),
            c.RejectDraft(**who, epoch=3, draft="d", reason="no"),
        ),
        (f.ResolveOrder(id="i", epoch=3), c.Resolve(**who, epoch=3)),
        (f.ReopenOrder(id="i"), c.Reopen(**who)),
    ]:
        assert to_command(order, me, 7) == command


async def test_a_conversation_that_does_not_answer_may_be_asked_again(ask, talk, house):
    name = await talk()
    house.conversations.down = True
    try:
        order = {"type": "note", "id": "n1", "text": "a"}
        answer = await ask("Ana", "POST", f"/conversations/{name}/orders", json=order)
    finally:
        house.conversations.down = False
    is_problem(answer, 503, "unavailable")


async def test_so_many_orders_at_once_and_no_more(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        await hired(house)
        headers = await bearer(client)
        order, path = {"type": "reopen", "id": "o"}, "/v1/operator/conversations/none/orders"
        answers = await asyncio.gather(
            *(client.post(path, json=order, headers=headers) for _ in range(150))
        )
    codes = [answer.json()["code"] for answer in answers]
    assert set(codes) == {"unknown_conversation", "rate_limited"}
    assert codes.count("unknown_conversation") >= 60


# Who may.


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/conversations/{c}/orders", {"type": "note", "id": "n", "text": "x"}),
        ("PUT", "/canned/hello", {"text": "x"}),
        ("DELETE", "/canned/hello", None),
        ("PUT", "/policy", {}),
    ],
)
async def test_a_viewer_changes_nothing(ask, talk, house, *, method, path, body):
    name = await talk()
    before = await house.log.last(house.stream(name))
    answer = await ask("Vic", method, path.format(c=name), json=body)
    is_problem(answer, 403, "forbidden")
    assert await house.log.last(house.stream(name)) == before


async def test_a_manager_sets_no_policy(ask):
    is_problem(await ask("Ana", "PUT", "/policy", json={}), 403, "forbidden")


async def test_another_companys_conversations_are_not_there(ask, talk, house):
    name = await talk(tenant="other")
    assert (await ask("Otto", "GET", f"/conversations/{name}")).status_code == 200
    before = await house.log.last(house.stream(name, "other"))
    for path in ("", "/commits", "/commits?after=1", "/export", "/related", "?version=999"):
        answer = await ask("Ada", "GET", f"/conversations/{name}{path}")
        is_problem(answer, 404, "unknown_conversation")
    for order in (
        {"type": "note", "id": "n", "text": "x"},
        {"type": "take_over", "id": "t", "epoch": 1},
        {"type": "take_over", "id": "t", "epoch": 1, "tenant": "other"},
    ):
        answer = await ask("Ada", "POST", f"/conversations/{name}/orders", json=order)
        is_problem(answer, 404, "unknown_conversation")
    assert await house.log.last(house.stream(name, "other")) == before
    rows = (await ask("Ada", "GET", "/conversations?view=all&limit=200")).json()["rows"]
    assert name not in [row["conversation"] for row in rows]


async def test_a_conversation_that_never_was_looks_the_same_as_another_companys(ask, talk):
    theirs = await talk(tenant="other")
    for path in ("", "/commits", "/export", "/related"):
        one = await ask("Ada", "GET", f"/conversations/{theirs}{path}")
        two = await ask("Ada", "GET", f"/conversations/never{path}")
        assert (one.status_code, one.content) == (two.status_code, two.content)


@pytest.mark.parametrize("ident", ["a.b", "*", "%3E", "a%00b", "..%2Fx", "x" * 65, "a%0A"])
async def test_what_is_no_id_is_no_conversation(ask, ident):
    for method, path in (("GET", ""), ("GET", "/export"), ("POST", "/orders")):
        answer = await ask(
            "Ana",
            method,
            f"/conversations/{ident}{path}",
            json={"type": "reopen", "id": "o"} if method == "POST" else None,
        )
        assert answer.status_code in (404, 405), answer.text
        assert answer.headers["content-type"] == "application/problem+json"


# The company.


async def test_canned_replies_are_kept_changed_and_removed(ask, house):
    assert (await ask("Vic", "GET", "/canned")).json() == []
    for name, text in (("hi", "Hello!"), ("bye", "Bye!"), ("hi", " Hola \x00")):
        kept = await ask("Ana", "PUT", f"/canned/{name}", json={"text": text})
        assert kept.status_code == 200
    wanted = [{"name": "bye", "text": "Bye!"}, {"name": "hi", "text": "Hola"}]
    await until(lambda: house.hub.operators.canned("demo") == {"hi": "Hola", "bye": "Bye!"})
    assert (await ask("Vic", "GET", "/canned")).json() == wanted
    assert (await ask("Otto", "GET", "/canned")).json() == []
    for name in ("hi", "bye"):
        assert (await ask("Ana", "DELETE", f"/canned/{name}")).status_code == 204
    is_problem(await ask("Ana", "DELETE", "/canned/hi"), 404, "unknown_canned")


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("Hi", {"text": "x"}, "name"),
        ("a" * 33, {"text": "x"}, "name"),
        ("hi", {"text": " "}, "text"),
        ("hi", {"text": "x" * 4001}, "text"),
        ("hi", {"txt": "x"}, "txt"),
        ("hi", {}, "text"),
        ("hi", {"text": "x", "more": 1}, "more"),
    ],
)
async def test_a_canned_reply_that_cannot_be_names_its_field(ask, name, body, field):
    answer = await ask("Ana", "PUT", f"/canned/{name}", json=body)
    problem = is_problem(answer, 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_the_policy_is_read_and_set(ask, house):
    assert (await ask("Vic", "GET", "/policy")).json() == {}
    policy = {
        "words": 0.7,
        "person_phrases": [" put me through "],
        "hours": [{"days": [1, 2], "opens": "09:00", "closes": "18:00"}],
        "timezone": "Europe/Madrid",
    }
    kept = policy | {"person_phrases": ["put me through"]}
    assert (await ask("Ada", "PUT", "/policy", json=policy)).json() == kept
    await until(lambda: house.hub.directory.policy_of("demo").words == 0.7)
    assert (await ask("Vic", "GET", "/policy")).json() == kept
    assert (await ask("Otto", "GET", "/policy")).json() == {}
    assert house.hub.directory.by_id("demo").name == "demo ltd"
    assert (await ask("Ada", "PUT", "/policy", json={})).json() == {}


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"words": 2}, "words"),
        ({"wrds": 0.5}, "wrds"),
        ({"lease_s": 1}, "lease_s"),
        ({"lease_s": 29}, "lease_s"),
        ({"on_lapse": "nobody"}, "on_lapse"),
        ({"hours": [{"days": [9], "opens": "09:00", "closes": "18:00"}]}, "hours[0].days[0]"),
        ({"hours": [{"days": [1], "opens": "9", "closes": "18:00"}]}, "hours[0].opens"),
        ({"hours": [{"days": [], "opens": "09:00", "closes": "18:00"}]}, "hours[0].days"),
        ({"hours": [{"days": [1, 1], "opens": "09:00", "closes": "18:00"}]}, "hours[0].days"),
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"person_phrases": ["ok", " "]}, "person_phrases[1]"),
        ({"never_phrases": ["x" * 201]}, "never_phrases[0]"),
        ({"authority_phrases": ["x"] * 101}, "authority_phrases"),
    ],
)
async def test_a_wrong_policy_names_its_field_and_changes_nothing(ask, policy, field):
    before = (await ask("Ada", "GET", "/policy")).json()
    answer = await ask("Ada", "PUT", "/policy", json=policy)
    problem = is_problem(answer, 422, "invalid_request")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert (await ask("Ada", "GET", "/policy")).json() == before


async def test_colleagues_and_who_is_there(ask, talk, house):
    house.clock.pass_minutes(1)
    name = await talk()
    listed = (await ask("Vic", "GET", "/operators")).json()
    assert [(one["name"], one["role"]) for one in listed] == [
        ("Ana", "manager"),
        ("Vic", "viewer"),
        ("Ada", "admin"),
    ]
    assert "email" not in listed[0]
    assert not any(one["online"] for one in listed)
    await ask("Ana", "POST", f"/conversations/{name}/orders", json={"type": "reopen", "id": "o"})
    await until(lambda: not house.hub._tasks)
    online = {one["name"]: one["online"] for one in (await ask("Vic", "GET", "/operators")).json()}
    assert online == {"Ana": True, "Vic": False, "Ada": False}
    house.clock.pass_minutes(0.6)
    assert not any(one["online"] for one in (await ask("Vic", "GET", "/operators")).json())


async def test_who_reads_a_conversation_is_there_though_they_order_nothing(ask, talk, house):
    """The command line has no socket: an operator who reads and thinks must not lose it."""
    house.clock.pass_minutes(1)
    name = await talk()
    assert (await ask("Ana", "GET", f"/conversations/{name}")).status_code == 200
    await until(lambda: not house.hub._tasks)
    assert await house.hub.presence.last_seen("demo", house.ids["Ana"]) == house.clock.now


async def test_figures_and_the_ledger_are_there(ask, talk, house):
    await talk()
    figures = (await ask("Vic", "GET", "/figures")).json()
    assert figures["at"] == house.clock.now
    assert figures["waiting"] >= 1
    assert (await ask("Vic", "GET", "/drafts?limit=5")).json() == {"rows": []}


async def test_a_draft_is_shown_in_milliseconds_and_without_its_tenant():
    from datetime import UTC, datetime

    from projections.read_models.drafts import DraftRow
    from serve_apps.gateway.operators.board.readings import draft_line

    row = DraftRow(
        tenant="demo",
        conversation="c1",
        draft="d1",
        turn="t1",
        epoch=2,
        text="Hello",
        in_reply_to=("m1",),
        outcome="edited",
        final_text="Hello!",
        edit_distance=1,
        kind="answer",
        locale="en",
        confidence=0.5,
        model="m",
        prompt_version="1",
        proposed_at=datetime(2026, 1, 2, tzinfo=UTC),
        decided_at=datetime(2026, 1, 2, 0, 0, 1, 234000, tzinfo=UTC),
        decided_ms=1234,
    )
    shown = msgspec.to_builtins(draft_line(row))
    assert shown["decided_at"] - shown["proposed_at"] == 1234
    assert (shown["edit_distance"], shown["final_text"]) == (1, "Hello!")
    assert "tenant" not in shown


async def test_lists_may_be_away_while_all_that_rests_on_the_log_goes_on(gateway):
    async with gateway() as house, httpx.AsyncClient(base_url=house.http) as client:
        await hired(house)
        headers = await bearer(client)
        await house.conversations.ask(
            house.stream("c1"), ReceiveMessage(id="m1", at=1, text="Hello")
        )
        house.hub.ports.readings.away = True
        for path in ("conversations", "drafts", "figures", "conversations/c1/related"):
            answer = await client.get(f"/v1/operator/{path}", headers=headers)
            is_problem(answer, 503, "unavailable")
        path = "/v1/operator/conversations/c1"
        for kept in ("", "/commits", "/export"):
            assert (await client.get(f"{path}{kept}", headers=headers)).status_code == 200
        order = {"type": "take_over", "id": "t", "epoch": 1}
        taken = await client.post(f"{path}/orders", json=order, headers=headers)
        assert taken.status_code == 202
        assert (await bearer(client))["Authorization"] != headers["Authorization"]


async def test_the_operator_api_describes_itself(client):
    described = (await client.get("/openapi.json")).json()
    paths = {path for path in described["paths"] if path.startswith("/v1/operator")}
    assert paths == {
        f"/v1/operator{path}"
        for path in (
            "/session",
            "/session/refresh",
            "/me",
            "/conversations",
            "/conversations/{conversation}",
            "/conversations/{conversation}/commits",
            "/conversations/{conversation}/export",
            "/conversations/{conversation}/related",
            "/conversations/{conversation}/orders",
            "/canned",
            "/canned/{name}",
            "/drafts",
            "/figures",
            "/policy",
            "/operators",
        )
    }
    schemas = described["components"]["schemas"]
    text = json.dumps(described)
    named = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert named <= set(schemas)
    assert {"TakeOverOrder", "HandoffPolicy", "State", "CommitFrame", "Row"} <= set(schemas)
    order = described["paths"]["/v1/operator/conversations/{conversation}/orders"]["post"]
    assert "requestBody" in order
    assert "stack" not in text
