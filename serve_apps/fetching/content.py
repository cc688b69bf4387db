"""What came: its kind, its text, and where it leads."""

from __future__ import annotations

import codecs
from email.message import Message
from pathlib import PurePosixPath
from typing import Final

import httpx
import msgspec
from lxml import etree  # type: ignore[attr-defined]  # a C module without types

from events.knowledge import MediaType
from serve_apps.fetching.addresses import checked_url, same_site
from serve_apps.fetching.refusal import FetchRefused

_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_KINDS: dict[str, MediaType] = {
    "text/html": "text/html",
    "application/xhtml+xml": "text/html",
    "text/plain": "text/plain",
    "text/markdown": "text/markdown",
    "text/x-markdown": "text/markdown",
    "text/csv": "text/csv",
    "application/csv": "text/csv",
    "text/tab-separated-values": "text/csv",
    "application/pdf": "application/pdf",
    _DOCX: _DOCX,
    _PPTX: _PPTX,
    _XLSX: _XLSX,
}
_BY_SUFFIX: dict[str, MediaType] = {
    ".html": "text/html",
    ".htm": "text/html",
    ".txt": "text/plain",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".pdf": "application/pdf",
    ".docx": _DOCX,
    ".pptx": _PPTX,
    ".xlsx": _XLSX,
}
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream", "text/plain"})
"""A server sends what it does not know as one of these; then the name's ending says more."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """A page as it came. `url` is its own address, after redirects. Text is UTF-8 where the host
    said what it was in; else it is as it came, for the parser to find out. `links` are the
    addresses of the same site that an HTML page leads to, in its order, each once."""

    url: str
    content: bytes
    media_type: MediaType
    links: tuple[str, ...] = ()


def fetched(url: httpx.URL, content_type: str, body: bytes, *, links: int) -> Fetched:
    """`links` at most are kept. Reads the whole page: call it off the event loop.

    Raises FetchRefused `unsupported` for a kind that has no reader."""
    kind, charset = _announced(content_type)
    by_name = _BY_SUFFIX.get(PurePosixPath(url.path).suffix.lower())
    media_type = (by_name if kind in _SAYS_NOTHING else None) or _KINDS.get(kind)
    if media_type is None:
        raise FetchRefused("unsupported", f"it is {kind or 'of no named kind'}: no reader for that")
    if media_type.startswith("text/"):
        body = _as_utf8(body, charset)
    leads_to = _links(url, body, links) if media_type == "text/html" else ()
    return Fetched(url=str(url), content=body, media_type=media_type, links=leads_to)


def _links(here: httpx.URL, body: bytes, most: int) -> tuple[str, ...]:
    parser = etree.HTMLParser(no_network=True, huge_tree=False, recover=True, encoding="utf-8")
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ()
    found: dict[str, None] = {}
    for anchor in root.iter("a") if root is not None else ():
        target = _target(here, str(anchor.get("href") or ""))
        if target and target != str(here):
            found[target] = None
        if len(found) >= most:
            break
    return tuple(found)


def _target(here: httpx.URL, link: str) -> str:
    try:
        url = checked_url(str(here.join(link.strip())))
    except (FetchRefused, httpx.InvalidURL, ValueError):
        return ""
    return str(url) if same_site(here, url) else ""


def _announced(content_type: str) -> tuple[str, str]:
    """Kind and character set of a `Content-Type`."""
    header = Message()
    header["content-type"] = content_type
    kind = header.get_content_type() if content_type.strip() else ""
    return kind, str(header.get_param("charset") or "")


def _as_utf8(body: bytes, charset: str) -> bytes:
    """With a byte order mark when it was changed, which stands above what the text itself says."""
    try:
        if not charset or codecs.lookup(charset).name in ("utf-8", "ascii"):
            return body
        return codecs.BOM_UTF8 + body.decode(charset).removeprefix("\ufeff").encode()
    except (LookupError, UnicodeError):
        return body
