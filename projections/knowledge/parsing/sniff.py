"""What kind of document is it? Told by the name's ending, and borne out by the first bytes.

Nothing is opened or unpacked here: bytes are compared and looked for, so that it costs the same
for a hostile file. Pure.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from events.knowledge import MediaType
from projections.knowledge.parsing.errors import Unparsable

DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF: Final = "application/pdf"

MEDIA_TYPES: dict[str, MediaType] = {
    ".csv": "text/csv",
    ".tsv": "text/csv",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".pdf": PDF,
    ".docx": DOCX,
    ".pptx": PPTX,
    ".xlsx": XLSX,
}
"""The kinds that can be read, by the ending of a name."""

_DECLARED: dict[str, MediaType] = {
    **{media: media for media in MEDIA_TYPES.values()},
    "application/xhtml+xml": "text/html",
    "text/x-markdown": "text/markdown",
    "text/tab-separated-values": "text/csv",
    "application/csv": "text/csv",
}
_INSTEAD = {
    ".doc": "Save it as .docx and hand that in.",
    ".odt": "Save it as .docx and hand that in.",
    ".rtf": "Save it as .docx and hand that in.",
    ".docm": "Save it as .docx (without macros) and hand that in.",
    ".xls": "Save it as .xlsx and hand that in.",
    ".ods": "Save it as .xlsx and hand that in.",
    ".xlsm": "Save it as .xlsx (without macros) and hand that in.",
    ".ppt": "Save it as .pptx and hand that in.",
    ".pptm": "Save it as .pptx (without macros) and hand that in.",
    ".odp": "Save it as .pptx and hand that in.",
    ".zip": "Unpack it and hand in the documents in it.",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_MAGIC = (
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "a database"),
    (b"{\\rtf", "an RTF document"),
)
_LABELS: dict[MediaType, str] = {
    PDF: "a PDF",
    DOCX: "a Word document (.docx)",
    PPTX: "a PowerPoint presentation (.pptx)",
    XLSX: "an Excel workbook (.xlsx)",
    "text/html": "a web page (HTML)",
    "text/csv": "a CSV table",
    "text/markdown": "Markdown",
    "text/plain": "plain text",
}
_PARTS: tuple[tuple[MediaType, bytes], ...] = ((DOCX, b"word/"), (PPTX, b"ppt/"), (XLSX, b"xl/"))
_PDF_WITHIN = 1024
"""Readers accept a PDF that begins so many bytes late."""
_HEAD = 4096
_HTML = re.compile(rb"(?:<!--.{0,2048}?-->\s{0,64})?<(?:!doctype\s+html|html[\s>])", re.I | re.S)
_TAG = re.compile(r"</?[a-z][a-z0-9]*[\s/>]|<!--|<!doctype", re.I)


def sniff(name: str, content: bytes, *, declared: str = "") -> MediaType:
    """The media type of the document `name` (a file's name or path, or an address).

    `declared` is what a web server called it; it counts where the name has no ending that is
    known. Raises Unparsable: `empty`, `unsupported`, `encrypted` (an Office file with a
    password) or `mislabelled` (the content is something else than the name says).
    """
    suffix = suffix_of(name)
    expected = _declared(declared) or MEDIA_TYPES.get(suffix)
    if not content:
        raise Unparsable("empty", f"{name}: the file is empty. Hand in one with content.")
    found, label = _seems(content)
    if expected is None:
        if suffix or found is None:
            raise Unparsable("unsupported", _cannot_read(name, suffix, label))
        return found
    if content.startswith(_OLE) and expected in (DOCX, PPTX, XLSX) and _locked(content):
        raise Unparsable(
            "encrypted",
            f"{name}: protected with a password. Save it without one and hand that in.",
        )
    if not _fits(expected, found, label, content):
        raise Unparsable("mislabelled", _mislabelled(name, expected, label))
    return expected


def suffix_of(name: str) -> str:
    """The ending, lower-case with its dot, of a file's name or of an address' path."""
    path = urlsplit(name).path if re.match(r"https?://", name) else name.replace("\\", "/")
    suffix = PurePosixPath(path).suffix.lower()
    return suffix if re.fullmatch(r"\.[a-z0-9]{1,10}", suffix) else ""


def _declared(header: str) -> MediaType | None:
    return _DECLARED.get(header.partition(";")[0].strip().lower())


def _seems(content: bytes) -> tuple[MediaType | None, str]:
    """What the bytes look like: a kind that can be read (or None), and its name for a person
    (empty: nothing that speaks for itself, such as text)."""
    if content.startswith(_ZIP):
        return _seems_packed(content)
    if content.startswith(_OLE):
        return None, _old_office(content)
    if b"%PDF-" in content[:_PDF_WITHIN]:
        return PDF, _LABELS[PDF]
    for magic, label in _MAGIC:
        if content.startswith(magic):
            return None, label
    head = content[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML.match(head) or (head.startswith(b"<?xml") and b"<html" in head):
        return "text/html", _LABELS["text/html"]
    if head.startswith(b"<?xml"):
        return None, "an XML file"
    return None, ""


def _seems_packed(content: bytes) -> tuple[MediaType | None, str]:
    if b"[Content_Types].xml" in content:
        for media, part in _PARTS:
            if part in content:
                return media, _LABELS[media]
    return None, "a ZIP archive"


def _old_office(content: bytes) -> str:
    names = (("WordDocument", "Word"), ("Workbook", "Excel"), ("PowerPoint Document", "PowerPoint"))
    for stream, program in names:
        if stream.encode("utf-16-le") in content:
            return f"a {program} file in the old format (before 2007)"
    return "an Office file in the old format (before 2007)"


def _locked(content: bytes) -> bool:
    return "EncryptedPackage".encode("utf-16-le") in content


def _fits(expected: MediaType, found: MediaType | None, label: str, content: bytes) -> bool:
    if expected in (PDF, DOCX, PPTX, XLSX):
        return found == expected
    if expected == "text/html":
        return found == "text/html" or (not label and _has_tags(content))
    return not label or label == "an XML file"


def _has_tags(content: bytes) -> bool:
    sixteen = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = content.decode("utf-16" if sixteen else "latin-1", "ignore")
    return _TAG.search(text) is not None


def _cannot_read(name: str, suffix: str, label: str) -> str:
    known = " ".join(sorted(MEDIA_TYPES))
    what = f"{suffix!r} files" if suffix else "a file without an ending"
    seems = f" (it seems to be {label})" if label else ""
    advice = _INSTEAD.get(suffix, "Save it as one of these.")
    return f"{name}: cannot read {what}{seems}, only {known}. {advice}"


def _mislabelled(name: str, expected: MediaType, label: str) -> str:
    seems = label or "something else"
    return (
        f"{name}: it is called {_LABELS[expected]} but seems to be {seems}."
        " Save it again in the program that it comes from, or give it the right ending."
    )
