"""One run of `tandem reembed`: load, fill, compare, switch, and what a person reads of it.

Imported once the environment is prepared: what stands here imports Ray.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from actors.documents.embedding_spaces import SwitchSpace
from actors.documents.index_settings import change_index, load_spaces
from events.log.event_log import EventLog
from events.spaces import Space
from projections.engine.database import open_pool
from projections.knowledge.search.search import KnowledgeSearch
from serve_apps.embedding import deployment as embedding
from serve_apps.embedding.deployment import EmbeddingFailed, ServeEmbedder, models_cache
from serve_apps.embedding.pool import Loader
from tandem.addresses import Addresses
from tandem.errors import UserError
from tandem.output.counts import counted
from tandem.reembedding import report
from tandem.reembedding.checks import (
    Bounds,
    Checks,
    Question,
    check,
    index_ready,
    read_questions,
    usual_questions,
)
from tandem.reembedding.fill import FillFailed, Workers, fill
from tandem.reembedding.missing import Behind, missing, wait_for_state
from tandem.reembedding.worker import Order
from tandem.wiring.handles import LazyDeploymentHandle
from tandem.wiring.objects import LateDocuments

QUERY_TIMEOUT_S = 600.0
"""The house's embedder may have to load the new space's model first."""
SEARCH_TIMEOUT_S = 60.0
"""The exact search of a large tenant."""
INDEX_WAIT_S = 7200.0
"""An index of a million chunks is long in the making."""

CATCH_UPS = 3
"""How often what came in while the spaces were compared is embedded before a switch."""

Tell = Callable[[int, int | None], object]


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for on the command line."""

    tenant: str
    space: Space
    workers: Workers
    bounds: Bounds
    questions: Path | None = None
    switch: bool = True
    force: bool = False


async def run(house: Addresses, log: EventLog, wish: Wish) -> None:
    """Within the house's cluster. Raises UserError; what was done until then stays."""
    asked = read_questions(wish.questions) if wish.questions else None
    embedder = ServeEmbedder(
        LazyDeploymentHandle(embedding.NAME, embedding.NAME), query_timeout_s=QUERY_TIMEOUT_S
    )
    pool = await open_pool(house.postgres_dsn, min_size=1, max_size=2)
    try:
        await _Run(house, log, pool, embedder, wish).run(asked)
    except (Behind, FillFailed, EmbeddingFailed) as error:
        raise UserError(str(error)) from None
    finally:
        await pool.close()


