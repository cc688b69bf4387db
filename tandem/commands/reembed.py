"""`tandem reembed`: another embedding space for a tenant's documents, without a pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.settings import Settings
from tandem.addresses import Addresses, read_running
from tandem.errors import UserError
from tandem.output.counts import counted

if TYPE_CHECKING:
    from events.jetstream.log import JetStreamLog
    from events.spaces import Space
    from tandem.reembedding.run import Wish

SWITCH_TIMEOUT_S = 600.0
"""The index is behind by as much as was handed over just now."""


def reembed(
    *,
    model: Annotated[
        str,
        typer.Option(help="A folder, or a name in TANDEM_MODELS; the packaged one if not given."),
    ] = "",
    dimensions: Annotated[int, typer.Option(help="Only the first so many numbers; 0: all.")] = 0,
    precision: Annotated[str, typer.Option(help="`int8` for weights of eight bits.")] = "",
    space: Annotated[str, typer.Option(help="The space by its name, instead of the three.")] = "",
    tenant: Annotated[str, typer.Option(help="Whose documents.")] = "demo",
    switch: Annotated[
        bool, typer.Option("--switch/--no-switch", help="Search in it once it is checked.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Switch, or go back, although the checks say no.")
    ] = False,
    questions: Annotated[
        Path | None, typer.Option(help="CSV of `question,answer` to check with (MRR).")
    ] = None,
    recall: Annotated[
        float, typer.Option(help="Least recall@5 of the index, where there will be one.")
    ] = 0.95,
    drop: Annotated[float, typer.Option(help="Largest part of the MRR to lose.")] = 0.01,
    overlap: Annotated[float, typer.Option(help="Least overlap@5, where MRR is not known.")] = 0.5,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Chunks a worker gets at once, of whole documents.")
    ] = 64,
    concurrency: Annotated[int, typer.Option(min=1, help="Workers.")] = 1,
    num_gpus: Annotated[float, typer.Option(min=0, help="GPUs booked for each worker.")] = 0.0,
    num_cpus: Annotated[float, typer.Option(min=0, help="Places booked for each worker.")] = 1.0,
    back: Annotated[bool, typer.Option("--back", help="Search in the space before again.")] = False,
    close: Annotated[str, typer.Option(help="Give up this space: its vectors leave.")] = "",
) -> None:
    """Embed all documents in another space while the old one answers, check it, switch to it.

    Killed and run again it does what is left. Without options it says which spaces there are.
    """
    from tandem.cluster import prepare

    house = read_running(Settings())
    if back or close:
        if model or dimensions or precision or space or (back and close):
            raise UserError("--back and --close each stand alone")
        asyncio.run(_close(house, tenant, close) if close else _back(house, tenant, force=force))
        return
    if not (model or dimensions or precision or space):
        asyncio.run(_show(house, tenant))
        return
    wanted = _wanted(model, dimensions, precision, space)
    prepare(house)
    from tandem.reembedding.checks import Bounds
    from tandem.reembedding.fill import Workers
    from tandem.reembedding.run import Wish

    workers = Workers(
        chunks=batch_size, concurrency=concurrency, num_gpus=num_gpus, num_cpus=num_cpus
    )
    wish = Wish(
        tenant=tenant,
        space=wanted,
        workers=workers,
        bounds=Bounds(recall=recall, overlap=overlap, drop=drop),
        questions=questions,
        switch=switch,
        force=force,
    )
    asyncio.run(_reembed(house, wish))


def _wanted(model: str, dimensions: int, precision: str, space: str) -> Space:
    from serve_apps.embedding.models import (
        DEFAULT,
        BadSpace,
        NoSuchModel,
        parse_space,
        space_of_model,
    )

    if space and (model or dimensions or precision):
        raise UserError("--space says model, dimensions and precision already")
    if precision not in ("", "int8"):
        raise UserError(f"--precision {precision}: only int8")
    kept: Literal["", "int8"] = "int8" if precision else ""
    try:
        if space:
            given = parse_space(space)
            space_of_model(given.model, dimensions=given.dimensions)
            return given
        return space_of_model(model or DEFAULT.model, dimensions=dimensions, precision=kept)
    except (BadSpace, NoSuchModel) as error:
        raise UserError(str(error)) from None


@asynccontextmanager
async def _log_of(house: Addresses, tenant: str) -> AsyncGenerator[JetStreamLog]:
    from actors.documents.embedding_spaces import SpaceRefused
    from events.jetstream.log import JetStreamLog
    from events.log.event_log import LogError
    from events.log.stream import tenancy_stream

    log = await JetStreamLog.connect(house.nats_url, name="tandem-reembed")
    try:
        if await log.last(tenancy_stream(tenant)) is None:
            raise UserError(f"there is no tenant {tenant}")
        yield log
    except (SpaceRefused, LogError, ValueError) as error:
        raise UserError(str(error)) from None
    finally:
        await log.close()


async def _close(house: Addresses, tenant: str, space: str) -> None:
    from actors.documents.embedding_spaces import CloseSpace
    from actors.documents.index_settings import change_index

    async with _log_of(house, tenant) as log:
        command = CloseSpace(tenant=tenant, space=space, at=_now())
        done = await change_index(log, tenant, command)
    print(f"{space} is closed" if done else f"{space} was not open")


async def _back(house: Addresses, tenant: str, *, force: bool) -> None:
    from actors.documents.embedding_spaces import SwitchSpace
    from actors.documents.index_settings import change_index, load_spaces
    from projections.engine.database import open_pool
    from tandem.reembedding.missing import Behind, missing, wait_for_state

    async with _log_of(house, tenant) as log:
        spaces = await load_spaces(log, tenant)
        before = spaces.active_at(spaces.history[-1].version - 1) if spaces.history else ""
        if not before:
            raise UserError("there was no switch to go back from")
        pool = await open_pool(house.postgres_dsn, min_size=1, max_size=1)
        try:
            left = 0 if force else len(await missing(pool, tenant, before))
            if left:
                raise UserError(
                    f"not found in {before} would be {counted(left, 'document')}: `tandem reembed"
                    f" --space {before} --no-switch` embeds what is missing (--force goes back all"
                    " the same)"
                )
            command = SwitchSpace(tenant=tenant, space=before, at=_now())
            await change_index(log, tenant, command)
            await wait_for_state(pool, tenant, before, ("active",), timeout=SWITCH_TIMEOUT_S)
        except Behind as error:
            raise UserError(str(error)) from None
        finally:
            await pool.close()
    print(f"searches are in {before} again; {spaces.active} stays open")


async def _show(house: Addresses, tenant: str) -> None:
    from actors.documents.index_settings import load_spaces

    async with _log_of(house, tenant) as log:
        spaces = await load_spaces(log, tenant)
    for name in spaces.open:
        print(f"{name}: {'searched in' if name == spaces.active else 'open'}")


async def _reembed(house: Addresses, wish: Wish) -> None:
    from tandem.cluster import joined
    from tandem.reembedding.run import run

    async with joined(house), _log_of(house, wish.tenant) as log:
        await run(house, log, wish)


def _now() -> int:
    return time.time_ns() // 1_000_000
