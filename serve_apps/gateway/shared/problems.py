"""Errors over HTTP, all in one shape: problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from serve_apps.gateway.shared.refusal import Refusal

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

STATUS_BY_CODE = {
    "bad_token": 401,
    "expired": 401,
    "revoked": 401,
    "session_over": 401,
    "wrong_credentials": 401,
    "forbidden": 403,
    "console_header": 403,
    "unknown_conversation": 404,
    "unknown_canned": 404,
    "unknown_document": 404,
    "unknown_version": 404,
    "unknown_chunk": 404,
    "too_slow": 408,
    "too_large": 413,
    "unsupported_document": 415,
    "document_name": 422,
    "refused_address": 422,
    "depth": 422,
    "settings": 422,
    "locked": 429,
    "busy": 503,
    "wrong_key": 401,
    "foreign_origin": 403,
    "wrong_conversation": 403,
    "message_id": 422,
    "message_length": 422,
    "score": 422,
    "not_started": 409,
    "rate_limited": 429,
    "body_size": 413,
    "unavailable": 503,
    "not_ready": 503,
}
"""A refusal of the conversation that is not here is a 409: it was understood, and not done."""


class FieldError(msgspec.Struct, frozen=True):
    field: str
    detail: str


class Problem(Exception):
    """What went wrong with a request. `code` is stable, `detail` is for a person; `errors` names
    the fields that were wrong, and `more` is what else the body says."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        status: int | None = None,
        errors: tuple[FieldError, ...] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail
        self.status = status if status is not None else STATUS_BY_CODE.get(code, 409)
        self.errors, self.headers, self.more = errors, headers, more


class BodyTooBig(HTTPException):
    """Raised while a request's body is read: FastAPI lets only its own kind through there."""


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`type` is a URN by `code`; `errors` names the fields of a request that were wrong."""

    type: str
    title: str
    status: int
    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()


def problem_response(
    status: int,
    code: str,
    detail: str = "",
    *,
    errors: tuple[FieldError, ...] = (),
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, object] | None = None,
) -> Response:
    body = ProblemBody(
        type=f"urn:tandem:problem:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        errors=errors,
    )
    sent = dict(headers or {})
    if status in (429, 503):
        sent.setdefault("Retry-After", "2")
    if status == 401:
        sent.setdefault("WWW-Authenticate", "Bearer")
    whole = body if more is None else {**msgspec.to_builtins(body), **more}
    return Response(msgspec.json.encode(whole), status, sent, MEDIA_TYPE)


async def _of_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(
        error.status,
        error.code,
        error.detail,
        errors=error.errors,
        headers=error.headers,
        more=error.more,
    )


async def _of_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return problem_response(STATUS_BY_CODE.get(error.code, 409), error.code, error.detail)


async def _of_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(
        FieldError(".".join(str(part) for part in one["loc"]), str(one["msg"]))
        for one in error.errors()
    )
    return problem_response(422, "invalid_request", "the request has wrong fields", errors=errors)


async def _of_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error, BodyTooBig):
        return problem_response(413, "body_size", error.detail)
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    return problem_response(error.status_code, code, str(error.detail), headers=error.headers)


async def _of_fault(request: Request, error: Exception) -> Response:
    _log.error("a request failed", path=request.url.path, exc_info=error)
    return problem_response(500, "internal", "this is our fault and was logged")


def install_problems(app: FastAPI) -> None:
    """Answer every error of `app` with problem details, FastAPI's own included."""
    app.add_exception_handler(Problem, _of_problem)
    app.add_exception_handler(Refusal, _of_refusal)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_fault)
