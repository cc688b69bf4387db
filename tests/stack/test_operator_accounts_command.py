"""`tandem operator add|list|change|password|remove`, straight into the log of a running house."""

from __future__ import annotations

import json
import uuid

import pytest
from operator_command import Terminal, house_runs

PASSWORD = "correct horse battery"


@pytest.fixture
async def desk(nats_server, tmp_path):
    """(terminal, tenant, log): a house that runs, and a company of the test's own."""
    from events.jetstream.log import JetStreamLog
    from events.log.event_log import EMPTY, NewCommit
    from events.log.stream import tenancy_stream
    from events.tenancy import TenantConfigured

    tenant = f"cmd-{uuid.uuid4().hex[:8]}"
    log = await JetStreamLog.connect(nats_server)
    await log.ensure_streams()
    fact = TenantConfigured(at=1, tenant=tenant, name="Shop", keys=(f"pk_{tenant}",), origins=())
    new = NewCommit(commit_id=tenant, facts=(fact,))
    await log.append(tenancy_stream(tenant), new, expected=EMPTY)
    house_runs(tmp_path, nats_url=nats_server)
    yield Terminal(tmp_path), tenant, log
    await log.close()


async def test_an_operator_is_added_listed_changed_and_removed(desk) -> None:
    from serve_apps.gateway.operators.accounts.accounts import list_operators
    from serve_apps.gateway.operators.accounts.passwords import Passwords

    terminal, tenant, log = desk
    of = ("--tenant", tenant)
    assert "no operators yet" in await terminal.done("operator", "list", *of)
    added = await terminal.done(
        "operator", "add", "Ana@Shop.example", "--name", "Ana", "--password", PASSWORD, *of
    )
    ident = added.split()[0]
    assert added == f"{ident} may sign in as Ana@Shop.example\n"
    (row,) = [
        json.loads(line)
        for line in (await terminal.done("operator", "list", "--json", *of)).splitlines()
    ]
    assert row == {
        "operator": ident,
        "email": "ana@shop.example",
        "name": "Ana",
        "role": "manager",
    }
    table = await terminal.done("operator", "list", *of)
    assert PASSWORD not in table
    assert "argon2" not in table

    out = await terminal.done(
        "operator", "change", "ana@shop.example", "--role", "admin", "--name", "Ana Ruiz", *of
    )
    assert out == "ana@shop.example is Ana Ruiz, admin\n"
    await terminal.done("operator", "password", ident, "--password", "another long one", *of)
    (account,) = await list_operators(log, tenant)
    passwords = Passwords()
    assert await passwords.verify(account.password, "another long one")
    passwords.close()

    assert await terminal.done("operator", "remove", ident, *of) == f"{ident} is removed\n"
    assert await list_operators(log, tenant) == []


async def test_what_cannot_be_is_one_line(desk) -> None:
    terminal, tenant, _ = desk
    of = ("--tenant", tenant, "--password", PASSWORD, "--name", "Ana")
    add = ("operator", "add")
    assert "no e-mail address" in await terminal.refused(*add, "ana", *of)
    assert "10 to 256 characters" in await terminal.refused(
        *add, "a@b.example", "--name", "A", "--password", "short", "--tenant", tenant
    )
    assert "no password" in await terminal.refused(
        *add, "a@b.example", "--name", "A", "--tenant", tenant
    )
    assert "no tenant" in await terminal.refused(
        *add, "a@b.example", "--name", "A", "--password", PASSWORD, "--tenant", "nowhere"
    )
    assert "no operator 'x'" in await terminal.refused("operator", "remove", "x", *of[:2])
    assert "say what changes" in await terminal.refused("operator", "change", "x", *of[:2])
    await terminal.done(*add, "ana@shop.example", *of)
    assert "already" in await terminal.refused(*add, "ANA@shop.example", *of)
