"""Journal articles in JATS (PubMed Central and most publishers): title, abstract, body.

Front matter about people and places, reference lists and acknowledgements are left out; captions
and tables are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from steep.documents.formats import Fault, Piece
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.raised import BEGIN, END, set_raised
from steep.documents.xml.safe import local_name, parse_xml

_LEFT_OUT = {"ref-list", "ack", "fn-group", "object-id", "label", "graphic", "media", "alt-text"}
_LEFT_OUT |= {"supplementary-material", "tex-math", "sec-meta", "app-group", "bio", "index-term"}
_LEFT_OUT |= {"long-desc", "permissions"}
_NO_WORDS = {"tex-math", "fn", "alt-text", "long-desc", "index-term"}
"""What isn't read among the words of a line."""
_FLOATS = {"fig", "fig-group", "table-wrap", "table-wrap-group", "boxed-text"}
"""What a paragraph may hold anywhere and a reader finds beside it."""
_BLOCKS = _FLOATS | {"p", "sec", "title", "list", "def-list", "disp-quote", "verse-group", "table"}
_BLOCKS |= {"preformat", "array", "statement", "speech", "attrib"}
_TITLES = ("title", "article-title", "subtitle")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_LINK = "{http://www.w3.org/1999/xlink}href"


def is_jats(text: str) -> bool:
    """True for an article with JATS' front matter (DocBook has articles too)."""
    return "<article-meta" in text


def read_jats(text: str) -> Iterator[Piece | Fault]:
    """Yield one piece per article, located as ``article N`` where there are several."""
    root = parse_xml(text)
    articles = [e for e in root.iter() if local_name(e) == "article"]
    for number, article in enumerate(articles, start=1):
        yield _article(article, f"article {number}" if len(articles) > 1 else "")


def _article(article: Any, locator: str) -> Piece:
    meta = _first(article, "article-meta")
    found = _first(meta, "article-title") if meta is not None else None
    title = _line(found) if found is not None else ""
    blocks = [title] if title else []
    for name in ("abstract", "body"):
        for part in (e for e in article.iter() if local_name(e) == name):
            if local_name(part.getparent()) in ("article-meta", "article"):
                blocks += _blocks(part)
    licence = _first(meta, "license") if meta is not None else None
    link = licence.get(_LINK) if licence is not None else None
    if licence is not None and not link:
        link = next((e.get(_LINK) or e.text for e in licence.iter() if e.get(_LINK)), None)
    return Piece(
        "\n\n".join(block for block in blocks if block),
        title or None,
        locator,
        language=article.get(_LANGUAGE),
        date=_date(meta),
        licence=link,
    )


def _date(meta: Any) -> str | None:
    dates = [e for e in meta.iter() if local_name(e) == "pub-date"] if meta is not None else []
    written = []
    for one in dates:
        said = {local_name(e): (e.text or "").strip() for e in one}
        parts = [said.get("year", ""), said.get("month", ""), said.get("day", "")]
        good = [p.zfill(2) for p in parts if p.isdigit()]
        if good and len(good[0]) == 4:
            written.append("-".join(good))
    return min(written, default=None)


def _blocks(elements: Iterable[Any]) -> list[str]:
    """The paragraphs of elements in their order, none empty."""
    return [block for element in elements for block in _block(element) if block]


def _block(element: Any) -> list[str]:
    """The paragraphs of one element."""
    name = local_name(element)
    if not name or name in _LEFT_OUT:
        return []
    if name in ("list", "def-list"):
        items = [_item(part) for part in element if local_name(part) in ("list-item", "def-item")]
        others = [part for part in element if local_name(part) not in ("list-item", "def-item")]
        return [*_blocks(others), "\n".join(item for item in items if item)]
    if name == "verse-group":
        verses = (_line(part) for part in element if local_name(part) == "verse-line")
        titles = [part for part in element if local_name(part) in _TITLES]
        others = [part for part in element if local_name(part) not in ("verse-line", *_TITLES)]
        return [*_blocks(titles), "\n".join(filter(None, verses)), *_blocks(others)]
    if name in ("table", "array"):
        return ["\n".join(_table(element))]
    if name == "alternatives":  # renderings of one thing
        return next((found for part in element if (found := _blocks([part]))), [])
    if _is_verbatim(element):
        return [_verbatim(element)]
    is_line = name in ("p", *_TITLES, "disp-formula") or _has_words(element)
    return _paragraph(element) if is_line else _blocks(element)


