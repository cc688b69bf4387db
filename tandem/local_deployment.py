"""`tandem up`: start every part, watch over them, and stop them in order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from rich.console import Console

from config.logs import set_up_logs
from config.settings import Settings
from tandem.addresses import Addresses, forget_running, house_secret, web_url, write_running
from tandem.doctor import check_home, first_failure, needed_to_start
from tandem.embedded import orphan_cleanup
from tandem.embedded.nats import EmbeddedNats
from tandem.embedded.postgres import EmbeddedPostgres, postgres_programs
from tandem.embedded.process import ServerFailed
from tandem.embedded.ray import EmbeddedRay, OutsideRay, set_ray_environment
from tandem.embedded.shortcut import drop_shortcut, shortcut
from tandem.embedded.supervisor import Supervisor
from tandem.errors import UserError
from tandem.home import DEMO_OPERATOR, empty_home, lock_home
from tandem.output.checklist import Checklist, Step

log = structlog.get_logger(__name__)

WARDEN_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the checklist: what to do, after which other lines, within how long."""

    name: str
    after: tuple[str, ...]
    work: Callable[[Step], Awaitable[None]]
    timeout_s: float


class House:
    """Everything that one `tandem up` has started. One per process."""

    def __init__(
        self, settings: Settings, console: Console, *, catch_signals: Callable[[], None]
    ) -> None:
        """`catch_signals` is called again after Ray's start, which takes SIGTERM for itself."""
        self.settings = settings
        self._console = console
        self._catch_signals = catch_signals
        home = settings.home_dir
        self._short = shortcut(home)
        logs = home / "logs"
        self._nats = None if settings.nats_url else EmbeddedNats(home / "nats", logs=logs)
        self._postgres = (
            None
            if settings.postgres_dsn
            else EmbeddedPostgres(home / "postgres", sockets=self._short / "s", logs=logs)
        )
        self._ray = (
            OutsideRay(settings.ray_address, log_level=settings.log_level)
            if settings.ray_address
            else EmbeddedRay(home / "ray", short=self._short, log_level=settings.log_level)
        )
        self._supervisor = Supervisor(self.say)
        self._ray_address = ""

    @property
    def addresses(self) -> Addresses:
        """Where the parts are. The servers must have been started."""
        return Addresses(
            settings=self.settings,
            nats_url=self._nats.url if self._nats else self.settings.nats_url,
            postgres_dsn=self._postgres.dsn if self._postgres else self.settings.postgres_dsn,
            ray_address=self._ray_address,
            secret=house_secret(self.settings),
        )

    def say(self, line: str) -> None:
        """One line for the person at the terminal."""
        with contextlib.suppress(OSError):  # the terminal was closed: the house still has to stop
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    async def start(self, *, demo: bool) -> None:
        """Start all parts, side by side where they allow it. Raises UserError, ServerFailed."""
        servers = ("NATS", "Postgres", "Ray")
        parts = [
            Part("settings check", (), self._check_settings, 30),
            Part("NATS", ("settings check",), self._start_nats, 60),
            Part("Postgres", ("settings check",), self._start_postgres, 180),
            Part("Ray", ("settings check",), self._start_ray, 400),
            Part("shards", servers, self._wired("start_shards"), 300),
            Part("projections", servers, self._wired("start_projections"), 300),
            Part("ingest", servers, self._wired("start_ingest"), 300),
            Part("Serve apps", servers, self._wired("start_serve"), 600),
        ]
        if demo:
            after = ("shards", "projections", "ingest", "Serve apps")
            parts.append(Part("demo content", after, self._wired("seed_demo"), 600))
        names = [part.name for part in parts]
        with Checklist(names if demo else [*names, "demo content"], self._console) as checklist:
            if not demo:
                checklist.skip("demo content", "--no-demo")
            await _run_parts(parts, checklist)
        await asyncio.wait_for(_wiring().check(self.addresses), 120)
        write_running(self.addresses)

    async def until_ray_dies(self) -> str:
        """Returns the name of the Ray process that died; never returns for an outside cluster."""
        if isinstance(self._ray, EmbeddedRay):
            return await self._ray.wait()
        return await asyncio.get_running_loop().create_future()

    async def stop(self) -> None:
        """Stop all parts, the last started first. One that will not stop holds up no other."""
        forget_running(self.settings)
        await self._supervisor.stop()
        if self._ray_address:
            await self._stopped("apps", self._stop_wired())
        await self._stopped("Ray", self._ray.stop())
        if self._postgres:
            await self._stopped("Postgres", self._postgres.stop())
        if self._nats:
            await self._stopped("NATS", self._nats.stop())
        drop_shortcut(self.settings.home_dir)

    async def _stopped(self, name: str, stopping: Awaitable[None]) -> None:
        try:
            await asyncio.wait_for(stopping, STOP_TIMEOUT_S)
        except Exception as error:  # the other parts must be stopped all the same
            log.exception("part did not stop", part=name)
            self.say(f"{name} did not stop in order ({error or type(error).__name__})")

    async def _stop_wired(self) -> None:
        await _wiring().stop(self.addresses)

    async def _check_settings(self, step: Step) -> None:
        failure = first_failure(await needed_to_start(self.settings))
        if failure is not None:
            raise UserError(f"{failure.subject}: {failure.seen}: {failure.remedy}")
        haproxy = set_ray_environment(self.settings.home_dir / "ray", short=self._short)
        step.note = "" if haproxy else "no HAProxy for this system: Serve's own proxy is used"

    async def _start_nats(self, step: Step) -> None:
        if self._nats is None:
            step.note = "outside"
            return
        await self._nats.start()
        self._supervisor.watch(self._nats)

    async def _start_postgres(self, step: Step) -> None:
        if self._postgres is None:
            step.note = "outside"
            return
        await self._postgres.start()
        self._supervisor.watch(self._postgres)

    async def _start_ray(self, step: Step) -> None:
        self._ray_address = await self._ray.start()
        self._catch_signals()
        step.note = "outside" if self.settings.ray_address else ""
        wiring = await asyncio.to_thread(_wiring)  # imports are slow; the screen must stay alive
        await asyncio.wait_for(wiring.clear_leftovers(self.settings), 60)

    def _wired(self, name: str) -> Callable[[Step], Awaitable[None]]:
        async def work(_: Step) -> None:
            await getattr(_wiring(), name)(self.addresses)

        return work


