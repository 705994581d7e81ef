"""PDF: the text layer in its order, without running heads, words and paragraphs put together.

Lines come with their place on the page (PDFium), which tells paragraphs from gaps and the
running heads from what repeats at the edges of pages. Scanned pages are read too if
``steep[ocr]`` is installed.
"""

from __future__ import annotations

import importlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

from steep.documents.cleaning.wrapped import (
    begins_item,
    count_words,
    ends_sentence,
    join_lines,
    mend_words,
)
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.office.layout import Line
from steep.documents.office.properties import date_of
from steep.documents.office.scan import FLAG, MOST_PAGES, load_engine, read_picture

_NUMBER = re.compile(
    r"[-–—\s|]*(?:page\s*)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of)\s*\d{1,4})?[-–—\s|]*"
)
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
_NO_TITLE = re.compile(
    r"(?i)(?:untitled.*|microsoft (?:word|powerpoint|excel) - .*"
    r"|.*\.(?:docx?|pptx?|indd|tex|dvi|pdf))"
)
_BROKEN_HERE = "\ufffe"
"""What PDFium writes for a hyphen at a line's end, instead of a line's end."""
_LINE_END = re.compile("\r\n|\ufffe|$")
_EDGE_LINES = 3
"""Lines at either end of a page among which running heads are looked for."""
_REPEATED_SHARE = 0.3
_GAP = 1.3
"""A step between lines this many times the usual one parts paragraphs."""


