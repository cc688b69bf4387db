"""The operator API from the command line (docs/operator-api.md): sign-in, refresh, orders.

The session is kept in the house's home folder for its owner's eyes only, so that a password is
asked for once. An order keeps its id however often it must be sent.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import msgspec

from tandem.embedded.nats import write_secret
from tandem.errors import UserError

TIMEOUT_S = 20.0
TRIES = 5
FIRST_PAUSE_S = 0.25
"""Between two tries of what the gateway is too busy for; each time twice as long."""
SPARE_MS = 30_000
"""A token that ends sooner is refreshed before it is used."""
COOKIE = "tandem_session"
CONSOLE = {"X-Tandem-Console": "1"}
_AGAIN = frozenset({"unavailable", "busy", "not_ready", "rate_limited"})
_SESSION_ENDED = frozenset({"expired", "revoked", "bad_token", "session_over"})

Json = dict[str, Any]


class Refused(UserError):
    """The gateway does not do it: `code` is stable, the text is for a person."""

    def __init__(self, code: str, text: str, body: Json | None = None) -> None:
        super().__init__(text)
        self.code, self.body = code, body or {}


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """How to sign in. `password` is called only when it is needed, and may ask a person."""

    email: str
    password: Callable[[], str]
    tenant: str = ""


class Session(msgspec.Struct, kw_only=True):
    """What is kept of a sign-in. `cookie` refreshes it."""

    email: str
    tenant: str
    token: str
    expires_at: int
    cookie: str


class SessionFile:
    """The kept sessions, one for each gateway. A damaged file is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, url: str) -> Session | None:
        return self._all().get(url)

    def keep(self, url: str, session: Session | None) -> None:
        sessions = self._all()
        if session is None:
            sessions.pop(url, None)
        else:
            sessions[url] = session
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(self._path, msgspec.json.encode(sessions).decode() + "\n")

    def _all(self) -> dict[str, Session]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Session])
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}


