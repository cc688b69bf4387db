"""The ZIP around Office files: how much would come out of it, and is any of it a trap?"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib

from projections.knowledge.parsing.errors import Unparsable

MAX_ENTRIES = 5_000
MAX_UNPACKED = 300 * 1024 * 1024
MAX_XML = 150 * 1024 * 1024
"""Of all XML parts together; trees of it take several times as much memory."""
MAX_RATIO = 200
"""Unpacked over packed bytes. Real documents stay below 50."""
_RATIO_FROM = 1024 * 1024
"""Smaller parts may be as repetitive as they like."""
_READ = 256 * 1024
_SAVE_AGAIN = "Save it again in the program that it comes from."
_ENTITY = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.I)
_TAIL = 16


def check_packed(content: bytes, name: str) -> None:
    """Unpacks everything once, piece by piece, keeping nothing.

    Raises Unparsable: `corrupt` (no whole ZIP, entities in its XML, links, paths that lead out
    of it), `encrypted`, `too_large` (more comes out than a document holds).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_listed(entries, name)
            left, left_xml = MAX_UNPACKED, MAX_XML
            for entry in entries:
                size = _unpacked(archive, entry, name, left)
                left -= size
                left_xml -= size if _is_xml(entry.filename) else 0
                if left < 0 or left_xml < 0:
                    raise _too_large(name)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise Unparsable(
            "corrupt", f"{name}: the file is damaged ({error}). {_SAVE_AGAIN}"
        ) from error


def _check_listed(entries: list[zipfile.ZipInfo], name: str) -> None:
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise _too_large(name)
    for entry in entries:
        parts = entry.filename.replace("\\", "/").split("/")
        if entry.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
            raise Unparsable(
                "corrupt",
                f"{name}: a part of it would be written outside of it. {_SAVE_AGAIN}",
                entry.filename[:100],
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Unparsable(
                "corrupt",
                f"{name}: a part of it is a link to another file. {_SAVE_AGAIN}",
                entry.filename[:100],
            )
        if entry.flag_bits & 0x1:
            raise Unparsable(
                "encrypted",
                f"{name}: protected with a password. Save it without one and hand that in.",
            )
        if entry.file_size > _RATIO_FROM and entry.file_size > MAX_RATIO * entry.compress_size:
            raise _too_large(name)
    names = [entry.filename.lower() for entry in entries]
    if len(set(names)) != len(names):
        raise Unparsable("corrupt", f"{name}: two of its parts have one name. {_SAVE_AGAIN}")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, most: int) -> int:
    """How many bytes the part really holds, `most` and a little at most."""
    size, tail, xml = 0, b"", _is_xml(entry.filename)
    with archive.open(entry) as part:
        while (piece := part.read(_READ)) and size <= most:
            size += len(piece)
            if xml and _ENTITY.search((tail + piece).replace(b"\x00", b"")):
                raise Unparsable(
                    "corrupt",
                    f"{name}: its XML defines entities, which no Office program writes."
                    f" {_SAVE_AGAIN}",
                    entry.filename[:100],
                )
            tail = piece[-_TAIL:]
    return size


def _is_xml(filename: str) -> bool:
    return filename.lower().endswith((".xml", ".rels", ".vml"))


def _too_large(name: str) -> Unparsable:
    return Unparsable(
        "too_large",
        f"{name}: far more comes out of it than a document holds, as in a ZIP bomb. If it is a"
        " real document, divide it.",
    )
