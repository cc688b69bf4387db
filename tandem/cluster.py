"""For commands: join the Ray cluster of a running house for a while."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from tandem.addresses import Addresses
from tandem.embedded.ray import OutsideRay, set_ray_environment
from tandem.embedded.shortcut import shortcut


def prepare(house: Addresses) -> None:
    """Set what Ray reads from the environment. Call it before anything imports Ray."""
    if not house.settings.ray_address:
        home = house.settings.home_dir
        set_ray_environment(home / "ray", short=shortcut(home))  # its token lies there


@asynccontextmanager
async def joined(house: Addresses) -> AsyncGenerator[None]:
    """This process is a client of the house's cluster within. Raises ServerFailed."""
    ray = OutsideRay(house.ray_address, log_level=house.settings.log_level)
    await ray.start()
    if house.settings.log_level != "debug":
        _quiet_serve()
    try:
        yield
    finally:
        await ray.stop()


def _quiet_serve() -> None:
    """Who asks a deployment need not hear how Serve finds its replicas. Importing Serve sets its
    level, so it is imported first."""
    import ray.serve  # noqa: PLC0415 after `prepare`

    logging.getLogger(ray.serve.__name__).setLevel(logging.WARNING)