def _has_words(element: Any) -> bool:
    """True if an element has words of its own, beside or without children."""
    texts = (element.text, *(child.tail for child in element))
    return any(text and not text.isspace() for text in texts)


def _item(element: Any) -> str:
    """An item of a list as a line, of a list of terms with the term; what is nested is indented."""
    if local_name(element) == "list-item":
        said = "\n".join(_blocks(element))
        return "- " + said.replace("\n", "\n  ") if said else ""
    terms = ", ".join(_line(part) for part in element if local_name(part) == "term")
    meant = " ".join(_blocks(part for part in element if local_name(part) != "term"))
    return ": ".join(part for part in (terms, meant) if part)


def _is_verbatim(element: Any) -> bool:
    """True for code and the like; a few words of code within a line are words."""
    name = local_name(element)
    return name == "preformat" or (name == "code" and "\n" in "".join(element.itertext()).strip())


def _verbatim(element: Any) -> str:
    return "".join(element.itertext()).strip("\r\n").rstrip()


def _paragraph(element: Any) -> list[str]:
    """A paragraph's words, parted by lists and the like in it; figures and tables behind them."""
    blocks: list[str] = []
    run = [element.text or ""]
    floats = []
    for child in element:
        name = local_name(child)
        if name in _FLOATS:
            floats.append(child)
        elif name in _BLOCKS or _is_verbatim(child):
            blocks += [_collapsed(run), *_block(child)]
            run = []
        else:
            run.append(_text(child))
        run.append(child.tail or "")
    return [*blocks, _collapsed(run), *_blocks(floats)]


def _line(element: Any) -> str:
    return _collapsed([_text(element)])


def _collapsed(parts: list[str]) -> str:
    return " ".join(set_raised("".join(parts)).split())


def _text(element: Any) -> str:
    """An element's words, raised ones marked."""
    name = local_name(element)
    if name in _NO_WORDS:
        return ""
    if name == "break":
        return " "
    if name == "alternatives":
        return next((said for part in element if (said := _text(part)).strip()), "")
    parts = [element.text or ""]
    for number, child in enumerate(element):
        if number and name == "mfrac":
            parts.append("/")
        parts += [_text(child), child.tail or ""]
    said = "".join(parts)
    if name == "xref":  # a mark that refers to a note or a source
        bare = said.strip()
        return bare[1:-1] if bare[:1] == BEGIN and bare[-1:] == END else said
    return f"{BEGIN}{said}{END}" if _is_raised(element) else said


def _is_raised(element: Any) -> bool:
    """True for a superscript that isn't a reference, and a power in MathML."""
    if local_name(element) == "sup":
        inner = [*element, *(deeper for part in element for deeper in part)]
        return all(local_name(part) != "xref" for part in inner)
    above = element.getparent()
    is_power = above is not None and local_name(above) in ("msup", "msubsup")
    return is_power and element.getnext() is None


def _table(table: Any) -> list[str]:
    rows: list[list[Cell]] = []
    for row in (e for e in table.iter() if local_name(e) == "tr"):
        head = local_name(row.getparent()) == "thead"
        rows.append(
            [
                (
                    " ".join(" ".join(_paragraph(cell)).split()),
                    head or local_name(cell) == "th",
                    str(cell.get("colspan") or "1"),
                    str(cell.get("rowspan") or "1"),
                )
                for cell in row
                if local_name(cell) in ("td", "th")
            ]
        )
    return table_lines(rows)


def _first(element: Any, name: str) -> Any:
    return next((e for e in element.iter() if local_name(e) == name), None)
