"""`tandem reembed`: another embedding space for a tenant's documents, without a pause."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.settings import Settings
from tandem.addresses import Addresses, read_running
from tandem.errors import UserError

if TYPE_CHECKING:
    import asyncpg

    from actors.documents.spaces import Spaces
    from events.jetstream import JetStreamLog
    from events.spaces import Space
    from tandem.reembedding.checks import Bounds, Checks, Question
    from tandem.reembedding.fill import Workers

QUERY_TIMEOUT_S = 600.0
"""The house's embedder may have to load the new space's model first."""


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
    switch: Annotated[bool, typer.Option(help="Search in it once it is checked.")] = True,
    force: Annotated[
        bool, typer.Option(help="Switch, or go back, although the checks say no.")
    ] = False,
    questions: Annotated[
        Path | None, typer.Option(help="CSV of `question,answer` to check with (MRR).")
    ] = None,
    recall: Annotated[float, typer.Option(help="Least recall@5 of the index.")] = 0.95,
    drop: Annotated[float, typer.Option(help="Largest part of the MRR to lose.")] = 0.01,
    overlap: Annotated[float, typer.Option(help="Least overlap@5, where MRR is not known.")] = 0.5,
    batch_size: Annotated[int, typer.Option(min=1, help="Documents a worker gets at once.")] = 16,
    concurrency: Annotated[int, typer.Option(min=1, help="Workers.")] = 1,
    num_gpus: Annotated[float, typer.Option(min=0, help="GPUs booked for each worker.")] = 0.0,
    num_cpus: Annotated[float, typer.Option(min=0, help="Places booked for each worker.")] = 1.0,
    back: Annotated[bool, typer.Option("--back", help="Search in the space before again.")] = False,
    close: Annotated[str, typer.Option(help="Give up this space: its vectors leave.")] = "",
) -> None:
    """Embed all documents in another space while the old one answers, check it, switch to it.

    Killed and run again it does what is left. Without options it says which spaces there are.
    """
    from tandem.reembedding.checks import Bounds
    from tandem.reembedding.fill import Workers

    house = read_running(Settings())
    if back or close:
        asyncio.run(_change(house, tenant, close, force=force))
        return
    if not (model or dimensions or precision or space):
        asyncio.run(_show(house, tenant))
        return
    wanted = _wanted(model, dimensions, precision, space)
    workers = Workers(
        documents=batch_size, concurrency=concurrency, num_gpus=num_gpus, num_cpus=num_cpus
    )
    bounds = Bounds(recall=recall, overlap=overlap, drop=drop) if switch else None
    asyncio.run(
        _reembed(
            house,
            tenant,
            wanted,
            workers=workers,
            bounds=bounds,
            questions=questions,
            force=force,
        )
    )


def _wanted(model: str, dimensions: int, precision: str, space: str) -> Space:
    from serve_apps.spaces import DEFAULT, BadSpace, NoSuchModel, parse_space, space_of_model

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
    from actors.documents.spaces import SpaceRefused
    from events.jetstream import JetStreamLog
    from events.log import LogError
    from events.stream import tenancy_stream

    log = await JetStreamLog.connect(house.nats_url, name="tandem-reembed")
    try:
        if await log.last(tenancy_stream(tenant)) is None:
            raise UserError(f"there is no tenant {tenant}")
        yield log
    except (SpaceRefused, LogError, ValueError) as error:
        raise UserError(str(error)) from None
    finally:
        await log.close()


async def _change(house: Addresses, tenant: str, close: str, *, force: bool) -> None:
    from actors.documents.spaces import CloseSpace, SwitchSpace
    from actors.documents.tenant import change_index, load_spaces

    async with _log_of(house, tenant) as log:
        if close:
            done = await change_index(
                log, tenant, CloseSpace(tenant=tenant, space=close, at=_now())
            )
            print(f"{close}: {'closed' if done else 'was not open'}")
            return
        spaces = await load_spaces(log, tenant)
        before = spaces.active_at(spaces.history[-1].version - 1) if spaces.history else ""
        if not before:
            raise UserError("there was no switch to go back from")
        if not force:
            await _complete(house, tenant, before)
        await change_index(log, tenant, SwitchSpace(tenant=tenant, space=before, at=_now()))
        print(f"searches are in {before} again; {spaces.active} stays open")


async def _complete(house: Addresses, tenant: str, space: str) -> None:
    """Raises UserError where documents that answer could not be found in `space`."""
    from projections.database import open_pool
    from tandem.reembedding.missing import missing

    pool = await open_pool(house.postgres_dsn, min_size=1, max_size=1)
    try:
        left = len(await missing(pool, tenant, space))
    finally:
        await pool.close()
    if left:
        raise UserError(
            f"{left} documents have no vectors in {space}: `tandem reembed --space {space}"
            " --no-switch` embeds them (--force goes back all the same)"
        )


async def _show(house: Addresses, tenant: str) -> None:
    from actors.documents.tenant import load_spaces

    async with _log_of(house, tenant) as log:
        spaces = await load_spaces(log, tenant)
    for name in spaces.open:
        print(f"{name}: {'searched in' if name == spaces.active else 'open'}")


async def _reembed(
    house: Addresses,
    tenant: str,
    wanted: Space,
    *,
    workers: Workers,
    bounds: Bounds | None,
    questions: Path | None,
    force: bool,
) -> None:
    from tandem.cluster import joined, prepare

    prepare(house)
    from actors.documents.spaces import SwitchSpace
    from actors.documents.tenant import change_index, load_spaces
    from projections.database import open_pool
    from tandem.reembedding.checks import read_questions
    from tandem.reembedding.fill import FillFailed
    from tandem.reembedding.missing import Behind, wait_for_state

    asked = read_questions(questions) if questions else None
    async with joined(house), _log_of(house, tenant) as log:
        await _loaded(wanted)
        pool = await open_pool(house.postgres_dsn, min_size=1, max_size=2)
        try:
            await _filled(house, log, pool, tenant=tenant, wanted=wanted, workers=workers)
            spaces = await load_spaces(log, tenant)
            if bounds is None or spaces.active == wanted.name:
                return
            found = await _checked(
                house, pool, tenant=tenant, wanted=wanted, spaces=spaces, asked=asked
            )
            if (faults := found.faults(bounds)) and not force:
                raise UserError(f"not switched: {'; '.join(faults)} (--force does it all the same)")
            command = SwitchSpace(
                tenant=tenant,
                space=wanted.name,
                at=_now(),
                recall=round(found.recall, 4),
                quality=found.quality(),
            )
            await change_index(log, tenant, command)
            await wait_for_state(pool, tenant, wanted.name, ("active",), timeout=QUERY_TIMEOUT_S)
            print(f"searches are in {wanted.name} from now on; --back leads to {spaces.active}")
        except (Behind, FillFailed) as error:
            raise UserError(str(error)) from None
        finally:
            await pool.close()


async def _loaded(wanted: Space) -> None:
    """The house has the model too. Once the space is open every new document needs it, and would
    fail without. Raises UserError."""
    from serve_apps import embedding
    from serve_apps.embedding import EmbeddingFailed, ServeEmbedder
    from tandem.wiring.handles import LateHandle

    handle = LateHandle(embedding.NAME, embedding.NAME)
    embedder = ServeEmbedder(handle, query_timeout_s=QUERY_TIMEOUT_S)
    try:
        await embedder.embed_query(wanted.name, space=wanted.name)
    except EmbeddingFailed as error:
        raise UserError(f"the house's embedder cannot serve {wanted.name}: {error}") from None


async def _filled(
    house: Addresses,
    log: JetStreamLog,
    pool: asyncpg.Pool,
    *,
    tenant: str,
    wanted: Space,
    workers: Workers,
) -> None:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from serve_apps.embedding import models_cache
    from serve_apps.encoder_pool import Loader
    from tandem.reembedding.fill import fill
    from tandem.reembedding.worker import Order
    from tandem.wiring.objects import LateDocuments

    order = Order(
        tenant=tenant,
        space=wanted,
        load=Loader(models_cache(house.settings), house.settings.embedding),
        open_documents=partial(LateDocuments, house.settings, house.nats_url),
    )
    began = time.monotonic()
    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as bar:
        task = bar.add_task("chunks", total=None)
        documents = await fill(
            log,
            pool,
            order,
            workers,
            tell=lambda done, total: bar.update(task, completed=done, total=total),
        )
    print(f"{wanted.name}: {documents} documents embedded, {time.monotonic() - began:.1f} s")


async def _checked(
    house: Addresses,
    pool: asyncpg.Pool,
    *,
    tenant: str,
    wanted: Space,
    spaces: Spaces,
    asked: list[Question] | None,
) -> Checks:
    """Measured by the house's own embedder, which has the new model loaded then."""
    from projections.knowledge.search import KnowledgeSearch
    from serve_apps import embedding
    from serve_apps.embedding import EmbeddingFailed, ServeEmbedder
    from tandem.reembedding.checks import check, usual_questions
    from tandem.wiring.handles import LateHandle

    handle = LateHandle(embedding.NAME, embedding.NAME)
    embedder = ServeEmbedder(handle, query_timeout_s=QUERY_TIMEOUT_S)
    try:
        found = await check(
            KnowledgeSearch(pool, timeout=60, exact_up_to=house.settings.exact_up_to),
            KnowledgeSearch(pool, timeout=60, exact_up_to=2**62),
            lambda text, space: embedder.embed_query(text, space=space),
            tenant,
            asked or await usual_questions(pool, tenant),
            space=wanted.name,
            now=spaces.active,
        )
    except EmbeddingFailed as error:
        raise UserError(str(error)) from None
    _print(found, spaces.active, wanted.name)
    return found


def _print(found: Checks, before: str, after: str) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", before, after, title=f"{found.questions} questions")
    table.add_row(f"recall@5 ({found.how})", "", f"{found.recall:.3f}")
    table.add_row("overlap@5 with the space before", "", f"{found.overlap:.3f}")
    if found.mrr is not None:
        table.add_row("MRR", f"{found.mrr_before:.3f}", f"{found.mrr:.3f}")
    Console().print(table)


def _now() -> int:
    return time.time_ns() // 1_000_000
