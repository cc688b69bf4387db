"""The addresses that a sitemap names (sitemaps.org): XML, an index of sitemaps, or plain lines."""

from __future__ import annotations

from xml.parsers import expat

import msgspec

from serve_apps.fetching.refusal import FetchRefused

_MOST_TEXT = 4000


class Sitemap(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses as they stand there; `maps` are further sitemaps."""

    pages: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()


def read_sitemap(content: bytes, most: int) -> Sitemap:
    """`most` addresses of each kind at most. Raises FetchRefused `unsupported`."""
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        reader = _Reader(most)
        return reader.read(text)
    lines = (line.strip() for line in text.decode("utf-8", "replace").splitlines())
    pages = tuple(line for line in lines if line.startswith(("http://", "https://")))
    if not pages:
        raise _no_sitemap("it names no address")
    return Sitemap(pages=pages[:most])


class _Enough(Exception):
    """As many addresses as are wanted."""


class _Reader:
    """expat, told to refuse a document type: without one there are no entities to expand, and
    nothing of another host to load."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._path: list[str] = []
        self._text = ""
        self._pages: dict[str, None] = {}
        self._maps: dict[str, None] = {}

    def read(self, content: bytes) -> Sitemap:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(content, True)
        except _Enough:
            pass
        except expat.ExpatError as error:
            raise _no_sitemap(f"its XML is wrong ({error})") from None
        if not self._pages and not self._maps:
            raise _no_sitemap("it names no address")
        return Sitemap(pages=tuple(self._pages), maps=tuple(self._maps))

    def _doctype(self, *_: object) -> None:
        raise _no_sitemap("it declares a document type")

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if not self._path and local not in ("urlset", "sitemapindex"):
            raise _no_sitemap(f"it is <{local[:50]}>")
        self._path.append(local)
        self._text = ""

    def _characters(self, text: str) -> None:
        if self._path[-1:] == ["loc"] and len(self._text) < _MOST_TEXT:
            self._text += text

    def _end(self, _: str) -> None:
        kind = {"url": self._pages, "sitemap": self._maps}.get("".join(self._path[-2:-1]))
        if self._path.pop() == "loc" and len(self._path) == 2 and kind is not None:
            kind[self._text.strip()] = None
            if len(kind) >= self._most:
                raise _Enough


def _no_sitemap(why: str) -> FetchRefused:
    return FetchRefused("unsupported", f"this is no sitemap: {why}")
