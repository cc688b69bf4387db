"""Bytes into text: UTF-8, UTF-16 and UTF-32 by their mark, and what Windows programs write."""

from __future__ import annotations

import codecs
import re
import unicodedata

from projections.knowledge.parsing.errors import Unparsable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MULTIBYTE = re.compile(rb"[\xc0-\xf4][\x80-\xbf]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WESTERN = frozenset(
    "€£¥§°ºª«»“”’–…·•¿¡©®™†½¼¾²³×÷±µ"
    "\u2018\u201a\u201e\u2014\u00b4\u00a8\xa0\xad"  # other quotes, dashes and spaces
)
_SAVE_AS = "Open it where it was written and save it as UTF-8."


def decoded(name: str, content: bytes) -> str:
    """The text of `content`, without a byte order mark.

    Without a mark it is UTF-8; else Windows-1252, where it reads as a western text. Raises
    Unparsable (`corrupt`) for anything else.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _strictly(name, content, encoding)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return _western(name, content, error.start)
    if "\x00" in text:
        raise Unparsable("corrupt", f"{name}: {_nulls(content)} {_SAVE_AS}")
    return text


def _strictly(name: str, content: bytes, encoding: str) -> str:
    label = encoding.removesuffix("-sig").upper()
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unparsable(
            "corrupt", f"{name}: damaged {label} text. {_SAVE_AS}", f"byte {error.start}"
        ) from None
    if "\x00" in text:
        raise Unparsable("corrupt", f"{name}: there are NUL characters in it. {_SAVE_AS}")
    return text


def _western(name: str, content: bytes, bad: int) -> str:
    """Windows-1252, when nothing in it speaks for a damaged UTF-8 text or for no text at all."""
    try:
        text = content.decode("cp1252")
    except UnicodeDecodeError:
        text = "\x00"
    if _CONTROL.search(text) or _MULTIBYTE.search(content) or not all(map(_is_western, set(text))):
        what = _nulls(content) if b"\x00" in content else "not a text in UTF-8."
        raise Unparsable("corrupt", f"{name}: {what} {_SAVE_AS}", f"byte {bad}")
    return text


def _is_western(char: str) -> bool:
    return char.isascii() or char in _WESTERN or unicodedata.category(char) in ("Ll", "Lu")


def _nulls(content: bytes) -> str:
    head = content[:2000]
    if head.count(0) * 3 > len(head):
        return "it looks like UTF-16 without a byte order mark."
    return "there are NUL bytes in it, as in a program or a damaged file."
