"""`tandem up`."""

from __future__ import annotations

from typing import Annotated

import typer


def up(
    *,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Delete what earlier starts left in home, first.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Set up the demo company `demo`.")
    ] = True,
) -> None:
    """Start everything on this machine, and stay until Ctrl-C.

    Listens on TANDEM_HOST:TANDEM_PORT (127.0.0.1:8000) and keeps its data in TANDEM_HOME
    (.tandem). TANDEM_NATS_URL, TANDEM_POSTGRES_DSN and RAY_ADDRESS name outside servers to use
    instead of the embedded ones.
    """
    import asyncio  # heavy imports only when the command runs

    from tandem.doctor import read_settings
    from tandem.local_deployment import run_house

    asyncio.run(run_house(read_settings(), fresh=fresh, demo=demo))
