"""What the operator API reads and writes: msgspec structs, and the same structs in OpenAPI."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response

from serve_apps.gateway.shared.problems import FieldError, Problem

_T = TypeVar("_T")
_PLACE = re.compile(r"(?P<what>.*?) - at `\$\.?(?P<field>.*)`\Z", re.DOTALL)
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(?P<field>[^`]*)`")
_REF = "#/components/schemas/{name}"
_shown: list[Any] = []
"""Every type that a route reads or writes, for the OpenAPI document."""


async def read(request: Request, kind: type[_T] | Any) -> _T:
    """The JSON body as `kind`, a struct or a union of structs.

    Raises Problem: `content_type` (415) where it is not announced as JSON, so that no plain form
    of another page can send one; `invalid_request` (422) with the field that is wrong.
    """
    announced = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if announced != "application/json":
        raise Problem("content_type", "send JSON, as application/json", status=415)
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except msgspec.ValidationError as error:
        raise invalid(field_error(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("invalid_request", f"this is no JSON: {error}", status=422) from None


def field_error(message: str) -> FieldError:
    """msgspec's message as a field and what is wrong with it; the field is empty for the whole."""
    place = _PLACE.match(message)
    what, field = (place["what"], place["field"]) if place else (message, "")
    if named := _NAMED.match(what):
        field = f"{field}.{named['field']}" if field else named["field"]
    return FieldError(field, what)


def invalid(*errors: FieldError) -> Problem:
    return Problem("invalid_request", "the request has wrong fields", status=422, errors=errors)


def answer(value: Any, status: int = 200) -> Response:
    """`value` as JSON. Nothing of it may be kept by a browser or a proxy."""
    return Response(
        msgspec.json.encode(value),
        status,
        {"Cache-Control": "no-store"},
        media_type="application/json",
    )


# OpenAPI.


def takes(kind: Any) -> dict[str, Any]:
    """`openapi_extra` of a route that reads `kind`."""
    return {"requestBody": {"required": True, "content": _content(kind)}}


def gives(kind: Any, description: str, *, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers with `kind`."""
    return {status: {"description": description, "content": _content(kind)}}


def install_schemas(app: FastAPI) -> None:
    """Put the structs' schemas into the app's OpenAPI document, where the routes refer to them."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        document = made()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "OperatorView" not in schemas:
            schemas.update(msgspec.json.schema_components(_shown, ref_template=_REF)[1])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _content(kind: Any) -> dict[str, Any]:
    _shown.append(kind)
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return {"application/json": {"schema": schema}}
