"""Operators for tests, and a console that speaks the operators' socket frame by frame."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from gateway_house import WAIT_S, House, until

PASSWORD = "a long enough word 7"
_orders = itertools.count(1)


class Operator:
    """An account of a house's tenant, with a session that was begun for it."""

    def __init__(self, house: House, tenant: str, operator: str, begun: Any) -> None:
        self.house, self.tenant, self.operator = house, tenant, operator
        self.token, self.expires_at = begun.token, begun.expires_at
        self.session = begun

    def console(self, **options: Any) -> Console:
        return Console(self.house, self.token, **options)


async def hire(
    house: House, name: str = "Ana", *, role: str = "manager", tenant: str = "demo"
) -> Operator:
    """Add an operator and sign them in, without the work that passwords cost."""
    from operator_house import cheap_passwords

    from serve_apps.gateway.operators.accounts.accounts import add_operator
    from serve_apps.gateway.operators.accounts.directory import Place

    passwords = cheap_passwords()
    operator = await add_operator(
        house.log,
        tenant,
        email=f"{name.lower()}{next(_orders)}@{tenant}.example",
        name=name,
        role=role,
        password=PASSWORD,
        at=1,
        passwords=passwords,
    )
    passwords.close()
    operators = house.hub.operators
    await until(lambda: operators.account(tenant, operator) is not None)
    await until(house.hub.directory.caught_up)
    place = Place(tenant, operators.account(tenant, operator))
    return Operator(house, tenant, operator, await house.hub.identity.begin(place))


class Console:
    """A WebSocket client of the operators' socket."""

    def __init__(self, house: House, token: str, **connect: Any) -> None:
        self.house, self.token, self._connect = house, token, connect
        self.socket: Any = None
        self.frames: list[dict[str, Any]] = []

    async def __aenter__(self) -> Console:
        from websockets.asyncio.client import connect

        url = self.house.ws.removesuffix("/v1/socket") + "/v1/operator/socket"
        options = {"subprotocols": ["tandem.operator.v1.json"], "open_timeout": WAIT_S}
        self.socket = await connect(url, max_size=None, **(options | self._connect))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()

    async def send(self, type: str, **fields: Any) -> None:
        import msgspec

        await self.socket.send(msgspec.json.encode({"type": type, **fields}).decode())

    async def raw(self, data: str | bytes) -> None:
        await self.socket.send(data)

    async def next(self) -> dict[str, Any]:
        """The next frame, whatever it is."""
        import msgspec

        async with asyncio.timeout(WAIT_S):
            frame: dict[str, Any] = msgspec.json.decode(await self.socket.recv())
        self.frames.append(frame)
        return frame

    async def until(self, type: str, **fields: Any) -> dict[str, Any]:
        """The next frame of this type with these fields; others before it are kept in `frames`."""
        while True:
            frame = await self.next()
            if frame["type"] == type and all(frame.get(k) == v for k, v in fields.items()):
                return frame

    async def hello(self) -> dict[str, Any]:
        """Say hello; gives the welcome, and leaves the board in `rows`."""
        await self.send("hello", token=self.token)
        welcome = await self.until("welcome")
        await self.until("board")
        return welcome

    async def watch(self, conversation: str, after: int = 0) -> int:
        """Watch from a place on; gives the version that `watched` names."""
        await self.send("watch", conversation=conversation, after=after)
        return int((await self.until("watched", conversation=conversation))["version"])

    async def order(self, type: str, conversation: str, **fields: Any) -> dict[str, Any]:
        """Give an order, and wait for its `accepted` or `rejected`."""
        ident = fields.pop("id", f"order-{next(_orders)}")
        await self.send(type, id=ident, conversation=conversation, **fields)
        while True:
            frame = await self.next()
            if frame["type"] in ("accepted", "rejected") and frame["id"] == ident:
                return frame

    async def until_row(self, conversation: str, **fields: Any) -> dict[str, Any]:
        """The conversation's row once it has these fields (None: is not there)."""
        while True:
            row = self.rows.get(conversation)
            if row is not None and all(row.get(k) == v for k, v in fields.items()):
                return row
            await self.next()

    async def settle(self) -> None:
        """Read all that this socket was sent before now."""
        at = next(_orders)
        await self.send("ping", at=at)
        await self.until("pong", at=at)

    async def closed(self) -> tuple[int, str]:
        """Read to the end: close code and reason."""
        from websockets.exceptions import ConnectionClosed

        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.socket.close_code, self.socket.close_reason

    def commits(self, conversation: str) -> list[dict[str, Any]]:
        return [
            frame
            for frame in self.frames
            if frame["type"] == "commit" and frame["conversation"] == conversation
        ]

    def facts(self, conversation: str) -> list[str]:
        """The names of the facts of all commits that came."""
        commits = self.commits(conversation)
        return [fact["fact"].partition(".")[0] for commit in commits for fact in commit["facts"]]

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The board as this console has it: the newest row of each conversation."""
        rows: dict[str, dict[str, Any]] = {}
        for frame in self.frames:
            told = frame.get("rows", ()) if frame["type"] == "board" else ()
            for row in (frame["row"],) if frame["type"] == "row" else told:
                known = rows.get(row["conversation"])
                if known is None or known["version"] < row["version"]:
                    rows[row["conversation"]] = row
        return rows
