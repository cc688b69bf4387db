"""The options by which commands for operators know where to ask, and who asks."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from tandem.home import DEMO_OPERATOR, OPERATOR_SESSIONS

if TYPE_CHECKING:
    from tandem.clients.operator_http import Credentials, OperatorClient

FOR_OPERATORS = "For operators"
"""The heading of these commands in the help."""

Url = Annotated[
    str,
    typer.Option(
        "--url",
        help="A gateway elsewhere, such as https://chat.example.com.",
        envvar="TANDEM_OPERATOR_URL",
    ),
]
Email = Annotated[
    str,
    typer.Option("--email", help="Sign in with this e-mail.", envvar="TANDEM_OPERATOR_EMAIL"),
]
Password = Annotated[
    str,
    typer.Option(
        "--password",
        help="Its password; asked for when not given.",
        envvar="TANDEM_OPERATOR_PASSWORD",
    ),
]
Company = Annotated[
    str, typer.Option("--tenant", help="Where the e-mail works for several companies.")
]
ConversationId = Annotated[
    str, typer.Argument(help="The conversation's id, as `tandem inbox` shows it.", metavar="ID")
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON Lines.")]


def as_operator(url: str, email: str, password: str, tenant: str) -> OperatorClient:
    """A client for these options. What is not given: the house that runs here; the session that
    is kept; the demo's operator, where nothing else is known; a prompt.

    Raises UserError when nothing runs here.
    """
    from tandem.addresses import read_running, web_url  # noqa: PLC0415 help must be quick
    from tandem.clients.operator_http import OperatorClient, SessionFile  # noqa: PLC0415 likewise

    settings = Settings()
    base = url.rstrip("/") or web_url(read_running(settings).settings)

    def find() -> Credentials | None:
        return _credentials(settings, email, password, tenant, here=not url)

    sessions = SessionFile(settings.home_dir / OPERATOR_SESSIONS)
    return OperatorClient(base, sessions, find, whose=email, tenant=tenant)


def _credentials(
    settings: Settings, email: str, password: str, tenant: str, *, here: bool
) -> Credentials | None:
    from tandem.clients.operator_http import Credentials  # noqa: PLC0415 help must be quick

    demo = settings.home_dir / DEMO_OPERATOR
    if here and not password and demo.exists():
        lines = demo.read_text().splitlines()
        if len(lines) == 2 and email in ("", lines[0]):
            return Credentials(email=lines[0], password=lambda: lines[1], tenant=tenant)
    if not email or not password:
        if not _somebody_is_there():
            return None
        email = email or str(typer.prompt("E-mail", err=True))
    return Credentials(
        email=email,
        password=lambda: password or str(typer.prompt("Password", hide_input=True, err=True)),
        tenant=tenant,
    )


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and not os.environ.get("CI")