def read_pdf(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a PDF, and a fault for the pages that hold no text."""
    pdfium: Any = importlib.import_module("pypdfium2")
    data = entry.data()
    try:
        document = pdfium.PdfDocument(data)
        count = len(document)
    except pdfium.PdfiumError as error:
        raise _unreadable(error) from error
    if count == 0:
        raise UnreadableError("unreadable file", "is a PDF without pages; fetch or save it again")
    pages: list[list[Line]] = []
    for number in range(count):
        try:
            pages.append(_lines(document[number]))
        except pdfium.PdfiumError:
            pages.append([])
    recognised = _recognise(document, pages, entry, pdfium.PdfiumError)
    without = [number for number, lines in enumerate(pages, start=1) if not lines]
    said = document.get_metadata_dict()
    is_blank = not any(pages) and _is_blank(document, count, pdfium.PdfiumError)
    document.close()
    if is_blank:
        raise UnreadableError("no text", "holds neither text nor pictures; leave it out")
    if not any(pages):
        raise UnreadableError("no text", f"holds no text, only pictures of it; {_advice()}")
    if without:
        verb = "holds" if len(without) == 1 else "hold"
        detail = f"{verb} no text; if it is scanned, {_advice()}"
        yield Fault("no text", detail, _page_numbers(without), fatal=False)
    blocks = _paragraphs(_without_running_heads(pages))
    title = " ".join(said.get("Title", "").split())
    dates = (_DATE.match(said.get(name) or "") for name in ("CreationDate", "ModDate"))
    date = date_of(entry, *("-".join(filter(None, found.groups())) for found in dates if found))
    yield Piece(
        "\n\n".join(blocks),
        None if _NO_TITLE.fullmatch(title) else title or None,
        date=date,
        flags=(FLAG,) if recognised else (),
    )


def _recognise(
    document: Any, pages: list[list[Line]], entry: Entry, error: type[Exception]
) -> bool:
    """Put in what the pages without a text layer show; True if there was any.

    ``error`` is what PDFium raises for a broken page, which stays as it is.
    """
    empty = [number for number, lines in enumerate(pages) if not lines][:MOST_PAGES]
    engine = load_engine() if empty else None
    if engine is None:
        return False
    for number in empty:
        try:
            page = document[number]
            pages[number] = read_picture(page, engine)
            page.close()
        except error:
            continue
        entry.budget.went_on()
    return any(pages[number] for number in empty)


def _is_blank(document: Any, count: int, error: type[Exception]) -> bool:
    """Is nothing at all drawn on its first pages?"""
    for number in range(min(count, MOST_PAGES)):
        try:
            if next(iter(document[number].get_objects()), None) is not None:
                return False
        except error:  # a page that can't be opened may hold anything
            return False
    return True


def _advice() -> str:
    if load_engine() is None:
        return "run pip install 'steep[ocr]' to have it read, or put it through OCR (ocrmypdf)"
    return "put it through another OCR (ocrmypdf): this one reads Latin, Chinese and Japanese"


def _unreadable(error: Exception) -> UnreadableError:
    said = str(error)
    if "password" in said.casefold():
        detail = "is encrypted; save a copy without a password"
    else:
        detail = "is not a readable PDF (damaged or cut off); fetch or save it again"
    return UnreadableError("unreadable file", detail)


def _page_numbers(numbers: Sequence[int]) -> str:
    """Pages as a person writes them: "pages 3-5, 9"."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    written = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)
    return f"page{'s' if len(numbers) > 1 else ''} {written}"


def _lines(page: Any) -> list[Line]:
    """A page's lines in the order of its text layer."""
    textpage = page.get_textpage()
    try:
        lines: list[Line] = []
        whole = textpage.get_text_range(errors="replace")
        at = 0
        for found in _LINE_END.finditer(whole):
            raw = whole[at : found.start()]
            begin = at + len(raw) - len(raw.lstrip())
            end = at + len(raw.rstrip()) - 1
            at = found.end()
            text = raw + "-" if found[0] == _BROKEN_HERE else raw
            if not raw.strip():
                continue
            first, last = (_box(textpage, index) for index in (begin, end))
            lines.append(
                Line(
                    " ".join(text.split()),
                    first[0],
                    min(first[1], last[1]),
                    last[2],
                    max(first[3], last[3]),
                )
            )
        return lines
    finally:
        textpage.close()
        page.close()


def _box(textpage: Any, index: int) -> tuple[float, float, float, float]:
    box = textpage.get_charbox(min(index, textpage.count_chars() - 1), loose=True)
    return box[0], box[1], box[2], box[3]


def _without_running_heads(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Take out what repeats at the top or bottom of pages, and bare page numbers there."""
    edges = [_edges(page) for page in pages]
    counts = Counter(
        key
        for page, edge in zip(pages, edges, strict=True)
        for key in {_key(page[i]) for i in edge}
    )
    enough = max(3.0, _REPEATED_SHARE * len(pages))
    kept: list[list[Line]] = []
    for page, edge in zip(pages, edges, strict=True):
        gone = {
            i
            for i in edge
            if counts[_key(page[i])] >= enough
            or (len(pages) > 1 and _NUMBER.fullmatch(page[i].text.casefold()))
        }
        kept.append([line for i, line in enumerate(page) if i not in gone])
    return kept


def _edges(page: Sequence[Line]) -> set[int]:
    """The places of a page's highest and lowest lines."""
    by_height = sorted(range(len(page)), key=lambda i: page[i].bottom)
    if len(page) <= 2 * _EDGE_LINES:
        return {*by_height[:1], *by_height[-1:]} if len(page) > 2 else set(by_height)
    return {*by_height[:_EDGE_LINES], *by_height[-_EDGE_LINES:]}


def _key(line: Line) -> tuple[str, int]:
    """Running heads say the same but for a number, at the same height."""
    return _DIGITS.sub("#", line.text.casefold()), round(line.bottom / 4)


def _paragraphs(pages: Sequence[Sequence[Line]]) -> list[str]:
    """The lines of all pages as paragraphs, words broken at line ends mended."""
    lines = [line for page in pages for line in page]
    steps = [
        above.bottom - below.bottom
        for page in pages
        for above, below in pairwise(page)
        if 0 < above.bottom - below.bottom < 60
    ]
    usual = median(steps) if steps else 12.0
    widest = max((line.right for line in lines), default=0.0)
    words = count_words("\n".join(line.text for line in lines))
    blocks: list[list[str]] = []
    before: Line | None = None
    for line in lines:
        if before is None or _parts(before, line, usual, widest):
            blocks.append([])
        blocks[-1].append(line.text)
        before = line
    return [join_lines(mend_words("\n".join(block), words).split("\n")) for block in blocks]


def _parts(before: Line, line: Line, usual: float, widest: float) -> bool:
    """True if a new paragraph begins with a line."""
    step = before.bottom - line.bottom
    if before.text.endswith("-") and 0 < step < 2 * usual:
        return False
    height, last = line.top - line.bottom, before.top - before.bottom
    if begins_item(line.text) and (ends_sentence(before.text) or step > 0.5 * usual):
        return True
    if abs(height - last) > 0.15 * max(height, last) and abs(step) > 0.5 * usual:
        return True  # another size of type: a heading
    if step < 0 or step > 4 * usual:  # the next column or page
        return ends_sentence(before.text)
    if step > _GAP * max(usual, 1.1 * height):
        return True
    return ends_sentence(before.text) and before.right < 0.75 * widest and step > 0.5 * usual
