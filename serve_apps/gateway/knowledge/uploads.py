"""Files out of a multipart body: as many, as large, and no more.

The whole body is bounded while it is read (`guards.BodySize`). What has come lies in temporary
files, so that no more of it is in memory than the one file that is being handed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec
from fastapi import Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from serve_apps.gateway.knowledge.shapes import locale_fault
from serve_apps.gateway.operators.orders import bodies
from serve_apps.gateway.shared.limits import clean_text
from serve_apps.gateway.shared.problems import FieldError, Problem

FILES = 20
_FIELDS = ("name", "title", "url", "locale")
_FIELD_BYTES = 4096


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one request, in its order, by the names that they get."""

    files: tuple[tuple[str, UploadFile], ...]
    title: str = ""
    url: str = ""
    locale: str = ""


@asynccontextmanager
async def uploaded(request: Request, *, within: float) -> AsyncGenerator[Upload]:
    """Read the request's body; its temporary files are gone at the end.

    Raises Problem: `too_slow` (408, it has not come after `within` seconds), `too_large` (413,
    more than 20 files), `invalid_request` (422).
    """
    parser = MultiPartParser(
        request.headers,
        request.stream(),
        max_files=FILES,
        max_fields=len(_FIELDS),
        max_part_size=_FIELD_BYTES,
    )
    try:
        async with asyncio.timeout(within):
            form = await parser.parse()
    except TimeoutError:
        detail = f"the request has not come whole after {within:g} s"
        # What is still to come is not read: the connection cannot be used again.
        raise Problem("too_slow", detail, headers={"Connection": "close"}) from None
    except MultiPartException as error:
        if "Too many files" in error.message:
            raise Problem("too_large", f"{FILES} files at once, no more") from None
        raise bodies.invalid(FieldError("", error.message)) from None
    except FormParserError as error:
        raise bodies.invalid(FieldError("", f"this is no form: {error}")) from None
    try:
        yield _read(form.multi_items())
    finally:
        await form.close()


def _read(items: list[tuple[str, UploadFile | str]]) -> Upload:
    files: list[UploadFile] = []
    said: dict[str, str] = {}
    for name, value in items:
        if isinstance(value, UploadFile):
            if name != "file":
                raise bodies.invalid(FieldError(name[:80], "files are sent as `file`"))
            files.append(value)
        elif name not in _FIELDS or name in said:
            raise bodies.invalid(FieldError(name[:80], "there is no such field, or only once"))
        else:
            said[name] = clean_text(value)
    if not files:
        raise bodies.invalid(FieldError("file", "no file was sent"))
    name = said.pop("name", "")
    if name and len(files) > 1:
        raise bodies.invalid(FieldError("name", "of one file only; several keep their own"))
    if wrong := locale_fault(said.get("locale", "")):
        raise bodies.invalid(*wrong)
    names = [name or file_name(file.filename or "") for file in files]
    if len(set(names)) < len(names):
        raise bodies.invalid(FieldError("file", "two files of one name would be one document"))
    return Upload(files=tuple(zip(names, files, strict=True)), **said)


def file_name(sent: str) -> str:
    """The name that a document gets from its file's: a path within a folder stays, with `/`."""
    steps = clean_text(sent).replace("\\", "/").split("/")
    return "/".join(step for step in steps if step not in ("", ".", ".."))
