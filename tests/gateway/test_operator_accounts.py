"""Operators' accounts: what may be added, changed and removed, and how everyone learns of it."""

from __future__ import annotations

import asyncio
import time

import pytest
from gateway_house import House
from operator_house import cheap_passwords

from events.log.memory import MemoryLog
from events.log.stream import operators_stream
from serve_apps.gateway.operators.accounts.accounts import (
    add_operator,
    change,
    change_operator,
    list_operators,
    load_roster,
    remove_operator,
)
from serve_apps.gateway.operators.accounts.directory import OperatorDirectory
from serve_apps.gateway.operators.accounts.passwords import Busy, Passwords
from serve_apps.gateway.operators.accounts.roster import AccountError, rehashing

PASSWORD = "a long enough password"


@pytest.fixture
async def log():
    log = MemoryLog()
    for tenant in ("demo", "other"):
        await House(log, None, None).configure(tenant, f"pk_{tenant}", ("loopback",))
    return log


async def added(log, tenant="demo", **fields):
    asked = {"email": "ana@shop.example", "name": "Ana", "role": "manager", "password": PASSWORD}
    return await add_operator(
        log, tenant, at=1_000, passwords=cheap_passwords(), **(asked | fields)
    )


async def followed(log):
    directory = OperatorDirectory()
    for tenant in ("demo", "other"):
        for commit in await log.load(operators_stream(tenant)):
            directory.take(commit)
    return directory


async def refused(code, asked):
    with pytest.raises(AccountError) as no:
        await asked
    assert no.value.code == code
    assert no.value.detail == str(no.value)


async def test_an_added_operator_has_a_readable_id_that_rests_on_the_command_alone(log):
    ident = await added(log, name="  Ana\n María ")
    again = MemoryLog()
    await House(again, None, None).configure("demo", "pk", ())
    assert ident == await added(again, name="  Ana\n María ")
    assert ident.startswith("op_ana_")
    (account,) = await list_operators(log, "demo")
    assert (account.operator, account.email, account.name) == (
        ident,
        "ana@shop.example",
        "Ana María",
    )
    assert account.password.startswith("$argon2id$")
    assert PASSWORD not in account.password


async def test_an_email_is_compared_without_regard_to_how_it_is_typed(log):
    await added(log)
    await refused("email_taken", added(log, email=" ANA@Shop.Example "))
    await added(log, "other")  # another company's operator may have the same
    directory = await followed(log)
    assert [p.tenant for p in directory.by_email("Ana@shop.example")] == ["demo", "other"]
    assert [p.tenant for p in directory.by_email("ana@shop.example", "other")] == ["other"]


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("email", {"email": "ana"}),
        ("email", {"email": "ana@"}),
        ("email", {"email": "a b@shop.example"}),
        ("email", {"email": "ana@shop..example"}),
        ("email", {"email": f"{'a' * 65}@shop.example"}),
        ("email", {"email": "a@b@c"}),
        ("name", {"name": " \n "}),
        ("name", {"name": "x" * 81}),
        ("role", {"role": "owner"}),
        ("password", {"password": "short"}),
        ("password", {"password": "x" * 300}),
        ("password", {"password": "aaaaaaaaaaaa"}),
        ("password", {"password": "ana@shop.example"}),
        ("unknown_tenant", {"tenant": "nobody"}),
        ("unknown_tenant", {"tenant": "not.a.token"}),
    ],
)
async def test_what_cannot_be_an_account_is_refused_with_its_reason(log, code, fields):
    await refused(code, added(log, **fields))
    assert await list_operators(log, "demo") == []


async def test_two_who_add_the_same_email_at_once_get_one_account(log):
    tries = await asyncio.gather(*(added(log) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, str) for one in tries) == 1
    assert all(one.code == "email_taken" for one in tries if isinstance(one, AccountError))
    assert len(await list_operators(log, "demo")) == 1


async def test_operators_added_at_once_are_all_there(log):
    await asyncio.gather(*(added(log, email=f"o{n}@shop.example") for n in range(6)))
    assert len(await list_operators(log, "demo")) == 6


async def test_a_new_role_or_password_moves_the_stamp_and_a_new_name_does_not(log):
    ident = await added(log)
    stamps = []
    for fields in (
        {"name": "Anna"},
        {"role": "manager"},
        {"role": "viewer"},
        {"password": "b" + PASSWORD},
    ):
        account = await change_operator(
            log, "demo", "ana@shop.example", at=2, passwords=cheap_passwords(), **fields
        )
        stamps.append(account.stamp)
    first, same_role, new_role, new_password = stamps
    assert first == same_role < new_role < new_password
    account = (await followed(log)).account("demo", ident)
    assert (account.name, account.role, account.stamp) == ("Anna", "viewer", new_password)


async def test_a_rehash_keeps_the_stamp_and_never_undoes_a_new_password(log):
    ident = await added(log)
    before = (await list_operators(log, "demo"))[0]

    async def rehash(old, new):
        decide = lambda roster: rehashing(roster, ident, old=old, new=new, at=2)  # noqa: E731
        return (await change(log, "demo", decide)).accounts[ident]

    after = await rehash(before.password, "$newer")
    assert (after.password, after.stamp) == ("$newer", before.stamp)
    assert (await rehash("$another", "$late")).password == "$newer"


async def test_a_removed_operator_is_gone_and_the_id_is_not_given_again(log):
    ident = await added(log)
    assert await remove_operator(log, "demo", "ana@shop.example", at=2) == ident
    assert await list_operators(log, "demo") == []
    assert (await followed(log)).by_email("ana@shop.example") == ()
    await refused("unknown_operator", remove_operator(log, "demo", ident, at=3))
    assert await added(log) != ident
    roster, _ = await load_roster(log, "demo")
    assert roster.left == {ident: "ana@shop.example"}


async def test_one_tenants_operator_is_unknown_to_another(log):
    ident = await added(log)
    await refused("unknown_operator", change_operator(log, "other", ident, name="X", at=2))
    assert (await followed(log)).account("other", ident) is None


async def test_a_password_is_checked_and_nobodys_takes_as_long():
    passwords = Passwords()
    kept = await passwords.hash(PASSWORD)
    assert await passwords.verify(kept, PASSWORD)
    assert not await passwords.verify(kept, PASSWORD + "x")

    async def seconds(of):
        began = time.process_time()  # the work, whoever else uses the machine
        assert not await passwords.verify(of, "wrong")
        return time.process_time() - began

    known, nobody = await seconds(kept), await seconds(None)
    assert 0.5 < nobody / known < 2
    assert not passwords.is_old(kept)
    assert passwords.is_old(await cheap_passwords().hash(PASSWORD))
    passwords.close()


async def test_letters_are_compared_as_they_look():
    passwords = cheap_passwords()
    kept = await passwords.hash("contraseña larga")
    assert await passwords.verify(kept, "contrasen\u0303a larga")


async def test_a_damaged_hash_lets_nobody_in():
    passwords = cheap_passwords()
    for damaged in ("", "$argon2id$", "plain"):
        assert not await passwords.verify(damaged, damaged)


async def test_no_more_than_so_many_passwords_wait():
    passwords = cheap_passwords()
    tries = [passwords.verify(None, "x") for _ in range(100)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, Busy) for one in done) == 100 - 34
    assert await passwords.verify(None, "x") is False
