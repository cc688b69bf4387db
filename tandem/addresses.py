"""Where the parts of a running house are, and how another command finds them."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.settings import Settings
from tandem.embedded.nats import write_secret
from tandem.errors import UserError

NOTHING_RUNS = "nothing is running here: start it with `make up`"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The parts of a running house. All strings are ready to connect with."""

    settings: Settings
    nats_url: str
    postgres_dsn: str
    ray_address: str
    secret: str
    """Signs visitors' tokens."""


def web_url(settings: Settings) -> str:
    """Where a browser on this machine reaches the gateway, without a slash at the end."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"


def house_secret(settings: Settings) -> str:
    """The set secret, else the one made on the first start and kept in home."""
    if settings.secret:
        return settings.secret
    kept = settings.home_dir / "secret"
    if not kept.exists():
        settings.home_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(kept, secrets.token_urlsafe(32))
    return kept.read_text().strip()


def write_running(house: Addresses) -> None:
    """Tell other commands where this house is: `home/run.json`, for its owner's eyes only."""
    record = {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "host": house.settings.host,
        "port": house.settings.port,
        "nats_url": house.nats_url,
        "postgres_dsn": house.postgres_dsn,
        "ray_address": house.ray_address,
        "secret": house.secret,
    }
    write_secret(_record(house.settings), json.dumps(record, indent=2) + "\n")


def forget_running(settings: Settings) -> None:
    """The house has ended."""
    _record(settings).unlink(missing_ok=True)


def read_running(settings: Settings) -> Addresses:
    """The house that runs on this home, whatever shell it was started from.

    Raises UserError when none does.
    """
    try:
        record = json.loads(_record(settings).read_text())
        process = psutil.Process(record["pid"])
        # The same pid may be another process by now; pid and start time together are never.
        alive = abs(process.create_time() - record["started"]) < 1.0
        found = settings.model_copy(update={"host": record["host"], "port": record["port"]})
        house = Addresses(
            settings=found,
            nats_url=record["nats_url"],
            postgres_dsn=record["postgres_dsn"],
            ray_address=record["ray_address"],
            secret=record["secret"],
        )
    except (FileNotFoundError, psutil.NoSuchProcess):
        raise UserError(NOTHING_RUNS) from None
    except PermissionError:
        raise UserError(f"{_record(settings)} belongs to another user") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{_record(settings)} is damaged ({error}): start again") from None
    if not alive:
        raise UserError(NOTHING_RUNS)
    return house


def _record(settings: Settings) -> Path:
    return settings.home_dir / "run.json"
