"""A document as it was handed over, to be kept by whoever asks and run by nobody.

What was uploaded may be a page with scripts: it leaves as bytes without a kind, as an attachment,
and even a browser that showed it would have to keep it in a sandbox.
"""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from fastapi import Response

from projections.knowledge.documents import DocumentVersion

_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")
_SUFFIX = {"text/markdown": ".md", "text/csv": ".csv", "text/plain": ".txt", "text/html": ".html"}


def original(row: DocumentVersion, content: bytes) -> Response:
    """`content` of the version `row`, to be saved."""
    name = attachment_name(row)
    plain = _UNSAFE.sub("_", name)  # for what cannot read the whole name
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
    return Response(
        content,
        media_type="application/octet-stream",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": disposition,
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )


def attachment_name(row: DocumentVersion) -> str:
    """The last step of its name or address, with an ending of its kind."""
    path = urlsplit(row.name).path if "://" in row.name else row.name
    name = PurePosixPath(path).name or row.document
    if PurePosixPath(name).suffix:
        return name
    suffix = _SUFFIX.get(row.media_type) or mimetypes.guess_extension(row.media_type) or ""
    return name + suffix
