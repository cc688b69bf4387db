"""Application builders for `config/serve.yaml`: the same apps, addressed by the environment."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from pydantic import BaseModel

from config.settings import Settings
from serve_apps.embedding.deployment import embedding_app
from serve_apps.gateway.deployment import Gateway
from serve_apps.generation.deployment import generation_app
from tandem.addresses import Addresses
from tandem.errors import UserError
from tandem.wiring.gateway import gateway_ports


class Scale(BaseModel):
    """What a Serve config may say of an app. `cpus` and `gpus` are booked for each replica."""

    replicas: int = 1
    cpus: float = 0.0
    gpus: float = 0.0


def embedding(scale: Scale) -> Any:
    return embedding_app(Settings(), replicas=scale.replicas, cpus=scale.cpus, gpus=scale.gpus)


def generation(scale: Scale) -> Any:
    return generation_app(Settings(), replicas=scale.replicas, cpus=scale.cpus)


def gateway(scale: Scale) -> Any:
    """Raises UserError when the environment does not say where the parts are."""
    deployment: Any = Gateway.options(num_replicas=scale.replicas)
    return deployment.bind(partial(gateway_ports, outside_house()))


def outside_house() -> Addresses:
    """The house whose parts all run elsewhere. Raises UserError."""
    settings = Settings()
    missing = [
        name
        for name, value in (
            ("TANDEM_NATS_URL", settings.nats_url),
            ("TANDEM_POSTGRES_DSN", settings.postgres_dsn),
            ("TANDEM_SECRET", settings.secret),
        )
        if not value
    ]
    if missing:
        raise UserError(f"set {', '.join(missing)} on every node")
    return Addresses(
        settings=settings,
        nats_url=settings.nats_url,
        postgres_dsn=settings.postgres_dsn,
        ray_address=os.environ.get("RAY_ADDRESS", ""),
        secret=settings.secret,
    )