async def _run_parts(parts: list[Part], checklist: Checklist) -> None:
    """Run each part as soon as those before it are done. The first failure ends all."""
    done = {part.name: asyncio.Event() for part in parts}

    async def run(part: Part) -> None:
        for name in part.after:
            await done[name].wait()
        async with checklist.step(part.name) as step:
            try:
                await asyncio.wait_for(part.work(step), part.timeout_s)
            except TimeoutError:
                raise ServerFailed(f"{part.name} took more than {part.timeout_s:.0f} s") from None
        done[part.name].set()

    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(run(part), name=part.name)
    except BaseExceptionGroup as failures:
        first = failures.exceptions[0]
        raise first from None if isinstance(first, UserError) else first.__cause__


def _wiring() -> Any:
    """The module that knows shards, projections and apps. It imports half the world."""
    from tandem.wiring import start  # noqa: PLC0415 # see above

    return start


async def run_house(settings: Settings, *, fresh: bool, demo: bool) -> None:
    """Start, stay until Ctrl-C, SIGTERM or SIGHUP, stop. Raises UserError, ServerFailed."""
    began = time.monotonic()
    console = Console()
    finding = check_home(settings)
    if finding.level == "fail":
        raise UserError(f"{finding.subject}: {finding.seen}: {finding.remedy}")
    lock = await lock_home(settings.home_dir)
    if fresh:
        _empty(settings, console)
    (settings.home_dir / "logs").mkdir(exist_ok=True)
    set_up_logs(settings.log_level, file=settings.home_dir / "logs" / "up.log")
    watch = _start_warden(settings, lock)
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def catch_signals() -> None:
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(sig, asked.set)

    catch_signals()
    house = House(settings, console, catch_signals=catch_signals)
    try:
        await _live(house, asked, demo=demo, began=began)
    finally:
        await house.stop()
        await asyncio.to_thread(watch.communicate, orphan_cleanup.GOODBYE, WARDEN_TIMEOUT_S)
        os.close(lock)
    house.say("Stopped. Everything said is kept; `make up` goes on from here.")


async def _live(house: House, asked: asyncio.Event, *, demo: bool, began: float) -> None:
    """From the first step until `asked` is set or Ray dies."""
    stopping = asyncio.create_task(asked.wait())
    starting = asyncio.create_task(house.start(demo=demo))
    await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        house.say("\nStopping before it was ready.")
        return
    starting.result()
    _print_addresses(house, time.monotonic() - began, demo=demo)
    ray = asyncio.create_task(house.until_ray_dies())
    await asyncio.wait({stopping, ray}, return_when=asyncio.FIRST_COMPLETED)
    if ray.done():
        raise ServerFailed(
            f"Ray's {ray.result()} died, and with it the house: start it again with `make up`"
        )
    ray.cancel()
    house.say("\nStopping ...")


def _print_addresses(house: House, seconds: float, *, demo: bool) -> None:
    url = web_url(house.settings)
    house.say(f"\nTandem is ready, {seconds:.1f} s after the start.\n")
    house.say(f"  shop page  {url}/")
    house.say(f"  API docs   {url}/docs")
    house.say(f"  console    {url}/console")
    for line in _demo_sign_in(house.settings) if demo else ():
        house.say(f"             {line}")
    house.say("")
    programs = postgres_programs()
    psql = programs / "psql" if programs else "psql"
    house.say(f"SQL:  {psql} '{house.addresses.postgres_dsn}'")
    house.say(f"Data: {house.settings.home_dir}   Stop: Ctrl-C")


def _demo_sign_in(settings: Settings) -> tuple[str, ...]:
    """How to sign in as the demo's operator; nothing where that operator was removed."""
    try:
        email, password = (settings.home_dir / DEMO_OPERATOR).read_text().split()
    except (OSError, ValueError):
        return ()
    return (f"e-mail     {email}", f"password   {password}")


def _empty(settings: Settings, console: Console) -> None:
    empty_home(settings.home_dir)
    for part, outside in (("NATS", settings.nats_url), ("Postgres", settings.postgres_dsn)):
        if outside:
            console.print(f"--fresh leaves the outside {part} as it is", highlight=False)


def _start_warden(settings: Settings, lock: int) -> subprocess.Popen[bytes]:
    """Mark all that this process starts from now on, and start the one who sweeps it."""
    mark = secrets.token_hex(8)
    os.environ[orphan_cleanup.MARK_NAME] = mark
    command = [sys.executable, "-I", orphan_cleanup.__file__, mark]
    if not settings.postgres_dsn:
        command += ["--postgres", str(settings.home_dir / "postgres")]
    if (short := shortcut(settings.home_dir)) != settings.home_dir:
        command += ["--link", str(short)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, pass_fds=(lock,), start_new_session=True
    )
