"""Journal articles in JATS (PubMed Central and most publishers): title, abstract, body.

Front matter about people and places, reference lists and acknowledgements are left out; captions
and tables are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steep.documents.formats import Fault, Piece
from steep.documents.grid import Cell, table_lines
from steep.documents.safe_xml import local_name, parse_xml

_LEFT_OUT = {
    "ref-list",
    "ack",
    "fn-group",
    "object-id",
    "label",
    "graphic",
    "media",
    "alternatives",
}
_LEFT_OUT |= {"supplementary-material", "tex-math", "sec-meta", "app-group", "bio"}
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


def _blocks(element: Any) -> list[str]:
    """The paragraphs below an element."""
    blocks: list[str] = []
    for child in element:
        name = local_name(child)
        if name in _LEFT_OUT:
            continue
        if name == "p":
            blocks += _paragraph(child)
        elif name in ("title", "article-title", "subtitle"):
            blocks.append(_line(child))
        elif name == "list":
            items = (" ".join(_blocks(item)) for item in child if local_name(item) == "list-item")
            blocks.append("\n".join(f"- {item}" for item in items if item))
        elif name == "table":
            blocks.append("\n".join(_table(child)))
        elif name == "disp-formula":
            blocks.append(_line(child))
        else:
            blocks += _blocks(child)
    return [block for block in blocks if block]


def _paragraph(element: Any) -> list[str]:
    """A paragraph's text, and behind it what it holds that stands alone (lists, figures)."""
    inner = [c for c in element if local_name(c) in ("list", "fig", "table-wrap", "boxed-text")]
    blocks = [_line(element, {id(c) for c in inner})]
    return blocks + _blocks(inner)


def _line(element: Any, without: set[int] | None = None) -> str:
    def walk(one: Any) -> str:
        parts = [one.text or ""]
        for child in one:
            skip = local_name(child) in ("tex-math", "fn") or (without and id(child) in without)
            parts.append("" if skip else walk(child))
            parts.append(child.tail or "")
        return "".join(parts)

    return " ".join(walk(element).split())


def _table(table: Any) -> list[str]:
    rows: list[list[Cell]] = []
    for row in (e for e in table.iter() if local_name(e) == "tr"):
        head = local_name(row.getparent()) == "thead"
        rows.append(
            [
                (
                    _line(cell),
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
