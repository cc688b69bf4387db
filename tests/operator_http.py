"""An operator of a running house over the documented HTTP API, for tests.

async with OperatorHttp(house.url) as ana:
    await ana.sign_in("ana@casa-lumen.example", "...")
    await ana.order(conversation, "take_over", openly=False)
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

TIMEOUT_S = 20.0
AGAIN_S = 0.1
PATIENCE_S = 60.0


class OrderRefused(Exception):
    """The API refused an order: `code` and `detail` of its problem."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem}")
        self.status, self.code = status, problem.get("code", "")
        self.detail: str = problem.get("detail", "")


class OperatorHttp:
    """One signed-in operator. Orders are sent again, with the same id, until they are decided."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{url}/v1/operator", timeout=TIMEOUT_S)
        self.me: dict[str, Any] = {}
        self.token = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def sign_in(self, email: str, password: str) -> Self:
        answer = await self._http.post("/session", json={"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        self.token, self.me = answer.json()["token"], answer.json()["me"]
        self._http.headers["Authorization"] = f"Bearer {self.token}"
        return self

    async def sign_in_as_demo(self, home: Path) -> Self:
        email, password = (home / "demo-operator").read_text().split()
        return await self.sign_in(email, password)

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self._http.get(path, params=params)
        if answer.status_code != 200:
            raise OrderRefused(answer.status_code, answer.json())
        return answer.json()

    async def epoch(self, conversation: str) -> int:
        state = (await self.get(f"/conversations/{conversation}"))["state"]
        return int(state.get("epoch", 1))

    async def order(
        self, conversation: str, kind: str, *, fenced: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """Give an order and wait until it is durable. The epoch is read just before, unless it is
        given. Raises OrderRefused."""
        order = {"type": kind, "id": uuid.uuid4().hex, **fields}
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if fenced and "epoch" not in order:
                        order["epoch"] = await self.epoch(conversation)
                    answer = await self._http.post(
                        f"/conversations/{conversation}/orders", json=order
                    )
                except httpx.TransportError:
                    await asyncio.sleep(AGAIN_S)
                    continue
                except OrderRefused as refused:
                    if refused.status != 503:
                        raise
                    await asyncio.sleep(AGAIN_S)
                    continue
                if answer.status_code == 202:
                    return answer.json()
                if answer.status_code not in (429, 503):
                    raise OrderRefused(answer.status_code, answer.json())
                await asyncio.sleep(AGAIN_S)
