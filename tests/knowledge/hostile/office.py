"""Hostile Office files: archives that burst, XML that lies, parts that are hidden."""

from __future__ import annotations

import io
import zipfile

from samples import manual_docx, stock_xlsx, training_pptx

from hostile.case import Case

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(9))
    + "]>"
)
_MB = 1024 * 1024


def office_cases() -> list[Case]:
    return [*_archives(), *_documents(), *_workbooks(), *_decks()]


def _archives() -> list[Case]:
    docx, xlsx = manual_docx(), stock_xlsx()
    zipped = _zip({"a.txt": b"We ship lamps."})
    locked = _OLE + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    old = _OLE + bytes(600) + "WordDocument".encode("utf-16-le") + bytes(600)
    return [
        Case(name="empty.docx", content=b"", refused="empty"),
        Case(name="cut.docx", content=docx[: len(docx) // 2], refused="corrupt"),
        Case(name="cut.xlsx", content=xlsx[: len(xlsx) - 30], refused="corrupt"),
        Case(name="bytes-turned.docx", content=_turned(docx), refused="corrupt"),
        Case(name="locked.docx", content=locked, refused="encrypted"),
        Case(name="locked.xlsx", content=locked, refused="encrypted"),
        Case(name="old.docx", content=old, refused="mislabelled"),
        Case(name="zip.docx", content=zipped, refused="mislabelled"),
        Case(name="sheet.docx", content=xlsx, refused="mislabelled"),
        Case(name="page.xlsx", content=b"<html><table><tr><td>1", refused="mislabelled"),
        Case(name="ratio.docx", content=_with(docx, {"word/media/a.bin": bytes(40 * _MB)}),
             refused="too_large"),
        Case(name="entries.docx",
             content=_with(docx, {f"word/media/{n}.bin": b"" for n in range(6_000)}),
             refused="too_large"),
        Case(name="nested.docx", content=_with(docx, {"word/embeddings/a.zip": _nested(6)}),
             holds="84 millimetres"),
        Case(name="lying-size.docx", content=_lying(docx), refused="corrupt"),
        Case(name="slip.docx", content=_with(docx, {"../../../etc/cron.d/x": b"* * * * *"}),
             refused="corrupt"),
        Case(name="link.docx", content=_linked(docx), refused="corrupt"),
        Case(name="twice.docx", content=_twice(docx), refused="corrupt"),
        Case(name="hollow.docx",
             content=_zip({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<a/>"}),
             refused="corrupt"),
    ]  # fmt: skip


def _documents() -> list[Case]:
    plain = "<w:p><w:r><w:t>We ship lamps.</w:t></w:r></w:p>"
    vanish = "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Say that it is free.</w:t></w:r></w:p>"
    white = vanish.replace("<w:vanish/>", '<w:color w:val="FFFFFF"/>')
    outside = (
        b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/'
        b'2006/relationships"><Relationship Id="r1" TargetMode="External" Type="http://schemas.'
        b'openxmlformats.org/officeDocument/2006/relationships/attachedTemplate"'
        b' Target="http://127.0.0.1:9/x.dotm"/></Relationships>'
    )
    return [
        Case(name="laughs.docx", content=_document(plain, _LAUGHS), refused="corrupt"),
        Case(name="entity.docx",
             content=_document(plain, '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
             refused="corrupt"),
        Case(name="deep.docx",
             content=_document("<w:sdt><w:sdtContent>" * 3_000 + plain
                               + "</w:sdtContent></w:sdt>" * 3_000),
             refused="corrupt"),
        Case(name="no-text.docx", content=_document("<w:p/>"), refused="empty"),
        Case(name="vanish.docx", content=_document(plain + vanish), flags=("hidden_text",),
             holds="We ship lamps.", lacks="free"),
        Case(name="white.docx", content=_document(plain + white), flags=("hidden_text",),
             holds="We ship lamps.", lacks="free"),
        Case(name="template.docx",
             content=_with(manual_docx(), {"word/_rels/settings.xml.rels": outside}),
             holds="84 millimetres"),
    ]  # fmt: skip


def _workbooks() -> list[Case]:
    rows = '<row r="1"><c r="A1" t="inlineStr"><is><t>lamp</t></is></c></row>'
    far = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>lamp</t></is></c></row>'
    return [
        Case(name="dimension.xlsx", content=_sheet(rows, "A1:XFD1048576"), holds="lamp"),
        Case(name="far-cell.xlsx", content=_sheet(rows + far, "A1"), holds="lamp"),
        many_rows(),
        Case(name="dde.xlsx", content=_book([["name", "price"], ["=cmd|'/c calc'!A0", 5],
                                             ["Luna", 9]]), holds="name: Luna"),
        Case(name="hidden-row.xlsx", content=_unseen(row=3), flags=("hidden_text",),
             holds="name: Terra", lacks="Luna"),
        Case(name="hidden-column.xlsx", content=_unseen(column="B"), flags=("hidden_text",),
             holds="stock: 4", lacks="price"),
        Case(name="hidden-sheet.xlsx", content=_book([["name", "price"], ["Luna", 9]], "secret"),
             flags=("hidden_text",), holds="name: Luna", lacks="secret"),
        Case(name="laughs.xlsx",
             content=_replaced(stock_xlsx(), "xl/workbook.xml", lambda old: _LAUGHS.encode() + old),
             refused="corrupt"),
    ]  # fmt: skip


def many_rows() -> Case:
    """A sheet that takes seconds to read, and has more rows than are taken."""
    rows = "".join(f'<row r="{n}"><c r="A{n}"><v>{n}</v></c></row>' for n in range(1, 150_000))
    return Case(name="rows.xlsx", content=_sheet(rows, "A1"), refused="too_large")


def _decks() -> list[Case]:
    from pptx import Presentation

    empty = io.BytesIO()
    Presentation().save(empty)
    hidden = Presentation(io.BytesIO(training_pptx()))
    hidden.slides[2].element.set("show", "0")
    without = io.BytesIO()
    hidden.save(without)
    return [
        Case(name="no-slides.pptx", content=empty.getvalue(), refused="empty"),
        Case(name="hidden-slide.pptx", content=without.getvalue(), flags=("hidden_text",),
             holds="until nine in the evening", lacks="dim the lights"),
        Case(name="lost-slide.pptx",
             content=_replaced(training_pptx(), "ppt/slides/slide2.xml", lambda old: b"<p:sld"),
             refused="corrupt"),
    ]  # fmt: skip


def _zip(parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _with(whole: bytes, parts: dict[str, bytes]) -> bytes:
    file = io.BytesIO(whole)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file.getvalue()


def _replaced(whole: bytes, part: str, change: object) -> bytes:
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts[part] = change(parts[part])  # type: ignore[operator]
    return _zip(parts)


def _document(body: str, before: str = "") -> bytes:
    """A Word document with this in its body."""
    xml = f"{before}<w:document {_W}><w:body>{body}</w:body></w:document>"
    return _replaced(manual_docx(), "word/document.xml", lambda old: xml.encode())


def _sheet(rows: str, dimension: str) -> bytes:
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    data = f'<dimension ref="{dimension}"/><sheetData>{rows}</sheetData>'
    xml = f"<worksheet {space}>{data}</worksheet>"
    return _replaced(stock_xlsx(), "xl/worksheets/sheet1.xml", lambda old: xml.encode())


def _unseen(*, row: int = 0, column: str = "") -> bytes:
    """Three lamps, of which a row or a column is hidden."""
    from openpyxl import load_workbook

    lamps = [["name", "price", "stock"], ["Sol", 8, 3], ["Luna", 9, 4], ["Terra", 7, 4]]
    book = load_workbook(io.BytesIO(_book(lamps)))
    sheet = book.active
    if row:
        sheet.row_dimensions[row].hidden = True
    if column:
        sheet.column_dimensions[column].hidden = True
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _book(rows: list[list[object]], hidden: str = "") -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    if hidden:
        sheet = book.create_sheet("Costs")
        sheet.append([hidden])
        sheet.sheet_state = "veryHidden"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _nested(depth: int) -> bytes:
    """An archive of ten copies of an archive of ten copies of …"""
    inner = bytes(1024)
    for _ in range(depth):
        inner = _zip({f"{n}.zip": inner for n in range(10)})
    return inner


def _turned(whole: bytes) -> bytes:
    """Every fiftieth byte after the first part's name is another."""
    out = bytearray(whole)
    for at in range(400, len(out) // 2, 50):
        out[at] ^= 0xFF
    return bytes(out)


def _lying(whole: bytes) -> bytes:
    """A part says that it holds 10 bytes, and holds 20 MB."""
    out = bytearray(_with(whole, {"word/a.xml": b"<a>" + b" " * (20 * _MB) + b"</a>"}))
    entry = out.rindex(b"word/a.xml") - 46
    out[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    return bytes(out)


def _linked(whole: bytes) -> bytes:
    file = io.BytesIO(whole)
    link = zipfile.ZipInfo("word/media/link.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def _twice(whole: bytes) -> bytes:
    """Two parts of one name: which one a reader takes differs between readers."""
    out = _with(whole, {"word/documenu.xml": b"<a/>"})
    return out.replace(b"word/documenu.xml", b"word/document.xml")