class _Run:
    def __init__(
        self,
        house: Addresses,
        log: EventLog,
        pool: asyncpg.Pool,
        embedder: ServeEmbedder,
        wish: Wish,
    ) -> None:
        self._house, self._log, self._pool, self._wish = house, log, pool, wish
        self._embedder = embedder
        self._tenant, self._space = wish.tenant, wish.space.name

    async def run(self, asked: list[Question] | None) -> None:
        await self._load()
        now = (await load_spaces(self._log, self._tenant)).active
        if now != self._space:
            print(f"{self._space} is filled, {now} answers meanwhile")
        await self._fill()
        if now == self._space:
            print(f"searches are in {self._space} already")
            return
        await self._wait_for_index()
        await self._switch(now, await self._compare(now, asked))

    async def _load(self) -> None:
        """The house has the model too: once the space is open, the ingest embeds in it what is
        new, and once it is searched in, every question is."""
        try:
            await self._embedder.embed_query(self._space, space=self._space)
        except EmbeddingFailed as error:
            why = f"the house's embedder cannot serve {self._space}: {error}"
            raise UserError(why) from None

    async def _fill(self) -> None:
        settings = self._house.settings
        order = Order(
            tenant=self._tenant,
            space=self._wish.space,
            load=Loader(models_cache(settings), settings.embedding),
            open_documents=partial(LateDocuments, settings, self._house.nats_url),
        )
        began, chunks = time.monotonic(), 0
        with _bar("embedding, chunks") as tell:

            def told(done: int, total: int) -> None:
                nonlocal chunks
                chunks = max(chunks, total)
                tell(done, total)

            documents = await fill(self._log, self._pool, order, self._wish.workers, tell=told)
        if documents:
            said = f"{counted(documents, 'document')}, {counted(chunks, 'chunk')}"
            print(f"{said} embedded in {time.monotonic() - began:.1f} s")
        else:
            print("nothing to embed: every document has its vectors there")

    async def _wait_for_index(self) -> None:
        """Where the house will search through one: it would have nothing to say for itself yet."""
        search, began = self._search(), time.monotonic()
        if (await search.standing(self._tenant)).chunks <= self._house.settings.exact_up_to:
            return
        try:
            with _bar("the house makes the new space's index"):
                await index_ready(search, self._tenant, self._space, timeout=INDEX_WAIT_S)
        except TimeoutError:
            why = f"the house made no index of {self._space} in {INDEX_WAIT_S / 60:.0f} minutes"
            raise UserError(f"not switched: {why}; its log says more, run again") from None
        if (seconds := time.monotonic() - began) >= 1:
            print(f"its index is ready, {seconds:.1f} s later")

    async def _compare(self, now: str, asked: list[Question] | None) -> Checks:
        """With the house's own embedder, and as the house will search."""
        questions = asked or await usual_questions(self._pool, self._tenant)
        search, exact_up_to = self._search(), self._house.settings.exact_up_to
        with _bar("comparing, questions") as tell:
            found = await check(
                search,
                KnowledgeSearch(self._pool, timeout=SEARCH_TIMEOUT_S, exact_up_to=2**62),
                lambda text, space: self._embedder.embed_query(text, space=space),
                self._tenant,
                questions,
                space=self._space,
                now=now,
                tell=lambda done: tell(done, len(questions)),
            )
        print(f"compared with {now} on {report.asked_for(questions)}:")
        chunks = (await search.standing(self._tenant)).chunks
        for line in report.lines(found, self._wish.bounds, chunks=chunks, exact_up_to=exact_up_to):
            print(line)
        return found

    async def _switch(self, now: str, found: Checks) -> None:
        faults = "; ".join(found.faults(self._wish.bounds))
        if not self._wish.switch:
            said = f"a switch would be refused: {faults}" if faults else "it may be switched to"
            print(f"not switched, as you asked; {said}")
            return
        if faults and not self._wish.force:
            raise UserError(f"not switched: {faults} (--force does it all the same)")
        if not self._wish.force:
            await self._catch_up()
        command = SwitchSpace(
            tenant=self._tenant,
            space=self._space,
            at=time.time_ns() // 1_000_000,
            recall=round(found.recall or 0.0, 4),
            quality=found.quality(),
        )
        await change_index(self._log, self._tenant, command)
        active = ("active",)
        await wait_for_state(self._pool, self._tenant, self._space, active, timeout=QUERY_TIMEOUT_S)
        print(f"searches are in {self._space} now; `tandem reembed --back` leads back to {now}")

    async def _catch_up(self) -> None:
        """What came in meanwhile is embedded too: the ingest tries each document once in a space
        that is not searched in, and lets it answer whatever comes of that."""
        for _ in range(CATCH_UPS):
            if not await missing(self._pool, self._tenant, self._space):
                return
            await self._fill()
        if left := await missing(self._pool, self._tenant, self._space):
            why = f"{counted(len(left), 'document')} that came in meanwhile cannot be found there"
            raise UserError(f"not switched: {why} (run again; --force does it all the same)")

    def _search(self) -> KnowledgeSearch:
        exact_up_to = self._house.settings.exact_up_to
        return KnowledgeSearch(self._pool, timeout=SEARCH_TIMEOUT_S, exact_up_to=exact_up_to)


@contextmanager
def _bar(what: str) -> Generator[Tell]:
    """A bar on stderr while something is done; nothing where nobody looks."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