class OperatorClient:
    """One operator at one gateway. Use as a context manager.

    `find` says how to sign in where no session is kept, or the kept one is over; it gives None
    where nobody can say. `whose` and `tenant` are what a kept session must be of, where not empty.
    """

    def __init__(
        self,
        url: str,
        sessions: SessionFile,
        find: Callable[[], Credentials | None],
        *,
        whose: str = "",
        tenant: str = "",
    ) -> None:
        self.url, self._sessions, self._find = url, sessions, find
        self._whose, self._tenant = whose, tenant
        self._http = httpx.Client(base_url=f"{url}/v1/operator", timeout=TIMEOUT_S)
        self._session: Session | None = None
        self._new_cookie = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def me(self) -> Json:
        return self.get("/me")

    def get(self, path: str, **params: object) -> Any:
        return self._asked("GET", path, params={k: v for k, v in params.items() if v != ""})

    def put(self, path: str, body: object) -> Any:
        return self._asked("PUT", path, json=body)

    def conversation(self, ident: str) -> Json:
        """`row`, `state` and `version`; fields that hold their default are left out."""
        return self.get(f"/conversations/{quote(ident, safe='')}")

    def order(self, conversation: str, kind: str, *, epoch: int | None, **fields: object) -> Json:
        """Give an order and return when it is durable. `epoch` is what the operator saw, None for
        orders that rest on nothing. Raises Refused."""
        order: Json = {"type": kind, "id": uuid.uuid4().hex} | fields
        if epoch is not None:
            order["epoch"] = epoch
        path = f"/conversations/{quote(conversation, safe='')}/orders"
        return self._asked("POST", path, json=order)

    # --- asking ------------------------------------------------------------------------------

    def _asked(self, method: str, path: str, **options: Any) -> Any:
        """Every request may be sent again: reads, whole settings, and orders, which have an id."""
        signed_in_anew = False
        for left in reversed(range(TRIES)):
            try:
                return self._once(method, path, self._bearer(), **options)
            except Refused as refused:
                if refused.code in _SESSION_ENDED and not signed_in_anew:
                    signed_in_anew, self._session = True, self._renewed()
                elif refused.code not in _AGAIN or not left:
                    raise
                else:
                    time.sleep(FIRST_PAUSE_S * 2 ** (TRIES - 1 - left))
        raise Refused("unavailable", "the gateway is too busy now, try again")

    def _once(self, method: str, path: str, headers: Mapping[str, str], **options: Any) -> Any:
        try:
            answer = self._http.request(method, path, headers=headers, **options)
        except httpx.TransportError as error:
            text = f"no gateway answers at {self.url} ({error or type(error).__name__})"
            raise Refused("unavailable", text) from None
        except httpx.InvalidURL:
            raise UserError(f"{self.url} is no web address") from None
        self._keep_cookie(answer)
        if answer.is_success:
            return answer.json() if answer.content else None
        raise _refusal(self.url, answer)

    def _bearer(self) -> Json:
        if self._session is None:
            self._session = self._kept() or self._signed_in()
        if self._session.expires_at - SPARE_MS < time.time_ns() // 1_000_000:
            self._session = self._renewed()
        return {"Authorization": f"Bearer {self._session.token}"}

    # --- the session -------------------------------------------------------------------------

    def _kept(self) -> Session | None:
        session = self._sessions.get(self.url)
        if session is None or self._whose not in ("", session.email):
            return None
        return session if self._tenant in ("", session.tenant) else None

    def _renewed(self) -> Session:
        """By the cookie, and where that is over by a new sign-in."""
        session = self._session or self._kept()
        if session is not None and session.cookie:
            headers = {**CONSOLE, "Cookie": f"{COOKIE}={session.cookie}"}
            try:
                opened = self._once("POST", "/session/refresh", headers)
            except Refused as refused:
                if refused.code not in _SESSION_ENDED:
                    raise
            else:
                return self._begin(opened, session)
        return self._signed_in()

    def _signed_in(self) -> Session:
        self._sessions.keep(self.url, None)
        found = self._find()
        if found is None:
            raise UserError(
                "who are you? --email and --password, or TANDEM_OPERATOR_EMAIL and"
                " TANDEM_OPERATOR_PASSWORD"
            )
        asked = {"email": found.email, "password": found.password()}
        if found.tenant:
            asked["tenant"] = found.tenant
        opened = self._once("POST", "/session", {}, json=asked)
        nobody = Session(email=found.email, tenant="", token="", expires_at=0, cookie="")
        return self._begin(opened, nobody)

    def _begin(self, opened: Json, before: Session) -> Session:
        session = Session(
            email=before.email,
            tenant=opened["me"]["tenant"],
            token=opened["token"],
            expires_at=opened["expires_at"],
            cookie=self._new_cookie or before.cookie,
        )
        self._sessions.keep(self.url, session)
        return session

    def _keep_cookie(self, answer: httpx.Response) -> None:
        """By hand: the jar would send it where it does not belong, and not at all over http
        where the gateway stands behind https."""
        self._new_cookie = answer.cookies.get(COOKIE) or self._new_cookie
        self._http.cookies.clear()


def _refusal(url: str, answer: httpx.Response) -> Refused:
    """One line of what the gateway says, with the fields that are wrong."""
    try:
        body: Json = answer.json()
        code, detail = str(body["code"]), str(body["detail"])
    except (ValueError, KeyError, TypeError):
        return Refused("no_gateway", f"{url} answers {answer.status_code}, but is no gateway")
    wrong = "; ".join(f"{one['field']}: {one['detail']}" for one in body.get("errors") or ())
    if code == "tenant_needed":
        names = " or ".join(f"--tenant {one['tenant']}" for one in body.get("tenants") or ())
        detail = f"this e-mail works for several companies: {names}"
    if code in ("locked", "rate_limited") and answer.headers.get("Retry-After"):
        detail = f"{detail} (in {answer.headers['Retry-After']} s)"
    return Refused(code, wrong or detail, body)
