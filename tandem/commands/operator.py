"""`tandem operator add|list|change|password|remove`: who may sign in, straight into the log."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from config.settings import Settings
from tandem.addresses import read_running
from tandem.errors import UserError
from tandem.operator_options import FOR_OPERATORS, AsJson

if TYPE_CHECKING:
    from events.log.event_log import EventLog

PANEL = FOR_OPERATORS
GROUP = typer.Typer(
    help="Add, list, change and remove operators: the people who may sign in.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Tenant = Annotated[str, typer.Option(help="The company they work for.")]
Who = Annotated[str, typer.Argument(help="An operator's e-mail or id.", metavar="WHO")]
NewPassword = Annotated[
    str, typer.Option("--password", help="10 to 256 characters; asked for when not given.")
]
T = TypeVar("T")


class Role(StrEnum):
    admin = "admin"
    manager = "manager"
    viewer = "viewer"


@GROUP.command()
def add(
    email: Annotated[str, typer.Argument(help="What they sign in with.")],
    name: Annotated[str, typer.Option(help="What visitors and colleagues read.", prompt=True)],
    role: Annotated[
        Role, typer.Option(help="A viewer only looks on, an admin also changes settings.")
    ] = Role.manager,
    password: NewPassword = "",
    tenant: Tenant = "demo",
) -> None:
    """Add an operator."""
    from serve_apps.gateway.operators.accounts.accounts import add_operator

    chosen = password or _ask_password()

    async def act(log: EventLog) -> str:
        return await add_operator(
            log, tenant, email=email, name=name, role=role.value, password=chosen, at=_now()
        )

    print(f"{_with_log(act)} may sign in as {email}")


@GROUP.command("list")
def list_all(tenant: Tenant = "demo", as_json: AsJson = False) -> None:
    """List the operators of a company."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from serve_apps.gateway.operators.accounts.accounts import list_operators

    accounts = _with_log(lambda log: list_operators(log, tenant))
    columns = ("operator", "email", "name", "role")
    rows = [{column: str(getattr(one, column)) for column in columns} for one in accounts]
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        print(f"{tenant} has no operators yet: tandem operator add")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row.values()))
    Console().print(table)


@GROUP.command()
def change(
    who: Who,
    name: Annotated[str, typer.Option(help="Another name.")] = "",
    role: Annotated[Role | None, typer.Option(help="Another role: ends their sessions.")] = None,
    tenant: Tenant = "demo",
) -> None:
    """Change an operator's name or role."""
    from serve_apps.gateway.operators.accounts.accounts import change_operator

    if not name and role is None:
        raise UserError("say what changes: --name or --role")
    account = _with_log(
        lambda log: change_operator(
            log, tenant, who, name=name, role=role.value if role else "", at=_now()
        )
    )
    print(f"{account.email} is {account.name}, {account.role}")


@GROUP.command()
def password(who: Who, password: NewPassword = "", tenant: Tenant = "demo") -> None:
    """Set another password; it ends the operator's sessions."""
    from serve_apps.gateway.operators.accounts.accounts import change_operator

    chosen = password or _ask_password()
    account = _with_log(lambda log: change_operator(log, tenant, who, password=chosen, at=_now()))
    print(f"{account.email} has another password")


@GROUP.command()
def remove(who: Who, tenant: Tenant = "demo") -> None:
    """Remove an operator: they sign in no more; what they did stays theirs."""
    from serve_apps.gateway.operators.accounts.accounts import remove_operator

    print(f"{_with_log(lambda log: remove_operator(log, tenant, who, at=_now()))} is removed")


def _with_log(act: Callable[[EventLog], Awaitable[T]]) -> T:
    """Do it over the running house's log. Raises UserError where it cannot be done."""
    return asyncio.run(_acted(read_running(Settings()).nats_url, act))


async def _acted(nats_url: str, act: Callable[[EventLog], Awaitable[T]]) -> T:
    from events.jetstream.log import JetStreamLog
    from events.log.event_log import LogError
    from serve_apps.gateway.operators.accounts.roster import AccountError

    try:
        log = await JetStreamLog.connect(nats_url, name="tandem-operator")
        try:
            return await act(log)
        finally:
            await log.close()
    except AccountError as error:
        raise UserError(str(error)) from None
    except LogError as error:
        raise UserError(f"the log does not answer: {error}") from None


def _ask_password() -> str:
    if not sys.stdin.isatty():
        raise UserError("no password: --password, or a terminal to type it in")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _now() -> int:
    return time.time_ns() // 1_000_000
