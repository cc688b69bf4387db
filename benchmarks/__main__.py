"""`make bench`: every benchmark, printed, and written to `benchmarks/RESULTS.md`.

python -m benchmarks [--faq PATH/covid_faq] [--queries PATH/queries.csv] [--json FILE]
python -m benchmarks --compare OLD.json NEW.json
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import console_bench, core, house_bench
from benchmarks.figures import Run, Section, compare, machine, markdown, shown, with_newer
from benchmarks.projection_rate import projection_rate
from events.jetstream.log import JetStreamLog
from tandem.embedded.nats import EmbeddedNats
from tandem.embedded.postgres import EmbeddedPostgres

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
FAQ = HERE.parents[1] / "shared" / "data" / "covid_faq"
PARTS = (
    *("bare", "house", "operators", "handoff", "retrieval", "followups", "chunk-sizes"),
    *("embedder", "ingest", "knowledge"),
)
SIZES = ((10_000, 1), (100_000, 1), (100_000, 1000), (1_000_000, 1), (1_000_000, 1000))
"""Chunks and tenants that they are in."""
QUERIES = HERE.parents[1] / "shared" / "data" / "banking77" / "queries.csv"


async def on_bare_servers() -> Sequence[Section]:
    """What needs NATS and Postgres and nothing else."""
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)  # as root, Postgres runs under its own user
        nats = EmbeddedNats(home / "nats")
        postgres = EmbeddedPostgres(home / "pg", sockets=home / "s")
        nats_url, dsn = await nats.start(), await postgres.start()
        try:
            found = list(await core.sections(nats_url))
            log = await JetStreamLog.connect(nats_url)
            found.append(await projection_rate(log, nats_url, dsn))
            await log.close()
        finally:
            await postgres.stop()
            await nats.stop()
    return found


async def on_retrieval(folder: Path | None) -> Sequence[Section]:
    """On the project's own documents, and on covid_faq where its folder is given."""
    from benchmarks import retrieval  # noqa: PLC0415 it loads the embedder

    found = [retrieval.section(await retrieval.measure(folder))] if folder else []
    return [*found, retrieval.section(await retrieval.measure_own_docs())]


async def on_followups() -> Sequence[Section]:
    from benchmarks import followups  # noqa: PLC0415 likewise

    return [followups.section(await followups.measure())]


async def on_chunk_sizes(folder: Path | None) -> Sequence[Section]:
    """Each corpus is embedded at thirteen settings: a quarter of an hour on two cores."""
    from benchmarks import chunk_sizes  # noqa: PLC0415 likewise
    from benchmarks.corpora import covid_faq, own_docs  # noqa: PLC0415 likewise

    corpora = [own_docs(), covid_faq(folder)] if folder else [own_docs()]
    return [chunk_sizes.section(await chunk_sizes.measure(corpora))]


async def on_embedder(folder: Path | None) -> Sequence[Section]:
    from benchmarks import embedder  # noqa: PLC0415 likewise

    made = await asyncio.to_thread(embedder.section, folder) if folder else None
    return [made or await asyncio.to_thread(embedder.section)]


async def on_ingest() -> Sequence[Section]:
    from benchmarks import index_rate, ingest_rate  # noqa: PLC0415 likewise

    return [await ingest_rate.section(), await on_a_postgres(index_rate.index_rate)]


async def on_knowledge(sizes: Sequence[tuple[int, int]], kept: Path | None) -> Sequence[Section]:
    """(chunks, tenants) each: the largest takes an hour on two cores, and 10 GB of disk."""
    from benchmarks import knowledge_scale  # noqa: PLC0415 likewise

    found: list[Section] = []
    for chunks, tenants in sizes:
        size = knowledge_scale.Size(chunks=chunks, tenants=tenants)
        home = kept / f"{chunks}-{tenants}" if kept else None
        found.append(await knowledge_scale.section(size, home=home))
    return found


async def on_a_postgres(measure: Callable[[str], Coroutine[Any, Any, Section]]) -> Section:
    """`measure` gets the DSN of a Postgres that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="tb-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        await asyncio.to_thread(home.chmod, 0o755)  # as root, Postgres runs under its own user
        postgres = EmbeddedPostgres(home / "pg", sockets=home / "s")
        dsn = await postgres.start()
        try:
            return await measure(dsn)
        finally:
            await postgres.stop()


async def on_handoff(queries: Path | None) -> Sequence[Section]:
    from benchmarks import handoff  # noqa: PLC0415 likewise

    return [handoff.section(await handoff.measure(queries))]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--faq", type=Path, default=FAQ, help="folder with faq.csv, paraphrases.csv"
    )
    parser.add_argument("--json", type=Path, default=RESULTS, help="keep the run here")
    parser.add_argument(
        "--queries", type=Path, default=QUERIES, help="messages that ask for no person"
    )
    parser.add_argument(
        "--only",
        choices=PARTS,
        help="one part alone, in the place of its last figures",
    )
    parser.add_argument(
        "--largest",
        type=int,
        default=100_000,
        metavar="CHUNKS",
        help="how far the search's benchmark goes: 10000, 100000 or 1000000",
    )
    parser.add_argument(
        "--kept", type=Path, metavar="FOLDER", help="leave the search's databases here, for again"
    )
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("OLD", "NEW"))
    arguments = parser.parse_args()
    if arguments.compare:
        old, new = (msgspec.json.decode(p.read_bytes(), type=Run) for p in arguments.compare)
        print(compare(old, new))
        return
    _measure(arguments)


def _measure(arguments: argparse.Namespace) -> None:
    queries: Path | None = arguments.queries
    if not arguments.queries.exists():
        queries = None
        print(f"false handoffs are left out: no {arguments.queries} (say --queries PATH)")
    parts: dict[str, Callable[[], Coroutine[Any, Any, Sequence[Section]]]] = {
        "bare": on_bare_servers,
        "house": house_bench.sections,
        "handoff": lambda: on_handoff(queries),
        "operators": console_bench.sections,
    }
    faq: Path | None = arguments.faq
    if not (arguments.faq / "faq.csv").exists():
        faq = None
        print(f"covid_faq is left out: no faq.csv in {arguments.faq} (say --faq PATH)")
    sizes = [size for size in SIZES if size[0] <= arguments.largest]
    parts["retrieval"] = lambda: on_retrieval(faq)
    parts["followups"] = on_followups
    parts["chunk-sizes"] = lambda: on_chunk_sizes(faq)
    parts["embedder"] = lambda: on_embedder(faq)
    parts["ingest"] = on_ingest
    parts["knowledge"] = lambda: on_knowledge(sizes, arguments.kept)
    sections: list[Section] = []
    for name, measure in parts.items():
        if arguments.only in (None, name):
            for section in asyncio.run(measure()):
                sections.append(section)
                _print(section)
    run = Run(
        machine=machine(),
        taken_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sections=sections,
    )
    if arguments.only and arguments.json.exists():
        run = with_newer(msgspec.json.decode(arguments.json.read_bytes(), type=Run), run)
    arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(run)))
    if arguments.json == RESULTS:
        (HERE / "RESULTS.md").write_text(markdown(run))
        print(f"\nwritten: {HERE / 'RESULTS.md'} and {arguments.json}")


def _print(section: Section) -> None:
    print(f"\n{section.title}")
    for figure in section.figures:
        print(f"  {figure.name:<52} {shown(figure)}", flush=True)


if __name__ == "__main__":
    main()
