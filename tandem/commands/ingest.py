"""`tandem ingest PATH|URL...`: documents into the knowledge base, and searchable on return."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from config.settings import Settings
from tandem.addresses import Addresses, read_running
from tandem.errors import UserError
from tandem.output.counts import counted

if TYPE_CHECKING:
    import asyncpg

    from actors.documents.service import Library, Submitted
    from events.jetstream.log import JetStreamLog
    from projections.knowledge.documents import Awaited

WAIT_S = 1800.0


def ingest(
    what: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders of them (PDF, Word, PowerPoint, Excel, HTML, CSV, Markdown,"
            " text), or http(s) addresses of pages.",
            metavar="PATH|URL...",
        ),
    ],
    sitemap: Annotated[
        bool,
        typer.Option("--sitemap", help="The addresses are sitemaps: take the pages they name."),
    ] = False,
    tenant: Annotated[str, typer.Option(help="Whose knowledge it becomes.")] = "demo",
    locale: Annotated[
        str, typer.Option(help="The documents' language (en, es); found out when not given.")
    ] = "",
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Return when they are kept, not yet searchable.")
    ] = False,
) -> None:
    """Take documents into the knowledge base. Returns when they are searchable."""
    urls = list(dict.fromkeys(one for one in what if one.startswith(("http://", "https://"))))
    if sitemap and len(urls) < len(what):
        raise UserError("--sitemap takes addresses, such as https://example.com/sitemap.xml")
    files = _files([Path(one) for one in what if one not in urls])
    began = time.monotonic()
    outcome = asyncio.run(
        _Ingest(read_running(Settings()), tenant, locale).run(
            files, urls, "sitemap" if sitemap else "page", wait=not no_wait
        )
    )
    for name, pages in outcome.sitemaps.items():
        print(f"{name}: {counted(pages, 'page')} asked for")
    for name, chunks in outcome.searchable.items():
        print(f"{name}: {counted(chunks, 'chunk')} searchable")
    for name in outcome.kept:
        print(f"{name}: kept, to be worked at")
    for name, reason in outcome.failed.items():
        print(f"{name}: failed: {reason}")
    total, seconds = sum(outcome.searchable.values()), time.monotonic() - began
    count = len(outcome.searchable) + len(outcome.kept) + len(outcome.failed)
    print(f"{counted(count, 'document')}, {counted(total, 'chunk')}, {seconds:.1f} s")
    if outcome.failed:
        raise typer.Exit(1)


def _files(paths: list[Path]) -> dict[str, Path]:
    """Files by the names that they get: a file's own, or its path below the folder that was given,
    so that `a/index.md` and `b/index.md` are two documents."""
    from projections.knowledge.parsing import MEDIA_TYPES

    files: dict[str, Path] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path}: no such file or folder")
        found = [path]
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() in MEDIA_TYPES)
            if not found:
                known = " ".join(sorted(MEDIA_TYPES))
                raise UserError(f"{path}: no documents in this folder (known: {known})")
        for file in found:
            name = file.relative_to(path).as_posix() if path.is_dir() else file.name
            if name in files:
                raise UserError(f"{files[name]} and {file} would be one document, {name}")
            files[name] = file
    return files


class _Outcome:
    def __init__(self) -> None:
        self.searchable: dict[str, int] = {}
        self.sitemaps: dict[str, int] = {}
        """Each with the number of its pages, which stand elsewhere here."""
        self.kept: list[str] = []
        self.failed: dict[str, str] = {}


class _Ingest:
    """One run of the command, for one tenant."""

    def __init__(self, house: Addresses, tenant: str, locale: str) -> None:
        self._house, self._tenant, self._locale = house, tenant, locale
        self._outcome = _Outcome()

    async def run(
        self,
        files: dict[str, Path],
        urls: list[str],
        what: Literal["page", "sitemap"],
        *,
        wait: bool,
    ) -> _Outcome:
        from events.jetstream.log import JetStreamLog
        from events.log.event_log import LogError
        from events.log.stream import tenancy_stream
        from tandem.wiring.library import open_library

        log = await JetStreamLog.connect(self._house.nats_url, name="tandem-ingest")
        try:
            if await log.last(tenancy_stream(self._tenant)) is None:
                raise UserError(f"there is no tenant {self._tenant}")
            library = open_library(log, self._house.settings)
            taken = await self._hand_over(library, files, urls, what)
            if wait:
                await self._wait(log, taken, sitemaps=what == "sitemap")
            else:
                self._outcome.kept += taken
        except (LogError, ValueError) as error:
            raise UserError(str(error)) from None
        finally:
            await log.close()
        return self._outcome

    async def _hand_over(
        self,
        library: Library,
        files: dict[str, Path],
        urls: list[str],
        what: Literal["page", "sitemap"],
    ) -> dict[str, Submitted]:
        """What was taken, by name; what was refused is noted, and keeps nothing else out."""
        from actors.documents.service import DocumentRefused

        taken: dict[str, Submitted] = {}
        tenant, locale = self._tenant, self._locale
        for name in (*files, *urls):
            at = time.time_ns() // 1_000_000
            try:
                if name in files:
                    content = await asyncio.to_thread(_content, files[name], library.max_bytes)
                    taken[name] = await library.submit(
                        tenant, name=name, content=content, at=at, locale=locale, origin="command"
                    )
                else:
                    taken[name] = await library.request(
                        tenant, url=name, what=what, at=at, locale=locale
                    )
            except DocumentRefused as refused:
                self._outcome.failed[name] = _without(name, refused.reason)
            except OSError as error:
                self._outcome.failed[name] = error.strerror or str(error)
        return taken

    async def _wait(
        self, log: JetStreamLog, taken: dict[str, Submitted], *, sitemaps: bool
    ) -> None:
        from projections.engine.database import open_pool

        pool = await open_pool(self._house.postgres_dsn, min_size=1, max_size=1)
        deadline = time.monotonic() + WAIT_S
        try:
            await self._wait_for(log, pool, taken, deadline)
            if sitemaps:
                await self._wait_for(log, pool, await self._pages(pool, taken), deadline)
        finally:
            await pool.close()

    async def _pages(self, pool: asyncpg.Pool, taken: dict[str, Submitted]) -> dict[str, Awaited]:
        """What the sitemaps that were read have asked for, by address."""
        from projections.knowledge.sitemaps import pages_of

        found: dict[str, Awaited] = {}
        for name, one in taken.items():
            if self._outcome.searchable.pop(name, None) is not None:
                pages = {page.url: page for page in await pages_of(pool, one)}
                self._outcome.sitemaps[name] = len(pages)
                found |= pages
        return found

    async def _wait_for(
        self,
        log: JetStreamLog,
        pool: asyncpg.Pool,
        taken: Mapping[str, Awaited],
        deadline: float,
    ) -> None:
        from events.live.nats_feed import NatsLive
        from projections.knowledge.documents import NotIndexed, wait_indexed
        from tandem.output.ingest_bars import bars

        names = {one.document: name for name, one in taken.items()}
        async with bars(NatsLive(log.connection), self._tenant, names) as ready:
            for name, one in taken.items():
                left = max(1.0, deadline - time.monotonic())
                try:
                    chunks = await wait_indexed(pool, [one], timeout=left)
                    self._outcome.searchable[name] = chunks[one.document]
                except NotIndexed as error:
                    self._outcome.failed[name] = _without(name, str(error))
                ready(one.document)


def _without(name: str, reason: str) -> str:
    """The line begins with the name already; reasons may, and once more in front of them."""
    while reason.startswith(f"{name}: "):
        reason = reason.removeprefix(f"{name}: ")
    return reason


def _content(path: Path, most: int) -> bytes:
    """One byte more than may be taken is enough to know that it is too much. Raises OSError."""
    with path.open("rb") as file:
        return file.read(most + 1)
