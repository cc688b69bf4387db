"""The demo's operator: made once, told to whoever runs the house, never brought back."""

from __future__ import annotations

import pytest

from events.log.event_log import NewCommit
from events.log.memory import MemoryLog
from events.log.stream import operators_stream, tenancy_stream
from events.tenancy import HandoffConfigured, HandoffPolicy, TenantConfigured


@pytest.fixture
def demo():
    from tandem.wiring import demo

    return demo


@pytest.fixture
async def log(demo):
    log = MemoryLog()
    await demo._configure(log)
    return log


async def sign_in(demo, log, home):
    """The password in the file, which must be the operator's."""
    from argon2 import PasswordHasher

    email, password = (home / "demo-operator").read_text().splitlines()
    (account,) = await demo_accounts(log)
    assert (account.email, account.name, account.role) == (email, "Ana", "admin")
    assert PasswordHasher().verify(account.password, password)
    return password


async def demo_accounts(log):
    from serve_apps.gateway.operators.accounts.accounts import list_operators

    return await list_operators(log, "demo")


async def test_the_first_start_makes_one_operator_and_canned_replies_in_two_languages(
    demo, log, tmp_path
):
    from serve_apps.gateway.operators.accounts.accounts import load_roster

    await demo.seed_operator(log, tmp_path)
    await sign_in(demo, log, tmp_path)
    assert (tmp_path / "demo-operator").stat().st_mode & 0o777 == 0o600
    canned = (await load_roster(log, "demo"))[0].canned
    assert {"hello", "hola", "anything-else", "algo-mas"} <= set(canned)


async def test_a_later_start_changes_nothing(demo, log, tmp_path):
    await demo.seed_operator(log, tmp_path)
    password, last = await sign_in(demo, log, tmp_path), await log.last(operators_stream("demo"))
    await demo.seed_operator(log, tmp_path)
    assert await sign_in(demo, log, tmp_path) == password
    assert await log.last(operators_stream("demo")) == last


async def test_a_lost_file_means_a_new_password(demo, log, tmp_path):
    await demo.seed_operator(log, tmp_path)
    before = await sign_in(demo, log, tmp_path)
    (tmp_path / "demo-operator").unlink()
    await demo.seed_operator(log, tmp_path)
    assert await sign_in(demo, log, tmp_path) != before


async def test_who_was_removed_is_not_brought_back(demo, log, tmp_path):
    from serve_apps.gateway.operators.accounts.accounts import remove_operator

    await demo.seed_operator(log, tmp_path)
    await remove_operator(log, "demo", demo.EMAIL, at=2)
    await demo.seed_operator(log, tmp_path)
    assert await demo_accounts(log) == []
    assert not (tmp_path / "demo-operator").exists()


async def test_a_policy_of_the_demo_is_kept_over_starts(demo, log):
    stream = tenancy_stream("demo")
    last = await log.last(stream)
    fact = HandoffConfigured(at=5, policy=HandoffPolicy(words=0.9))
    await log.append(stream, NewCommit(commit_id="p", facts=(fact,)), expected=last.head)
    await demo._configure(log)
    facts = [fact for commit in await log.load(stream) for fact in commit.facts]
    assert [type(fact) for fact in facts] == [TenantConfigured, HandoffConfigured]


def test_the_terminal_shows_how_to_sign_in(tmp_path):
    from config.settings import Settings
    from tandem.home import OURS
    from tandem.local_deployment import _demo_sign_in

    settings = Settings(home=tmp_path)
    assert _demo_sign_in(settings) == ()
    (tmp_path / "demo-operator").write_text("ana@casa-lumen.example\nsecret\n")
    assert [line.split() for line in _demo_sign_in(settings)] == [
        ["e-mail", "ana@casa-lumen.example"],
        ["password", "secret"],
    ]
    assert "demo-operator" in OURS  # --fresh forgets it with the operator
