"""`tandem inbox`: who waits for a person, and who has what."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from tandem.operator_options import (
    FOR_OPERATORS,
    AsJson,
    Company,
    Email,
    Password,
    Url,
    as_operator,
)

PANEL = FOR_OPERATORS
PAGE = 100
NOTHING = {
    "unassigned": "nobody waits",
    "mine": "you have no conversation",
    "all": "no open conversations",
    "resolved": "nothing is resolved yet",
}


class View(StrEnum):
    unassigned = "unassigned"
    mine = "mine"
    all = "all"
    resolved = "resolved"


def inbox(  # noqa: PLR0917 # Typer names them on the command line
    view: Annotated[View, typer.Option(help="Which conversations.")] = View.unassigned,
    search: Annotated[str, typer.Option(help="Only those in which this was said.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 20,
    as_json: AsJson = False,
    url: Url = "",
    email: Email = "",
    password: Password = "",
    tenant: Company = "",
) -> None:
    """List conversations as the console does: those that wait longest first, then the newest."""
    from tandem.output.operators import print_inbox

    rows: list[dict[str, Any]] = []
    with as_operator(url, email, password, tenant) as operator:
        before = ""
        while len(rows) < limit:
            page = operator.get(
                "/conversations",
                view=view.value,
                search=search,
                limit=min(PAGE, limit - len(rows)),
                before=before,
            )
            rows += page["rows"]
            before = page.get("next", "")
            if not before:
                break
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    elif rows:
        print_inbox(rows, now=time.time_ns() // 1_000_000)
    else:
        print("nothing was found" if search else NOTHING[view.value])
