"""What tests of the operators' side share: accounts that cost nothing to check, and clients."""

from __future__ import annotations

from typing import Any

PASSWORD = "a long enough password"
CONSOLE = {"X-Tandem-Console": "1"}
MINUTE_MS = 60_000


class Clock:
    """Milliseconds since 1970, UTC, as a test says."""

    def __init__(self, now: int = 1_760_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_minutes(self, minutes: float) -> None:
        self.now += round(minutes * MINUTE_MS)


async def hired(
    house: Any, name: str = "Ana", *, role: str = "manager", tenant: str = "demo", email: str = ""
) -> str:
    """A new operator `<name>@shop.example`, known to the gateway: their id."""
    from gateway_house import until

    from serve_apps.gateway.operators.accounts.accounts import add_operator

    ident = await add_operator(
        house.log,
        tenant,
        email=email or f"{name.lower()}@shop.example",
        name=name,
        role=role,
        password=PASSWORD,
        at=1,
        passwords=cheap_passwords(),
    )
    await until(lambda: house.hub.operators.account(tenant, ident) is not None)
    return ident


async def sign_in(client: Any, name: str = "Ana", **fields: Any) -> Any:
    """The answer to a sign-in; the cookie stays with the client."""
    asked = {"email": f"{name.lower()}@shop.example", "password": PASSWORD} | fields
    return await client.post("/v1/operator/session", json=asked)


async def bearer(client: Any, name: str = "Ana", **fields: Any) -> dict[str, str]:
    """Sign in, and the header to ask with."""
    answer = await sign_in(client, name, **fields)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def is_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Assert that the answer is this problem (RFC 9457); its body."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["type"] == f"urn:tandem:problem:{code}"
    assert "access-control-allow-origin" not in answer.headers
    return body


def cheap_passwords() -> Any:
    """Real argon2id with the least work it can do."""
    from argon2 import PasswordHasher

    from serve_apps.gateway.operators.accounts.passwords import Passwords

    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class MemoryReadings:
    """Readings over a log in memory: each question folds it anew, so nothing ever lags."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.away = False
        """Set: as when Postgres is down."""

    async def queue_page(
        self, tenant: str, *, view: str, operator: str, search: str, limit: int, before: str
    ) -> Any:
        from projections.read_models.operator_queries import QueuePage
        from projections.read_models.queue import needs_a_person

        shown = {
            "unassigned": needs_a_person,
            "mine": lambda row: row.status == "open" and row.operator == operator,
            "all": lambda row: row.status == "open" or bool(search),
            "resolved": lambda row: row.status == "resolved",
        }[view]
        rows = [row for row in await self._rows(tenant) if shown(row) and search in row.last_text]
        first = int(before) if before else 0
        page = tuple(rows[first : first + limit])
        more = str(first + limit) if len(rows) > first + limit else ""
        return QueuePage(rows=page, next=more)

    async def queue_rows(self, tenant: str) -> Any:
        from projections.read_models.operator_queries import QueueRead

        rows = tuple(await self._rows(tenant))
        return QueueRead(rows=rows, checkpoint=max((row.version for row in rows), default=0))

    async def related(self, tenant: str, conversation: str) -> Any:
        rows = await self._rows(tenant)
        visitor = next((row.visitor for row in rows if row.conversation == conversation), "")
        return [
            row
            for row in rows
            if visitor and row.visitor == visitor and row.conversation != conversation
        ]

    async def drafts_page(self, tenant: str, *, limit: int, before: str) -> Any:
        from projections.read_models.operator_queries import DraftsPage

        await self._rows(tenant)
        return DraftsPage(rows=())

    async def figures(self, tenant: str, *, now: int, today: int) -> Any:
        from projections.analytics.figures import Figures, Spread

        rows = await self._rows(tenant)
        waiting = [row.waiting_since for row in rows if row.waiting_since is not None]
        return Figures(
            at=now,
            waiting=len(waiting),
            longest_wait_ms=now - min(waiting) if waiting else None,
            owned=sum(bool(row.operator) for row in rows),
            drafts_waiting=0,
            first_response_today=Spread(count=0, median_ms=None, p90_ms=None),
            first_response_week=Spread(count=0, median_ms=None, p90_ms=None),
            handoffs_by_reason={},
            drafts_by_outcome={},
            rating=None,
            ratings=0,
        )

    async def _rows(self, tenant: str) -> list[Any]:
        """Those that wait longest first, then the newest. Raises ReadingsUnavailable."""
        from projections.read_models.queue import taken_in
        from serve_apps.gateway.operators.board.readings import ReadingsUnavailable

        if self.away:
            raise ReadingsUnavailable("away")
        rows: dict[str, Any] = {}
        version = 0
        while (commit := await self._next(version)) is not None:
            version = commit.version
            if commit.stream.tenant == tenant:
                rows[commit.stream.id] = taken_in(rows.get(commit.stream.id), commit)
        return sorted(
            rows.values(),
            key=lambda row: (row.waiting_since is None, row.waiting_since or -row.last_at),
        )

    async def _next(self, after: int) -> Any:
        """The first commit of any conversation after a version, if there is one now."""
        import asyncio

        reading = self._log.subscribe("conversation", after=after)
        try:
            async with asyncio.timeout(0.02):
                return await anext(reading)
        except TimeoutError:
            return None
        finally:
            await reading.aclose()
