"""`tandem rebuild [NAME]`: read models anew from the log, while reading goes on."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from tandem.addresses import Addresses, read_running
from tandem.errors import UserError

if TYPE_CHECKING:
    from projections.engine.rebuild import RebuildReport


def rebuild(
    name: Annotated[
        str, typer.Argument(help="One read model; all when not given.", metavar="[NAME]")
    ] = "",
) -> None:
    """Build read models anew from the log while reading goes on, and say whether they are equal.

    Where the database is gone, it is made again.
    """
    differ = asyncio.run(_rebuild(read_running(Settings()), name))
    if differ:
        raise UserError(f"not equal to what was live before: {', '.join(differ)}")


async def _rebuild(house: Addresses, name: str) -> list[str]:
    from tandem.cluster import joined, prepare

    prepare(house)
    from projections.engine.rebuild import rebuild as build_anew
    from projections.engine.schema import ensure_schema
    from tandem.wiring.read_models import all_projections

    known = all_projections(house)
    chosen = [p for p in known if name in ("", p.name)]
    if not chosen:
        names = ", ".join(p.name for p in known)
        raise UserError(f"no read model is called {name}: there are {names}")
    lost = await _made_anew(house.postgres_dsn)
    await ensure_schema(house.postgres_dsn)
    differ: list[str] = []
    async with joined(house):  # the knowledge index asks the house's own embedder
        for projection in chosen:
            began = time.monotonic()
            report = await build_anew(projection, house.nats_url, house.postgres_dsn, lost=lost)
            print(_line(report, time.monotonic() - began))
            if not report.equal:
                differ.append(projection.name)
    return differ


async def _made_anew(dsn: str) -> bool:
    """Whether there was no database; now there is an empty one."""
    from projections.engine.schema import DatabaseUnfit, ensure_database

    try:
        made = await ensure_database(dsn)
    except DatabaseUnfit as error:
        raise UserError(str(error)) from error
    if made:
        print("there was no database: made anew, and filled from the log")
    return made


def _line(report: RebuildReport, seconds: float) -> str:
    if not report.tables:
        return f"{report.projection}: built, nothing to compare with, {seconds:.1f} s"
    verdict = "equal, row for row" if report.equal else "NOT EQUAL"
    tables = ", ".join(f"{t.table} {t.rebuilt_rows} rows" for t in report.tables)
    return f"{report.projection}: {verdict} ({tables}), {seconds:.1f} s"
