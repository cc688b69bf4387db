"""`tandem policy [FILE]`: when a person is called, printed or set as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tandem.errors import UserError
from tandem.operator_options import FOR_OPERATORS, Company, Email, Password, Url, as_operator

PANEL = FOR_OPERATORS


def policy(
    file: Annotated[
        str,
        typer.Argument(
            help="A JSON file that becomes the policy, `-` for stdin; printed when not given.",
            metavar="[FILE]",
        ),
    ] = "",
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """Print when a person is called and what happens then, or set it from a JSON file.

    A file holds what differs from the defaults: what it leaves out is at its default again.
    """
    wanted = _read(file) if file else None
    with as_operator(url, email, password, tenant) as operator:
        kept = operator.get("/policy") if wanted is None else operator.put("/policy", wanted)
    if wanted is None:
        print(json.dumps(_whole(kept), indent=2, ensure_ascii=False))
    else:
        print("the policy is set")


def _read(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{file} is no JSON: {error}") from None


def _whole(kept: dict[str, Any]) -> dict[str, Any]:
    """With what is at its default, so that the print can be edited and set again."""
    import msgspec

    from events.tenancy import HandoffPolicy

    default = HandoffPolicy()
    names = HandoffPolicy.__struct_fields__
    return {name: msgspec.to_builtins(getattr(default, name)) for name in names} | kept
