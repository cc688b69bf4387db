"""Runs `tandem` as an operator at a terminal does, against a gateway of the test's own."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

WAIT_S = 90


class Terminal:
    """A shell with a home folder of its own; `url` is what commands are told to ask, if any."""

    def __init__(self, home: Path, *, url: str = "", **env: str) -> None:
        self.home, self.url, self.env = home, url, env

    async def __call__(self, *arguments: str, stdin: str = "", **env: str) -> tuple[int, str, str]:
        """Exit status, what it printed, and what it complained of."""
        given = {"TANDEM_HOME": str(self.home), "NO_COLOR": "1", "COLUMNS": "120"}
        if self.url:
            given["TANDEM_OPERATOR_URL"] = self.url
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TANDEM_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from tandem.cli import main; main()",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=inherited | given | self.env | env,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), WAIT_S)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def done(self, *arguments: str, **options: Any) -> str:
        """What a command printed that must succeed, without a complaint."""
        status, out, err = await self(*arguments, **options)
        assert (status, err) == (0, ""), (arguments, out, err)
        return out

    async def refused(self, *arguments: str, **options: Any) -> str:
        """The one line that says why a command did not succeed."""
        status, out, err = await self(*arguments, **options)
        assert status == 1, (arguments, out, err)
        assert err.startswith("tandem: "), err
        assert err.count("\n") == 1, err
        return err.removeprefix("tandem: ").strip()


def house_runs(home: Path, *, port: int = 8000, nats_url: str = "") -> None:
    """As if a house ran on `home`: this process, with these servers."""
    from config.settings import Settings
    from tandem.addresses import Addresses, write_running

    settings = Settings(home=home, port=port)
    write_running(
        Addresses(settings=settings, nats_url=nats_url, postgres_dsn="", ray_address="", secret="s")
    )
