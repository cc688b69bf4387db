"""The accounts and sessions of the console's double: who may sign in, and what refuses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web
from console_world import TENANT

from serve_apps.gateway.operators import frames as f

PASSWORD = "a good long password"
COOKIE = "tandem_session"


def _person(ident: str, name: str, role: f.Role) -> f.OperatorView:
    return f.OperatorView(
        operator=f"op-{ident}",
        email=f"{ident}@casa-lumen.example",
        name=name,
        role=role,
        tenant=TENANT,
        company="Casa Lumen",
    )


ANA = _person("ana", "Ana Ruiz", "manager")
BRUNO = _person("bruno", "Bruno Keller", "manager")
VERA = _person("vera", "Vera Lind", "viewer")
MAX = _person("max", "Max Moreno", "admin")


class Refusal(Exception):
    """Problem details, as an answer."""

    def __init__(self, status: int, code: str, detail: str = "", **more: Any) -> None:
        super().__init__(code)
        self.status, self.headers = status, more.pop("headers", {})
        self.body = {"status": status, "code": code, "detail": detail} | more


class Accounts:
    """Signs in, refreshes and signs out, by password and cookie."""

    def __init__(self, now: Callable[[], int], complaints: list[str]) -> None:
        self._now, self._complaints = now, complaints
        self.people = {view.email: view for view in (ANA, BRUNO, VERA, MAX)}
        self.refusals: list[Refusal] = []
        """What the next sign-ins are refused with."""
        self.token_life_s = 900.0
        self._tokens: dict[str, tuple[f.OperatorView, int]] = {}
        self._cookies: dict[str, str] = {}
        self._count = 0

    def add_routes(self, app: web.Application, at: str) -> None:
        app.router.add_post(f"{at}/session", self._sign_in)
        app.router.add_post(f"{at}/session/refresh", self._refresh)
        app.router.add_delete(f"{at}/session", self._sign_out)

    def end_sessions(self) -> None:
        """As when the operator's password was changed."""
        self._cookies.clear()
        self._tokens.clear()

    def whose(self, token: str) -> f.OperatorView | None:
        view, expires_at = self._tokens.get(token, (None, 0))
        return view if view and expires_at > self._now() else None

    def ends(self, token: str) -> int:
        return self._tokens[token][1]

    def caller(self, request: web.Request) -> f.OperatorView:
        view = self.whose(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if view is None:
            raise Refusal(401, "bad_token", "sign in")
        return view

    async def _sign_in(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.refusals:
            raise self.refusals.pop(0)
        view = self.people.get(body["email"])
        if view is None or body["password"] != PASSWORD:
            raise Refusal(401, "wrong_credentials", "e-mail or password is wrong")
        return self._opened(view, 201)

    async def _refresh(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Tandem-Console") != "1":
            self._complaints.append("refresh without X-Tandem-Console")
        email = self._cookies.pop(request.cookies.get(COOKIE, ""), None)
        if email is None:
            raise Refusal(401, "signed_out", "sign in")
        return self._opened(self.people[email], 200)

    async def _sign_out(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Tandem-Console") != "1":
            self._complaints.append("sign-out without X-Tandem-Console")
        self._cookies.pop(request.cookies.get(COOKIE, ""), None)
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path="/v1/operator")
        return response

    def _opened(self, view: f.OperatorView, status: int) -> web.Response:
        self._count += 1
        token, cookie = f"token-{self._count}", f"cookie-{self._count}"
        expires_at = self._now() + int(self.token_life_s * 1000)
        self._tokens[token] = view, expires_at
        self._cookies[cookie] = view.email
        body = {"token": token, "expires_at": expires_at, "me": msgspec.to_builtins(view)}
        response = web.json_response(body, status=status)
        response.set_cookie(COOKIE, cookie, path="/v1/operator", httponly=True, samesite="Strict")
        return response

    def _whose(self, token: str) -> f.OperatorView | None:
        view, expires_at = self._tokens.get(token, (None, 0))
        return view if view and expires_at > self._now() else None

    def _caller(self, request: web.Request) -> f.OperatorView:
        view = self._whose(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if view is None:
            raise Refusal(401, "bad_token", "sign in")
        return view
