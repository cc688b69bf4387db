"""`tandem inbox`, `takeover`, `reply`, ... against the real gateway over a log in memory."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from operator_command import Terminal, house_runs
from operator_house import PASSWORD, hired

from actors.conversation import commands as c
from actors.conversation.decide import fold, initial


def now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
async def house():
    """Ana and Ben answer, Vic only looks on, Ada rules."""
    from gateway_house import serving

    async with serving() as running:
        for name, role in (("Ana", "manager"), ("Ben", "manager"), ("Vic", "viewer")):
            await hired(running, name, role=role)
        await hired(running, "Ada", role="admin")
        yield running


@pytest.fixture
def at(house, tmp_path):
    """`at("Ana")` is a terminal at which Ana works."""

    def terminal(name: str) -> Terminal:
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        return Terminal(
            home,
            url=house.http,
            TANDEM_OPERATOR_EMAIL=f"{name.lower()}@shop.example",
            TANDEM_OPERATOR_PASSWORD=PASSWORD,
        )

    return terminal


@pytest.fixture
def talk(house):
    """A conversation where the visitor asked something, and then for a person."""
    count = itertools.count(1)

    async def begin(*, text: str = "Where is my order?", wants_person: bool = True, **more) -> str:
        name = f"c{now()}-{next(count)}"
        stream = house.stream(name)
        said = c.ReceiveMessage(id="m1", at=now(), text=text, locale="en", **more)
        await house.conversations.ask(stream, said)
        if wants_person:
            asked = c.RequestHandoff(id="h1", at=now(), evidence="pressed the button")
            await house.conversations.ask(stream, asked)
        return name

    return begin


async def state(house, conversation: str):
    stream = house.stream(conversation)
    found = initial(stream.tenant, stream.id)
    for commit in await house.log.load(stream):
        found = fold(found, commit.version, commit.facts)
    return found


async def test_a_conversation_is_found_taken_answered_and_given_back(house, at, talk) -> None:
    ana, name = at("Ana"), await talk()
    listed = await ana.done("inbox")
    (line,) = [line for line in listed.splitlines() if name in line]
    assert "asked" in line
    assert "the AI" in line
    assert "Where is my order?" in line

    taken = await ana.done("takeover", name)
    assert f"{name}  with Ana" in taken
    assert "called: asked: pressed the button" in taken
    assert "visitor  Where is my order?" in taken
    assert f"tandem reply {name}" in taken
    assert (await state(house, name)).operator_name == "Ana"
    assert name not in await ana.done("inbox")
    assert name in await ana.done("inbox", "--view", "mine")

    assert await ana.done("reply", name, "It left this morning.") == "sent\n"
    assert (await state(house, name)).memory.window[-1].text == "It left this morning."
    assert await ana.done("note", name, "third time she asks") == "noted\n"
    assert await ana.done("release", name) == "the AI has it\n"
    assert (await state(house, name)).mode == "ai"


async def test_a_conversation_is_passed_on_resolved_and_opened_again(house, at, talk) -> None:
    ana, name = at("Ana"), await talk()
    await ana.done("takeover", name)
    assert await ana.done("release", name, "--to", "queue") == "it waits for a colleague\n"
    assert (await state(house, name)).handoff.reason == "operator_choice"
    assert name in await ana.done("inbox")
    assert await ana.done("resolve", name) == "resolved\n"
    assert (await state(house, name)).resolved
    assert name in await ana.done("inbox", "--view", "resolved")
    assert await ana.done("reopen", name) == "open again\n"
    assert not (await state(house, name)).resolved


async def test_a_draft_is_shown_and_let_out_mended_or_rejected(house, at, talk) -> None:
    ana, name = at("Ana"), await talk(wants_person=False)
    await ana.done("supervise", name)
    assert (await state(house, name)).mode == "supervised"
    assert "no draft waits" in await ana.refused("approve", name)

    await house.conversations.answer(house.stream(name), "In two days, I think.")
    assert "In two days, I think." in await ana.done("look", name)
    assert "draft waits" in await ana.done("inbox", "--view", "mine")
    out = await ana.done("approve", name, "--text", "In two days.")
    assert out == "sent, with your text\n"
    assert (await state(house, name)).memory.window[-1].text == "In two days."

    said = c.ReceiveMessage(id="m2", at=now(), text="Sure?")
    await house.conversations.ask(house.stream(name), said)
    await house.conversations.answer(house.stream(name), "Who knows.")
    assert "rejected" in await ana.done("reject", name, "--reason", "rude")
    assert (await state(house, name)).draft is None


async def test_who_comes_second_is_told_who_has_it_and_may_take_it_openly(house, at, talk) -> None:
    ana, ben, name = at("Ana"), at("Ben"), await talk()
    await ana.done("takeover", name)
    told = await ben.refused("takeover", name)
    assert told == f"Ana has this conversation: tandem takeover {name} --openly takes it"
    assert await ben.refused("reply", name, "hi") == "Ana has this conversation"
    assert "with Ben" in await ben.done("takeover", name, "--openly")
    assert await ana.refused("release", name) == "Ben has this conversation"


async def test_an_order_that_comes_too_late_says_who_has_it_now(house, at, talk) -> None:
    """Between the look at the epoch and the order, Ben takes it over."""
    ana, name = at("Ana"), await talk()
    ask, stream = house.conversations.ask, house.stream(name)

    async def overtaken(asked, command):
        if isinstance(command, c.Resolve):
            house.conversations.ask = ask
            epoch = (await state(house, name)).epoch
            ben = {"operator": "b", "operator_name": "Ben", "epoch": epoch}
            await ask(stream, c.TakeOver(id="t", at=now(), openly=True, **ben))
            await ask(stream, c.Release(id="r", at=now(), **ben | {"epoch": epoch + 1}))
        return await ask(asked, command)

    house.conversations.ask = overtaken
    told = await ana.refused("resolve", name)
    assert told == "the conversation changed hands meanwhile: the AI has it now"


async def test_an_order_is_sent_again_with_its_id_while_no_shard_answers(house, at, talk) -> None:
    ana, name = at("Ana"), await talk()
    ask, failures = house.conversations.ask, itertools.count(1)

    async def shaky(stream, command):
        from actors.ports import Unavailable

        outcome = await ask(stream, command)
        if isinstance(command, c.TakeOver) and next(failures) < 3:
            raise Unavailable("done, but the answer was lost")
        return outcome

    house.conversations.ask = shaky
    try:
        await ana.done("takeover", name)
    finally:
        house.conversations.ask = ask
    assert next(failures) == 4
    changes = [
        fact
        for commit in await house.log.load(house.stream(name))
        for fact in commit.facts
        if type(fact).__name__ == "ModeChanged"
    ]
    assert len(changes) == 1


async def test_a_list_for_machines_is_json_lines_over_all_pages(house, at, talk) -> None:
    ana, text = at("Ana"), f"needle {now()}"
    names = [await talk(text=text, wants_person=False) for _ in range(103)]
    asked = ("inbox", "--view", "all", "--search", text, "--json")
    out = await ana.done(*asked, "--limit", "102")
    rows = [json.loads(line) for line in out.splitlines()]
    found = {row["conversation"] for row in rows}
    assert len(rows) == len(found) == 102
    assert found < set(names)
    assert len((await ana.done(*asked, "--limit", "200")).splitlines()) == 103


async def test_a_search_in_vain_says_so(at) -> None:
    out = await at("Ana").done("inbox", "--view", "all", "--search", "no such words")
    assert out == "nothing was found\n"


async def test_what_a_visitor_wrote_cannot_steer_the_terminal(house, at, talk) -> None:
    ana, name = at("Ana"), await talk(text="\x1b[31mred\x1b]0;title\x07 [bold]loud[/bold]")
    for out in (await ana.done("inbox"), await ana.done("look", name)):
        assert "\x1b" not in out
        assert "\x07" not in out
        assert "[bold]loud[/bold]" in out


async def test_a_viewer_may_look_and_no_more(house, at, talk) -> None:
    vic, name = at("Vic"), await talk()
    assert name in await vic.done("inbox")
    assert "viewer" in await vic.refused("takeover", name)
    assert (await state(house, name)).operator == ""


async def test_what_is_not_there_is_said_in_one_line(at) -> None:
    ana = at("Ana")
    for command in (("takeover", "nowhere"), ("look", "nowhere"), ("note", "nowhere", "x")):
        assert "no conversation" in await ana.refused(*command)
    assert await ana.refused("look", "../me")


# The session.


async def test_one_sign_in_serves_until_it_is_over(house, at, talk, monkeypatch) -> None:
    ana, kept = at("Ana"), at("Ana").home / "operator-sessions"
    await ana.done("inbox")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in kept.read_text()
    no_password = {"TANDEM_OPERATOR_PASSWORD": ""}
    await ana.done("inbox", **no_password)

    # an old token is refreshed by the cookie, which is a new one then
    sessions = json.loads(kept.read_text())
    old = dict(sessions[house.http])
    sessions[house.http]["expires_at"] = 1
    kept.write_text(json.dumps(sessions))
    await ana.done("inbox", **no_password)
    new = json.loads(kept.read_text())[house.http]
    assert new["cookie"] != old["cookie"]
    assert new["expires_at"] > now()

    # a token that the gateway does not take is refreshed too
    sessions[house.http] = new | {"token": "x.y.z"}
    kept.write_text(json.dumps(sessions))
    await ana.done("inbox", **no_password)

    # a session that is over needs the password
    sessions[house.http] = {**new, "token": "x.y.z", "cookie": "gone"}
    kept.write_text(json.dumps(sessions))
    assert "who are you?" in await ana.refused("inbox", **no_password)
    await ana.done("inbox")
    kept.write_text("{ damaged")
    await ana.done("inbox")


async def test_another_e_mail_is_another_session(at) -> None:
    ana = at("Ana")
    await ana.done("policy")
    await ana.done("policy", "--email", "ben@shop.example")
    assert "ben@shop.example" in (ana.home / "operator-sessions").read_text()


async def test_a_wrong_password_and_nobody_at_all_are_told(at, house) -> None:
    ana = at("Ana")
    told = await ana.refused("inbox", "--email", "nobody@shop.example", "--password", "x" * 12)
    assert "e-mail" in told or "password" in told
    nobody = Terminal(ana.home, url=house.http)
    assert "who are you?" in await nobody.refused("inbox")


async def test_the_demos_operator_is_used_where_nothing_else_is_given(house, tmp_path) -> None:
    house_runs(tmp_path, port=house.port)
    (tmp_path / "demo-operator").write_text(f"ana@shop.example\n{PASSWORD}\n")
    here = Terminal(tmp_path)
    assert await here.done("inbox", "--view", "mine", "--search", "nothing at all")
    sessions = (tmp_path / "operator-sessions").read_text()
    assert "ana@shop.example" in sessions
    assert f"http://127.0.0.1:{house.port}" in sessions


async def test_without_a_house_or_a_gateway_one_line_says_so(tmp_path) -> None:
    nowhere = Terminal(tmp_path)
    assert "nothing is running here" in await nowhere.refused("inbox")
    given = ("--email", "a@b.example", "--password", PASSWORD)
    told = await nowhere.refused("inbox", "--url", "http://127.0.0.1:9", *given)
    assert told.startswith("no gateway answers at http://127.0.0.1:9")


# The policy.


async def test_the_policy_is_printed_whole_edited_and_set(house, at, tmp_path) -> None:
    ada, file = at("Ada"), tmp_path / "policy.json"
    policy = json.loads(await ada.done("policy"))
    assert policy["unanswered_turns"] == 2
    assert policy["hours"] == []
    policy["unanswered_turns"] = 3
    policy["hours"] = [{"days": [1, 2], "opens": "09:00", "closes": "17:30"}]
    policy["timezone"] = "Europe/Madrid"
    file.write_text(json.dumps(policy))
    assert await ada.done("policy", str(file)) == "the policy is set\n"
    assert json.loads(await ada.done("policy")) == policy
    out = await ada.done("policy", "-", stdin='{"silent": true}')
    assert out == "the policy is set\n"
    assert json.loads(await ada.done("policy"))["unanswered_turns"] == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"lease_s": 1}', "lease_s"),
        ('{"wordz": 0.5}', "wordz"),
        ('{"hours": [{"days": [1], "opens": "9", "closes": "17:00"}]}', "hours"),
        ('{"timezone": "Mars/Olympus"}', "timezone: 'Mars/Olympus' is no IANA time zone"),
        ("{", "policy.json is no JSON: Expecting"),
    ],
)
async def test_a_policy_that_cannot_be_names_the_wrong_field(at, tmp_path, text, told) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    assert told in await at("Ada").refused("policy", str(file))


async def test_only_an_admin_sets_the_policy(at) -> None:
    assert await at("Ana").refused("policy", "-", stdin="{}")
    assert "no such file" in (await at("Ada").refused("policy", "nofile.json")).lower()
