"""Runs the command `tandem` with shards, projections and apps doubled: what is under test is how
the house starts, watches and stops its servers. The Ray actor is real, so that there is a worker
process to leave behind."""

from __future__ import annotations

import asyncio
import os
import sys
from types import ModuleType

from tandem.addresses import Addresses


async def start_shards(house: Addresses) -> None:
    """A real worker process, and a child of it that would outlive everything."""
    import ray

    class Shard:
        def start_child(self) -> int:
            import subprocess

            return subprocess.Popen(["sleep", "3600"], start_new_session=True).pid

    remote = ray.remote(num_cpus=0)(Shard)
    actor = remote.options(name="shard", lifetime="detached").remote()
    await asyncio.wait_for(actor.start_child.remote(), 60)


async def nothing(house: Addresses) -> None:
    if os.environ.get("DOUBLE_FAILS"):
        raise RuntimeError("the projections would not start")


async def done(_: object) -> None:
    return None


def main() -> None:
    double = ModuleType("tandem.wiring.start")
    double.start_shards = start_shards  # type: ignore[attr-defined]  # a double
    for name in ("start_projections", "start_ingest", "start_serve", "seed_demo", "check"):
        setattr(double, name, nothing)
    for name in ("clear_leftovers", "stop"):
        setattr(double, name, done)
    sys.modules["tandem.wiring.start"] = double
    import tandem.wiring

    tandem.wiring.start = double  # type: ignore[attr-defined]  # `from tandem.wiring import start`
    from tandem.cli import main as run

    run()


if __name__ == "__main__":
    main()
