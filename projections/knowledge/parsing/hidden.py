"""Characters that no reader sees: taken out, and told. Pure and linear.

What scripts and emoji need stays: the joiners between letters of Persian or of Indic scripts and
between emoji, and variation selectors after a character that has variants.
"""

from __future__ import annotations

import re
import unicodedata

_ZWNJ, _ZWJ = "\u200c", "\u200d"
_HIDDEN = re.compile(
    "["
    "\u00ad"  # soft hyphen
    "\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # zero width, bidirectional overrides
    "\u3164\ufeff\uffa0\ufff9-\ufffb\ufe00-\ufe0f"
    "\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags (ASCII that nobody sees), more variation selectors
    "]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_QUIET = frozenset("\u00ad\u200e\u200f\u061c\ufeff\u2060")
"""Taken out, and not worth a flag in ones and twos: what word processors leave behind."""
_QUIET_UP_TO = 20
_FLAG_OF_A_REGION = "\U0001f3f4"
_TAGS = range(0xE0020, 0xE0080)
SAMPLE = 120
"""Characters of a sample."""


def uncovered(text: str) -> tuple[str, int, str]:
    """`text` without hidden and control characters; how many were hidden that a person should
    know of; and a sample of the first, written as `U+200B`."""
    text = _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))
    if text.isascii() or _HIDDEN.search(text) is None:
        return text, 0, ""
    kept: list[str] = []
    at, loud, quiet, first = 0, 0, 0, -1
    for match in _HIDDEN.finditer(text):
        start = match.start()
        if _has_a_use(text, start):
            continue
        kept.append(text[at:start])
        at = match.end()
        if text[start] in _QUIET:
            quiet += 1
        else:
            loud += 1
        if first < 0 or (loud == 1 and text[start] not in _QUIET):
            first = start
    kept.append(text[at:])
    count = loud + quiet if loud or quiet > _QUIET_UP_TO else 0
    return "".join(kept), count, shown(text, first) if count else ""


def shown(text: str, at: int) -> str:
    """The surroundings of `at`, each hidden character as `U+XXXX`. What is written in tag
    characters is written out in letters too."""
    piece = text[max(at - 20, 0) : at + SAMPLE]
    written = "".join(
        f"U+{ord(char):04X}" if _HIDDEN.match(char) else " " if char.isspace() else char
        for char in piece
    )
    tags = "".join(chr(ord(char) - 0xE0000) for char in piece if ord(char) in _TAGS)
    return f"{tags!r}: {written}"[:SAMPLE] if tags else written[:SAMPLE]


def _has_a_use(text: str, at: int) -> bool:
    char = text[at]
    before = text[at - 1] if at else ""
    after = text[at + 1] if at + 1 < len(text) else ""
    if char in (_ZWNJ, _ZWJ):
        if _joins(before) and (_joins(after) or char == _ZWJ):
            return True
        return char == _ZWJ and _pictured(before) and _pictured(after)
    if "\ufe00" <= char <= "\ufe0f":
        return _pictured(before) or before in "#*0123456789" or _is_cjk(before)
    if ord(char) in _TAGS or ord(char) == 0xE007F:
        start = at  # a region's flag: the black flag and up to seven tags
        while start and at - start < 7 and ord(text[start - 1]) in _TAGS:
            start -= 1
        return start > 0 and text[start - 1] == _FLAG_OF_A_REGION
    if "\U000e0100" <= char <= "\U000e01ef":
        return _is_cjk(before)
    return False


def _joins(char: str) -> bool:
    """A letter or mark of a script in which joiners change how letters are drawn."""
    return bool(char) and (
        "\u0600" <= char <= "\u08ff" or "\u0900" <= char <= "\u0dff" or "\u1780" <= char <= "\u17ff"
        or "\u1000" <= char <= "\u109f" or "\u1800" <= char <= "\u18af"
    )  # fmt: skip


def _pictured(char: str) -> bool:
    return bool(char) and (
        unicodedata.category(char) in ("So", "Sk", "Sm") or char in "\ufe0f\u203c\u2049"
    )


def _is_cjk(char: str) -> bool:
    return bool(char) and unicodedata.name(char, "").startswith("CJK")
